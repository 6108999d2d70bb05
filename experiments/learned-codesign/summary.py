#!/usr/bin/env python3
"""Tables of what run.sh found, in Markdown, and OUT/curves/WORKLOAD.csv and .svg: EDP against accelerators tried.

    summary.py OUT

Medians over seeds with the narrowest distribution-free interval of 95 % (order statistics; the extremes below 6 seeds), reductions against
Eyeriss with its best mappings, distances from the proved optimum; exact two-sided rank-sum tests.
"""
import csv
import json
import math
import os
import subprocess
import sys

KERNELS = ["resnet", "dqn", "mlp", "transformer"]
NETWORKS = ["resnet18", "dqn-atari", "mlp-mnist", "encoder"]
PAPER = {"resnet": 18.3, "dqn": 40.2, "mlp": 21.8, "transformer": 16.0}  # recalled; the abstract has 18 and 40
BUDGET = 50
CURVES = [("random inside and outside", "random"), ("paper: bo inside and outside", "paper"),
          ("the same with features of ours", "bo"), ("mapper inside: random", "outer-random"),
          ("mapper inside: bo", "outer"), ("mapper inside: auto", "auto")]
# (name in the tables, folder, what of it)
METHODS = [
    ("Eyeriss, Timeloop's rules", "eyeriss-rs", "result"),
    ("Eyeriss, mappings by the paper's bo", "eyeriss-bo", "result"),
    ("Eyeriss, 250 random mappings", "eyeriss-random", "result"),
    ("random", "random", "result"),
    ("- its accelerator, mapped optimally", "random", "mapped"),
    ("paper: bo outside and inside", "paper", "result"),
    ("- its accelerator, mapped optimally", "paper", "mapped"),
    ("bo outside and inside, features of ours", "bo", "result"),
    ("- its accelerator, mapped optimally", "bo", "mapped"),
    ("random outside, mapper inside", "outer-random", "result"),
    ("bo outside, mapper inside", "outer", "result"),
    ("auto outside, mapper inside, 50", "auto", "at 50"),
    ("auto outside, mapper inside, all", "auto", "result"),
]


def best_of(path):
    """The best value in the JSON of a search; infinite: none was feasible."""
    with open(path) as f:
        found = json.load(f)["optimize"]
    return found[0]["objectives"]["edp_pj_cycles"] if found else math.inf


def curve_of(folder):
    """The best value after each trial."""
    best, out = math.inf, []
    with open(os.path.join(folder, "trials.csv")) as f:
        for row in csv.DictReader(f):
            if row["feasible"] == "1":
                best = min(best, float(row["edp_pj_cycles"]))
            out.append(best)
    return out


def values(out, workload, method, what):
    """By seed, of those that are over."""
    folder = os.path.join(out, workload, method)
    found = {}
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        seed, ext = os.path.splitext(name)
        if ext != ".json" or os.path.getsize(os.path.join(folder, name)) == 0:
            continue
        if what == "result":
            found[int(seed)] = best_of(os.path.join(folder, name))
        elif what == "mapped":
            mapped = os.path.join(folder, seed, "mapped.json")
            if os.path.exists(mapped):
                found[int(seed)] = best_of(mapped)
        else:
            found[int(seed)] = curve_of(os.path.join(folder, seed))[BUDGET - 1]
    return [found[s] for s in sorted(found)]


def median_interval(v, level=0.95):
    """Median, and the narrowest pair of order statistics, as far from either end, that covers it with at least `level`."""
    v, n = sorted(v), len(v)
    median = v[n // 2] if n % 2 else (v[n // 2 - 1] + v[n // 2]) / 2
    take, tail = 0, 0.5**n  # tail: the chance of at most `take` values below the true median
    while take + 1 < n - take - 1:
        more = tail + math.comb(n, take + 1) * 0.5**n
        if 1 - 2 * more < level:
            break
        take, tail = take + 1, more
    return median, v[take], v[n - 1 - take]


def rank_sum(x, y):
    """Two-sided p, exact also with ties: the share of all ways to deal the mid-ranks in which their sum is as far from its mean."""
    pooled = sorted(x + y)
    rank = {}
    for v in set(pooled):
        first = pooled.index(v)
        rank[v] = 2 * first + 1 + pooled.count(v)  # twice the mid-rank
    ways = [{0: 1}] + [{} for _ in x]
    for v in pooled:
        for k in range(len(x) - 1, -1, -1):
            for total, count in ways[k].items():
                ways[k + 1][total + rank[v]] = ways[k + 1].get(total + rank[v], 0) + count
    mean = len(x) * (len(pooled) + 1)
    far = abs(sum(rank[v] for v in x) - mean)
    all_ways = sum(ways[len(x)].values())
    return sum(c for t, c in ways[len(x)].items() if abs(t - mean) >= far) / all_ways


def optimum(out, workload):
    path = os.path.join(out, workload, "optimum", "1.json")
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        return None
    with open(path) as f:
        return json.load(f)


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def cell(v, show):
    """The median with its interval; show: a value as a number."""
    if not v:
        return "-"
    m, low, high = (show(e) for e in median_interval(v))
    low, high = min(low, high), max(low, high)
    return f"{m:.1f}" if len(v) == 1 or f"{low:.1f}" == f"{high:.1f}" == f"{m:.1f}" else f"{m:.1f} [{low:.1f}, {high:.1f}]"


def relative(out, workloads, base, show):
    """Each method's EDP against `base` of each workload."""
    rows = []
    for name, method, what in METHODS:
        row = [name]
        for w in workloads:
            v = values(out, w, method, what)
            row.append(cell(v, lambda e, w=w: show(e, base[w])) if base[w] else "-")
        rows.append(row)
    return rows


def tell(out, workloads):
    eyeriss = {w: (values(out, w, "eyeriss", "result") or [None])[0] for w in workloads}
    best = {w: optimum(out, w) for w in workloads}
    reduction = lambda v, base: 100 * (1 - v / base)
    either = lambda w, key: f"{reduction(best[w][key], eyeriss[w]):.1f}" if best[w] and eyeriss[w] else "-"
    rows = [["EDP of Eyeriss, mapped optimally (pJ x cycles)"] + [f"{eyeriss[w]:.4g}" if eyeriss[w] else "-" for w in workloads]]
    rows += relative(out, workloads, eyeriss, reduction)
    rows.append(["**optimum, proved**"] + [either(w, "bound") for w in workloads])
    rows.append(["no accelerator of these PEs can exceed"] + [either(w, "floor") for w in workloads])
    if any(w in PAPER for w in workloads):
        rows.append(["the paper [recalled]"] + [f"{PAPER[w]}" if w in PAPER else "-" for w in workloads])
    table(["EDP less than that of Eyeriss, %"] + workloads, rows)
    edp = {w: best[w]["edp_pj_cycles"] if best[w] else None for w in workloads}
    table(["EDP above the optimum, %"] + workloads,
          [["Eyeriss, mapped optimally"] + [f"{100 * (eyeriss[w] / edp[w] - 1):.1f}" if edp[w] and eyeriss[w] else "-" for w in workloads]] +
          relative(out, workloads, edp, lambda v, base: 100 * (v / base - 1)))


def tests(out, workloads):
    pairs = [("paper, random", ("paper", "result"), ("random", "result")),
             ("their accelerators, mapped optimally", ("paper", "mapped"), ("random", "mapped")),
             ("bo, random outside; mapper inside", ("outer", "result"), ("outer-random", "result")),
             ("auto at 50, paper", ("auto", "at 50"), ("paper", "result")),
             ("auto, bo outside; mapper inside", ("auto", "at 50"), ("outer", "result")),
             ("paper, Eyeriss by random mappings", ("paper", "result"), ("eyeriss-random", "result")),
             ("paper, Eyeriss by the same bo", ("paper", "result"), ("eyeriss-bo", "result"))]
    rows = []
    for name, a, b in pairs:
        row = [name]
        for w in workloads:
            x, y = values(out, w, *a), values(out, w, *b)
            if not x or not y:
                row.append("-")
                continue
            ratio = median_interval(x)[0] / median_interval(y)[0]
            row.append(f"{100 * (ratio - 1):+.1f} % (p {rank_sum(x, y):.2g})")
        rows.append(row)
    table(["EDP of the first against the second (medians)"] + workloads, rows)


def seconds(out, workloads):
    rows = []
    for method in dict.fromkeys(m for _, m, _ in METHODS):
        row = [method]
        for w in workloads:
            folder = os.path.join(out, w, method)
            times = []
            for name in os.listdir(folder) if os.path.isdir(folder) else []:
                if name.endswith(".time") and os.path.exists(os.path.join(folder, name[:-5] + ".json")):
                    with open(os.path.join(folder, name)) as f:
                        times.append(float(f.read().split()[-1]))
            row.append(f"{median_interval(times)[0]:.2f} ({len(times)})" if times else "-")
        rows.append(row)
    rows.append(["optimum"] + [f"{o['cpu_s']:.1f} (1)" if (o := optimum(out, w)) else "-" for w in workloads])
    table(["CPU seconds of a search, median (searches)"] + workloads, rows)


def feasible(out, workloads):
    """Of accelerators that meet the known constraints, how many have a mapping of every layer: those that random search tried."""
    row = ["with a mapping of each layer, %"]
    for w in workloads:
        folder, good, n = os.path.join(out, w, "outer-random"), 0, 0
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            path = os.path.join(folder, name, "trials.csv")
            if os.path.exists(path):
                with open(path) as f:
                    states = [r["feasible"] for r in csv.DictReader(f)]
                good, n = good + states.count("1"), n + len(states)
        row.append(f"{100 * good / n:.0f} of {n}" if n else "-")
    table(["random accelerators within the budgets"] + workloads, [row])


def curves(out, workload):
    """CSV and SVG of medians and intervals of the best EDP over that of Eyeriss, after each accelerator, from where the interval is finite."""
    base = values(out, workload, "eyeriss", "result")
    if not base:
        return
    path = os.path.join(out, "curves", workload)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    best, last = optimum(out, workload), 0
    with open(path + ".csv", "w") as f:
        f.write("label,x,y,low,high\n")
        for label, method in CURVES:
            folder = os.path.join(out, workload, method)
            names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
            runs = [curve_of(os.path.join(folder, n[:-5])) for n in names if n.endswith(".json")]
            for k in range(min((len(r) for r in runs), default=0)):
                m = median_interval([r[k] for r in runs])
                if math.isfinite(m[2]):
                    f.write(f"{label},{k + 1}," + ",".join(f"{v / base[0]:.6g}" for v in m) + "\n")
                    last = max(last, k + 1)
        if best and last:
            for x in (1, last):
                f.write(f"optimum,{x}" + f",{best['edp_pj_cycles'] / base[0]:.6g}" * 3 + "\n")
    build = os.environ.get("BUILD", os.path.join(os.path.dirname(__file__), "..", "..", "build", "release"))
    plot = os.path.join(build, "experiments", "plot_curves")
    if last and os.path.exists(plot):
        subprocess.run([plot, path + ".csv", path + ".svg", workload, "accelerators", "EDP / Eyeriss's, mapped optimally"], check=True)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: summary.py OUT")
    out = sys.argv[1]
    for workloads in (KERNELS, NETWORKS):
        tell(out, workloads)
        tests(out, workloads)
        feasible(out, workloads)
        seconds(out, workloads)
    for w in KERNELS + NETWORKS:
        curves(out, w)


if __name__ == "__main__":
    main()
