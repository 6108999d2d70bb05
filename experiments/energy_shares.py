#!/usr/bin/env python3
"""Which coefficients the energy of a network rests on.

    experiments/energy_shares.py handmade@micro mobilenetv2@edge

Adds up the energies of all intervals of `tandem eval --format json` by where they arise. A
coefficient that is wrong by 10 % moves the energy by a tenth of its share (the clock tree follows
all but DRAM and leakage). $TANDEM names the program (default build/release/tandem).
"""
import json
import os
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
TANDEM = os.environ.get("TANDEM", os.path.join(ROOT, "build", "release", "tandem"))


def shares(net, hw):
    out = subprocess.run([TANDEM, "eval", net, "--hw", hw, "--format", "json"], check=True,
                         capture_output=True, text=True)
    s = json.loads(out.stdout)
    total = {}
    for i in s["intervals"]:
        e = i["energy_pj"]
        parts = {"MAC": e.get("mac", 0), "clock tree": e.get("clock_tree", 0),
                 "loading weights": e.get("loading_weights", 0),
                 "joined sums, loading weights": e.get("joined_and_loading_weights", 0),
                 "vector unit": e.get("vector_unit_and_memories", 0), "leakage": e["leakage"]}
        for level, tensors in e.get("levels", {}).items():
            parts[level] = sum(tensors.values())
        for k, v in parts.items():
            total[k] = total.get(k, 0) + v
    whole = s["energy_j"] * 1e12
    if abs(sum(total.values()) / whole - 1) > 1e-6:
        sys.exit(f"parts sum to {sum(total.values())} pJ, the whole is {whole} pJ")
    print(f"{net} on {hw}: {whole * 1e-6:.3g} uJ, {1e6 * s['latency_s']:.4g} us")
    for k, v in sorted(total.items(), key=lambda kv: -kv[1]):
        if v > 0:
            print(f"  {k:28} {100 * v / whole:6.1f} %")


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    for what in sys.argv[1:]:
        shares(*what.split("@"))


main()
