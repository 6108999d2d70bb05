#!/usr/bin/env python3
"""`tandem eval`'s cost of a layer is `tandem cost` of its exported neutral case, bit for bit.

    experiments/eval_equals_cost.py results/quickstart           # best/ and each rows/NAME/
    experiments/eval_equals_cost.py handmade@micro mobilenetv2@edge

For every mapped layer: energy of each level and tensor, of the MACs and in all, cycles of the mapping
and cycles on chip, compared with ==. JSON has numbers with as many digits as tell them apart, so equal
here is equal in each bit. Exit code 1 if anything differs, or if there was nothing to compare. Only
standard Python; $TANDEM names the program (default build/release/tandem).
"""
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
TANDEM = os.environ.get("TANDEM", os.path.join(ROOT, "build", "release", "tandem"))


def tandem(*arguments):
    run = subprocess.run([TANDEM, *arguments], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"tandem {' '.join(arguments)}: exit code {run.returncode}\n{run.stderr}")
    return run.stdout


def designs(what):
    """[(row, arguments of `tandem eval`)] of a results folder or of NET@HW."""
    if not os.path.isdir(what):
        net, at, hw = what.partition("@")
        return [(what, [net, "--hw", hw])] if at else sys.exit(f"{what}: no folder, nor NET@HW")
    rows = os.path.join(what, "rows")
    names = ["best"] + [os.path.join("rows", n)
                        for n in (sorted(os.listdir(rows)) if os.path.isdir(rows) else [])]
    found = [(n, [os.path.join(what, n)]) for n in names
             if os.path.exists(os.path.join(what, n, "network.yaml"))]
    return found or sys.exit(f"{what}: no best/ and no rows/ with a network.yaml")


def figures_of_eval(interval):
    energy = interval["energy_pj"]
    figures = {"cycles": interval["mapping_cycles"], "cycles on chip": interval["compute_cycles"],
               "energy in all": interval["mapping_pj"], "energy of MACs": energy["mac"]}
    for level, tensors in energy["levels"].items():
        for tensor, pj in tensors.items():
            figures[f"energy of {tensor} at {level}"] = pj
    return figures


def figures_of_cost(result, turns):
    """turns: of a layer in a stack, whose case is one of them."""
    levels = result["levels"]
    inner = list(levels)[:-1]
    figures = {"cycles": result["cycles"],
               "cycles on chip": turns * max([result["compute_cycles"]] +
                                             [levels[n]["cycles"] for n in inner]),
               "energy in all": result["energy_total_pj"],
               "energy of MACs": turns * result["energy_pj"]["MAC"]}
    for name, level in levels.items():
        for tensor in "WIO":
            if tensor in level:
                figures[f"energy of {tensor} at {name}"] = turns * level[tensor]["energy_pj"]
    return figures


def compare(row, arguments):
    """(layers, figures, differing) of one design."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cases.jsonl")
        schedule = json.loads(tandem("eval", *arguments, "--cases", path, "--format", "json"))
        costs = [json.loads(line) for line in
                 tandem("cost", path, "--counting", "exact", "--format", "json").splitlines()]
    mapped = [i for i in schedule["intervals"] if "case" in i]
    if len(mapped) != len(costs):
        sys.exit(f"{row}: {len(mapped)} mapped layers, {len(costs)} costs")
    figures = differing = 0
    for interval, cost in zip(mapped, costs):
        a, b = figures_of_eval(interval), figures_of_cost(cost["result"], interval["bands"])
        for key in sorted(a.keys() | b.keys()):
            figures += 1
            # What is joined to a layer may take longer than its mapping does.
            if key == "cycles on chip" and "joined" in interval and a[key] >= b[key]:
                continue
            if a.get(key) != b.get(key):
                differing += 1
                print(f"{row}: {interval['layer']}: {key}: eval {a.get(key)!r}, cost {b.get(key)!r}",
                      file=sys.stderr)
    return len(mapped), figures, differing


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    wrong = False
    print(f"{'row':32} {'layers':>7} {'figures':>8} {'differing':>10}")
    for what in sys.argv[1:]:
        for row, arguments in designs(what):
            layers, figures, differing = compare(row, arguments)
            print(f"{row:32} {layers:7} {figures:8} {differing:10}")
            wrong = wrong or differing > 0 or layers == 0
    sys.exit(1 if wrong else 0)


main()
