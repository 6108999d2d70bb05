#!/usr/bin/env python3
"""Time of a fused inverted bottleneck over that of a depthwise one, by place in the network.

    experiments/crossover.py                # the shipped edge: places, kernels, expansions, strides
    experiments/crossover.py --ports        # its port: 8 to 64 bytes, for both directions or for each
    experiments/crossover.py --networks     # the blocks of MobileNetEdgeTPU v1 at its own places
    experiments/crossover.py HW.yaml ...    # other accelerators

For Edge TPUs it is reported that fused blocks are faster early in a network and slower late. A block is
all of its layers: expansion, depthwise convolution, projection, residual where the stride is 1. It
stands between two 1x1 convolutions, so that its input and output can stay on chip; its intervals in the
schedule of the whole count. $TANDEM names the program (default build/release/tandem).
"""
import functools
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
TANDEM = os.environ.get("TANDEM", os.path.join(ROOT, "build", "release", "tandem"))
NODES = 100000  # of the mapper: figures of the machine, not of the default budget

# side, channels in and out, stride
SAME = [(112, 16, 16, 1), (112, 24, 24, 1), (56, 32, 32, 1), (28, 48, 48, 1), (14, 96, 96, 1),
        (14, 128, 128, 1), (7, 160, 160, 1)]
DOWN = [(112, 16, 24, 2), (112, 32, 48, 2), (56, 32, 48, 2), (28, 48, 96, 2), (14, 96, 160, 2)]
OTHER_SIZES = [(160, 16, 16, 1), (96, 16, 16, 1), (64, 16, 16, 1), (96, 16, 24, 2), (48, 32, 48, 2),
               (24, 48, 96, 2), (12, 96, 160, 2)]
# MobileNetEdgeTPU v1 (tensorflow/models): side, in, out, stride, kernel, expansion, and what stands there
EDGETPU_V1 = [(112, 16, 32, 2, 3, 8, "fused"), (56, 32, 32, 1, 3, 4, "fused"),
              (56, 32, 48, 2, 3, 8, "fused"), (28, 48, 48, 1, 3, 4, "fused"),
              (28, 48, 96, 2, 3, 8, "depthwise"), (14, 96, 96, 1, 3, 4, "depthwise"),
              (14, 96, 160, 2, 5, 8, "depthwise"), (7, 160, 160, 1, 5, 4, "depthwise")]


def block(fused, c, out, stride, kernel, t):
    layers = []

    def conv(name, channels, act=True, **more):
        layers.append({"op": "conv", "name": f"block_{name}", "out": channels, **more})
        layers.append({"op": "batch_norm", "name": f"block_{name}_bn"})
        if act:
            layers.append({"op": "relu"})

    if fused:
        conv("expand", c * t, kernel=kernel, stride=stride)
    else:
        conv("expand", c * t)
        conv("depthwise", c * t, kernel=kernel, stride=stride, groups=c * t)
    conv("project", out, act=False)
    if stride == 1 and c == out:
        layers.append({"op": "add", "name": "block_add", "inputs": ["before", "block_project_bn"]})
    return layers


@functools.lru_cache(maxsize=None)
def cycles(hw, fused, side, c, out, stride, kernel, t):
    net = {"name": "block", "input": [c, side, side],
           "layers": [{"op": "conv", "name": "before", "out": c}] +
                     block(fused, c, out, stride, kernel, t) +
                     [{"op": "conv", "name": "after", "out": 16}]}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        json.dump(net, f)
        f.flush()
        run = subprocess.run([TANDEM, "eval", f.name, "--hw", hw, "--max-nodes", str(NODES),
                              "--format", "json"], check=True, capture_output=True, text=True)
    return sum(i["cycles"] for i in json.loads(run.stdout)["intervals"]
               if i["layer"].startswith("block"))


def ratio(hw, *place):
    return cycles(hw, True, *place) / cycles(hw, False, *place)


def name(side, c, out, stride):
    return f"{side}x{side}x{c}" + (f" to {out}, stride 2" if stride == 2 else "")


def table(hw, places, blocks=tuple((k, t) for k in (3, 5, 7) for t in (3, 6))):
    print(f"  {'':26}" + "".join(f"  k{k} t{t}" for k, t in blocks))
    for place in places:
        print(f"  {name(*place):26}" + "".join(f"{ratio(hw, *place, k, t):7.2f}" for k, t in blocks),
              flush=True)


def ports(folder):
    with open(os.path.join(ROOT, "hw", "edge.yaml"), encoding="utf-8") as f:
        edge = f.read()
    for count in (1, 2):
        for port in (8, 16, 32, 64):
            hw = os.path.join(folder, f"{count}x{port}.yaml")
            text = re.sub(r"(?m)^port_bytes: *\d+", f"port_bytes: {port}", edge)
            with open(hw, "w", encoding="utf-8") as f:
                f.write(re.sub(r"(?m)^local_ports: *\d", f"local_ports: {count}", text))
            print(f"edge, {port} bytes {'in all' if count == 1 else 'each way'}: fused / depthwise")
            table(hw, SAME[:1] + SAME[2:4] + SAME[5:6] + DOWN[:1] + DOWN[2:],
                  ((3, 3), (3, 6), (5, 3), (5, 6)))


def networks(hw):
    print(f"MobileNetEdgeTPU v1 on {hw}: cycles of both, fused / depthwise, what stands there")
    for *place, kernel, t, kind in EDGETPU_V1:
        both = [cycles(hw, fused, *place, kernel, t) for fused in (True, False)]
        print(f"  {name(*place):26} k{kernel} t{t} {both[0]:8,.0f} {both[1]:8,.0f} "
              f"{both[0] / both[1]:7.2f}  {kind}", flush=True)


def main():
    args = sys.argv[1:]
    if args == ["--ports"]:
        with tempfile.TemporaryDirectory() as folder:
            ports(folder)
    elif args == ["--networks"]:
        networks("edge")
    else:
        for hw in args or ["edge"]:
            print(f"{hw}: fused / depthwise")
            table(hw, SAME + DOWN + OTHER_SIZES)


main()
