#!/usr/bin/env python3
"""How much exact and Timeloop counting differ on real layers.

    experiments/counting.py mobilenetv2@edge handmade@micro      # mappings of tandem's own mapper
    experiments/counting.py cases.jsonl                          # neutral cases, one a line
    experiments/counting.py mapper_baseline.json                 # mappings of Timeloop's mapper

Every mapped layer is costed three times with `tandem cost`: exact; exact with the padding taken for
words of the image, as Timeloop does; Timeloop's rules. So the first step shows what padding makes,
the second what the counting rules make. Only standard Python; $TANDEM names the program (default
build/release/tandem). Capacities are lifted, since they change no cost and a padded tile may exceed
what was sized for the image alone. A layer counts as often as its network has it.
"""
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
TANDEM = os.environ.get("TANDEM", os.path.join(ROOT, "build", "release", "tandem"))


def of_network(what):
    net, hw = what.split("@")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cases.jsonl")
        subprocess.run([TANDEM, "eval", net, "--hw", hw, "--cases", path, "--format", "json"],
                       check=True, stdout=subprocess.DEVNULL)
        return of_lines(path)


def of_lines(path):
    with open(path) as f:
        return [json.loads(line) for line in f if line.strip()]


def of_timeloop(path):
    """{accelerator: cases}; of several runs for a layer the best one."""
    with open(path) as f:
        doc = json.load(f)
    best = {}
    for r in doc["results"]:
        if "mapping" not in r:
            continue
        key = r["arch"], r["net"], r["layer"]
        edp = r["best"]["cycles"] * r["best"]["energy_total_pj"]
        if key not in best or edp < best[key][0]:
            best[key] = edp, {"format": "neutral-case-1", "name": f"{r['net']}/{r['layer']}",
                              "problem": r["problem"], "arch": doc["archs"][r["arch"]]["arch"],
                              "mapping": r["mapping"]}
    sets = {}
    for (arch, _, _), (_, case) in best.items():
        sets.setdefault(f"Timeloop's mappings on {arch}", []).append(case)
    return sets


def lifted(case, pad):
    case = json.loads(json.dumps(case))
    for level in case["arch"]["levels"]:
        level["capacity_words"] = None
    if not pad:
        case["problem"].pop("pad", None)
    return case


def cost(cases, counting):
    text = "".join(json.dumps(c) + "\n" for c in cases)
    out = subprocess.run([TANDEM, "cost", "-", "--counting", counting, "--format", "json"],
                         input=text, capture_output=True, text=True)
    lines = [json.loads(line)["result"] for line in out.stdout.splitlines()]
    if len(lines) != len(cases):
        sys.exit(f"{len(cases) - len(lines)} of {len(cases)} cases were refused:\n{out.stderr}")
    return lines


def tensor_pj(result, tensor):
    return sum(level[tensor]["energy_pj"] for level in result["levels"].values()
               if tensor in level)


def top_words(result, outermost):
    level = result["levels"][outermost]
    return sum(v["reads"] + v["fills"] + v["updates"] for k, v in level.items() if k in "WIO")


def share(a, b):
    return f"{100 * (a / b - 1):+7.2f} %" if b else "        -"


def row(label, run, base, tops):
    total = lambda r, f: sum(f(x) for x in r)
    cycles, pj = (lambda x: x["cycles"]), (lambda x: x["energy_total_pj"])
    cells = [share(total(run, f), total(base, f)) for f in
             [cycles, pj] + [lambda x, t=t: tensor_pj(x, t) for t in "WIO"]]
    cells.append(share(sum(map(top_words, run, tops)), sum(map(top_words, base, tops))))
    text = f"  {label:32}" + " ".join(cells)
    for f in cycles, pj:
        ratio = [f(a) / f(b) for a, b in zip(run, base)]
        text += f"   {sum(abs(x - 1) > .01 for x in ratio):3} [{share(min(ratio), 1)},{share(max(ratio), 1)}]"
    print(text)


def compare(name, cases):
    exact = cost([lifted(c, True) for c in cases], "exact")
    words = cost([lifted(c, False) for c in cases], "exact")
    timeloop = cost([lifted(c, False) for c in cases], "timeloop")
    padded = sum(any(c["problem"].get("pad", [0])) for c in cases)
    tops = [c["arch"]["levels"][-1]["name"] for c in cases]
    print(f"{name}: {len(cases)} layers, {padded} with padding")
    print(f"  {'':32}" + " ".join(f"{x:>9}" for x in
          ["cycles", "energy", "W", "I", "O", "off chip"])
          + "   layers by > 1 % in cycles     in energy")
    if padded:
        row("padding as words / exact", words, exact, tops)
        row("timeloop / padding as words", timeloop, words, tops)
    row("timeloop / exact", timeloop, exact, tops)
    print()


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    for what in sys.argv[1:]:
        if "@" in what:
            compare(what, of_network(what))
        elif what.endswith(".jsonl"):
            compare(what, of_lines(what))
        else:
            for name, cases in sorted(of_timeloop(what).items()):
                compare(name, cases)


main()
