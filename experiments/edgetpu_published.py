#!/usr/bin/env python3
"""Published Edge TPU latencies beside ours: classifiers and segmenters of tensorflow/models.

    experiments/edgetpu_published.py FOLDER                # with classification.csv and segmentation.csv
    experiments/edgetpu_published.py FOLDER --hw HW.yaml   # another accelerator than the shipped edge

int8 on the Edge TPU of a Pixel 6 (tensorflow/models, official/projects/edgetpu/vision/README.md). FOLDER
(default ../shared/data/edgetpu_tables beside the checkout) has one line for each network, with the columns
model and pixel6_edgetpu_ms. Prints both latencies with MACs and parameters, their ratio, and how well our
latency, its bound, MACs and parameters rank the networks; and how far a straight line through all other
networks, time = a + b x figure, misses each. $TANDEM names the program (default
build/release/tandem).
"""
import csv
import itertools
import json
import math
import os
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
TANDEM = os.environ.get("TANDEM", os.path.join(ROOT, "build", "release", "tandem"))

# the name there: the shipped network and its options
CLASSIFIERS = {
    "MobileNetEdgeTPUv2-Tiny": ["mobilenet-edgetpu-v2-tiny"],
    "MobileNetEdgeTPUv2-XS": ["mobilenet-edgetpu-v2-xs"],
    "MobileNetEdgeTPUv2-S": ["mobilenet-edgetpu-v2-s"],
    "MobileNetEdgeTPUv2-M": ["mobilenet-edgetpu-v2-m"],
    "MobileNetEdgeTPUv2-L": ["mobilenet-edgetpu-v2-l"],
    "MobileNetEdgeTPU dm1.0": ["mobilenet-edgetpu"],
    "MobileNetEdgeTPU dm1.25": ["mobilenet-edgetpu", "--width", "1.25"],
    "MobileNetEdgeTPU dm1.5": ["mobilenet-edgetpu", "--width", "1.5"],
    "MobileNetEdgeTPU dm1.75": ["mobilenet-edgetpu", "--width", "1.75"],
}
SEGMENTERS = {  # those with a BiFPN head are not shipped
    "deeplabv3plus_mobilenetv2_baseline": ["deeplabv3plus-mobilenetv2"],
    "deeplabv3plus_mobilenet_edgetpuv2_xs": ["deeplabv3plus-edgetpu-v2-xs"],
    "deeplabv3plus_mobilenet_edgetpuv2_s": ["deeplabv3plus-edgetpu-v2-s"],
    "deeplabv3plus_mobilenet_edgetpuv2_m": ["deeplabv3plus-edgetpu-v2-m"],
}


def ours(net, hw):
    run = subprocess.run([TANDEM, "eval", *net, "--hw", hw, "--format", "json"], check=True,
                         capture_output=True, text=True)
    doc = json.loads(run.stdout)
    return {"latency": doc["latency_s"] * 1e3, "bound": doc["bound_latency_s"] * 1e3,
            "MACs": doc["macs"] * 1e-6, "parameters": doc["parameters"] * 1e-6}


def ranks(v):
    """Mid-ranks: equal values share theirs."""
    return [sum(w < x for w in v) + (sum(w == x for w in v) + 1) / 2 for x in v]


def spearman(x, y):
    a, b = ranks(x), ranks(y)
    ma, mb = sum(a) / len(a), sum(b) / len(b)
    return sum((p - ma) * (q - mb) for p, q in zip(a, b)) / math.sqrt(
        sum((p - ma) ** 2 for p in a) * sum((q - mb) ** 2 for q in b))


def kendall(x, y):
    """tau-b."""
    def sign(v):
        return (v > 0) - (v < 0)

    pairs = [(sign(x[i] - x[j]), sign(y[i] - y[j]))
             for i, j in itertools.combinations(range(len(x)), 2)]
    return sum(p * q for p, q in pairs) / math.sqrt(
        sum(p * p for p, _ in pairs) * sum(q * q for _, q in pairs))


def line_misses(x, y):
    """Relative error at each point of the least-squares line through the others."""
    misses = []
    for i in range(len(x)):
        u, v = x[:i] + x[i + 1:], y[:i] + y[i + 1:]
        mu, mv = sum(u) / len(u), sum(v) / len(v)
        b = sum((p - mu) * (q - mv) for p, q in zip(u, v)) / sum((p - mu) ** 2 for p in u)
        misses.append(abs(mv + b * (x[i] - mu) - y[i]) / y[i])
    return misses


def table(title, path, networks, hw):
    with open(path, encoding="utf-8") as f:
        published = {row["model"]: float(row["pixel6_edgetpu_ms"]) for row in csv.DictReader(f)}
    rows = [(name, published[name], ours(net, hw)) for name, net in networks.items()]
    rows.sort(key=lambda row: row[1])
    print(f"{title}, ms    {hw}")
    print(f"  {'':38}{'published':>10}{'ours':>8}{'ratio':>7}{'bound':>8}{'M MACs':>9}{'M par.':>8}"
          f"{'GMAC/ms published':>19}")
    for name, ms, o in rows:
        print(f"  {name:38}{ms:10.2f}{o['latency']:8.3f}{ms / o['latency']:7.2f}{o['bound']:8.3f}"
              f"{o['MACs']:9.0f}{o['parameters']:8.2f}{o['MACs'] / ms * 1e-3:19.2f}")
    ms = [row[1] for row in rows]
    for key in ("latency", "bound", "MACs", "parameters"):
        v = [row[2][key] for row in rows]
        ratio = sorted(m / x for m, x in zip(ms, v))
        print(f"  {key:12} Spearman {spearman(ms, v):6.3f}, Kendall {kendall(ms, v):6.3f}; "
              f"published / this: largest over smallest {ratio[-1] / ratio[0]:.2f}", end="")
        if len(ms) > 4:  # two of them are the line's
            misses = line_misses(v, ms)
            print(f"; line misses {100 * sum(misses) / len(misses):.1f} % (mean), "
                  f"{100 * max(misses):.1f} % (most)", end="")
        print()


def main():
    args, hw = sys.argv[1:], "edge"
    if "--hw" in args:
        at = args.index("--hw")
        hw = args[at + 1]
        del args[at:at + 2]
    folder = args[0] if args else os.path.join(ROOT, "..", "shared", "data", "edgetpu_tables")
    table("Classifiers, 224 pixels", os.path.join(folder, "classification.csv"), CLASSIFIERS, hw)
    table("Segmenters, 512 pixels, 32 classes", os.path.join(folder, "segmentation.csv"),
          SEGMENTERS, hw)


if __name__ == "__main__":
    main()
