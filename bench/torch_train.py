#!/usr/bin/python3
"""Images per CPU-second of a training step in PyTorch: the other side of bench/train_vs_torch.sh.

Networks A and C as td_net_build() makes them, channels-last, one thread, SGD with momentum 0.9 and
weight decay 1e-4; bf16 is autocast, or with --cast the whole network in bf16. Prints JSON lines as
bench_train does.
"""
import argparse
import json
import time

import torch
from torch import nn

BLOCKS = {  # kernel, expansion, out, stride
    "A": [(3, 1, 16, 1), (3, 3, 24, 2), (3, 3, 24, 1), (3, 6, 32, 2), (5, 6, 32, 1), (3, 6, 32, 1),
          (5, 6, 64, 1), (3, 3, 64, 1)],
    "C": [(3, 1, 16, 1), (3, 3, 24, 2), (3, 3, 24, 1), (5, 6, 32, 1), (3, 6, 32, 1)],
}
STEM_STRIDE = {"A": 1, "C": 2}


def conv(i, o, k, s=1, g=1, act=True):
    parts = [nn.Conv2d(i, o, k, s, k // 2, groups=g, bias=False), nn.BatchNorm2d(o)]
    return nn.Sequential(*parts, *([nn.ReLU(inplace=True)] if act else []))


class Block(nn.Module):
    def __init__(self, i, k, t, o, s):
        super().__init__()
        expand = [conv(i, i * t, 1)] if t > 1 else []
        self.body = nn.Sequential(*expand, conv(i * t, i * t, k, s, i * t),
                                  conv(i * t, o, 1, act=False))
        self.residual = s == 1 and i == o

    def forward(self, x):
        return x + self.body(x) if self.residual else self.body(x)


def network(name):
    c, layers = 16, [conv(1, 16, 3, STEM_STRIDE[name])]
    for k, t, o, s in BLOCKS[name]:
        layers.append(Block(c, k, t, o, s))
        c = o
    layers += [conv(c, 128, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10)]
    return nn.Sequential(*layers)


def steps(name, number, batch, cast):
    torch.manual_seed(1)
    net = network(name).to(memory_format=torch.channels_last).train()
    if number == "bf16" and cast:
        net = net.bfloat16()
    x = torch.randn(batch, 1, 28, 28).to(memory_format=torch.channels_last)
    if number == "bf16" and cast:
        x = x.bfloat16()
    y = torch.randint(0, 10, (batch,))
    opt = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    loss_fn = nn.CrossEntropyLoss()

    def step():
        opt.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=number == "bf16" and not cast):
            out = net(x)
        loss = loss_fn(out.float(), y)
        loss.backward()
        opt.step()
        return loss

    return step


def measure(step, batch, seconds):
    start = last = time.thread_time()
    images, shortest = 0, 1e30
    while last - start < seconds:
        step()
        now = time.thread_time()
        shortest, last, images = min(shortest, now - last), now, images + batch
    return images / (last - start), batch / shortest


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--net", default="A,C")
    p.add_argument("--number", default="fp32,bf16")
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--seconds", type=float, default=3)
    p.add_argument("--repeat", type=int, default=3)
    p.add_argument("--cast", action="store_true")
    a = p.parse_args()
    torch.set_num_threads(1)
    for _ in range(a.repeat):
        for net in a.net.split(","):
            for number in a.number.split(","):
                step = steps(net, number, a.batch, a.cast)
                measure(step, a.batch, 0.3)
                rate, best = measure(step, a.batch, a.seconds)
                print(json.dumps({"engine": "torch-" + torch.__version__, "net": net,
                                  "number": number, "batch": a.batch,
                                  "images_per_cpu_s": round(rate, 1), "best_step": round(best, 1)}),
                      flush=True)


if __name__ == "__main__":
    main()
