#!/usr/bin/env python3
"""Time of a fused inverted bottleneck over that of a depthwise one, by place in the network.

    experiments/crossover.py                # edge with ports of 8, 16, 32 and 64 bytes
    experiments/crossover.py HW.yaml ...    # other accelerators

For Edge TPUs it is reported that fused blocks are faster early in a network and slower late. The
port of the local memory decides whether the template shows that (hw/edge.yaml: port_bytes). A block
stands between two 1x1 convolutions, so that its input and output can stay on chip; only its own
intervals count. $TANDEM names the program (default build/release/tandem).
"""
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
TANDEM = os.environ.get("TANDEM", os.path.join(ROOT, "build", "release", "tandem"))


def block(fused, c, kernel, t):
    layers = []

    def conv(name, out, **more):
        layers.append({"op": "conv", "name": name, "out": out, **more})
        layers.append({"op": "batch_norm"})

    if fused:
        conv("block_expand", c * t, kernel=kernel)
        layers.append({"op": "relu"})
    else:
        conv("block_expand", c * t)
        layers.append({"op": "relu"})
        conv("block_depthwise", c * t, kernel=kernel, groups=c * t)
        layers.append({"op": "relu"})
    conv("block_project", c)
    return layers


def cycles(folder, hw, fused, c, side, kernel, t):
    net = {"name": "block", "input": [c, side, side],
           "layers": [{"op": "conv", "name": "before", "out": c}] + block(fused, c, kernel, t) +
                     [{"op": "conv", "name": "after", "out": c}]}
    path = os.path.join(folder, "net.json")
    with open(path, "w") as f:
        json.dump(net, f)
    out = subprocess.run([TANDEM, "eval", path, "--hw", hw, "--format", "json"], check=True,
                         capture_output=True, text=True)
    return sum(i["compute_cycles"] for i in json.loads(out.stdout)["intervals"]
               if i["layer"].startswith("block"))


def table(folder, hw):
    places = [(112, 16), (56, 32), (28, 48), (14, 96), (14, 128), (7, 160)]
    blocks = [(k, t) for k in (3, 5) for t in (3, 6)]
    print("  place         " + "".join(f"  k{k} t{t}" for k, t in blocks))
    for side, c in places:
        r = [cycles(folder, hw, True, c, side, k, t) / cycles(folder, hw, False, c, side, k, t)
             for k, t in blocks]
        print(f"  {f'{side}x{side}x{c}':14}" + "".join(f"{x:7.2f}" for x in r))


def main():
    with open(os.path.join(ROOT, "hw", "edge.yaml")) as f:
        edge = f.read()
    with tempfile.TemporaryDirectory() as folder:
        for hw in sys.argv[1:]:
            print(f"{hw}: fused / depthwise, cycles on chip")
            table(folder, hw)
        for port in (8, 16, 32, 64) if len(sys.argv) == 1 else ():
            hw = os.path.join(folder, f"port{port}.yaml")
            with open(hw, "w") as f:
                f.write(re.sub(r"(?m)^port_bytes: *\d+", f"port_bytes: {port}", edge))
            print(f"edge with a port of {port} bytes: fused / depthwise, cycles on chip")
            table(folder, hw)


main()
