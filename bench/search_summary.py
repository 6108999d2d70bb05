"""Table of bench/search.sh: strategies by problem, and the best figures of other programs' beside ours.

    search_summary.py FOLDER [REFERENCE.json]           all marks of all problems
    search_summary.py --short FOLDER [REFERENCE.json]   the last mark only: two tables
"""
import csv
import glob
import json
import math
import os
import sys

POINT = {"zdt1_30": "[11, 11]"}  # of the hypervolume; [1.1, 1.1] elsewhere


def mean_sd(v):
    m = sum(v) / len(v)
    return m, math.sqrt(sum((x - m) ** 2 for x in v) / max(len(v) - 1, 1))


def p_less(x, y):
    """One-sided rank-sum test that x tends to be smaller, normal approximation with ties."""
    pool = sorted(x + y)
    rank = {v: (pool.index(v) + 1 + pool.index(v) + pool.count(v)) / 2 for v in set(pool)}
    n, m = len(x), len(y)
    u = sum(rank[v] for v in x) - n * (n + 1) / 2
    ties = sum(pool.count(v) ** 3 - pool.count(v) for v in set(pool))
    variance = n * m / 12 * ((n + m + 1) - ties / ((n + m) * (n + m - 1)))
    if variance <= 0:
        return 0.5
    return 0.5 * math.erfc(-((u - n * m / 2 + 0.5) / math.sqrt(variance)) / math.sqrt(2))


def ours(folder):
    values, cost = {}, {}
    for path in sorted(glob.glob(os.path.join(folder, "*.csv"))):
        with open(path) as f:
            for r in csv.DictReader(f):
                key = r["problem"], r["strategy"]
                values.setdefault(key, {}).setdefault(int(r["trials"]), []).append(float(r["value"]))
                cost[key] = float(r["ms"])
    return values, cost


def peers(path):
    found = {}
    with open(path) as f:
        doc = json.load(f)
    for problem, samplers in doc["single_objective"].items():
        for name, s in samplers.items():
            for n, v in s["best_after_trials"].items():
                found.setdefault(problem, {}).setdefault(int(n), {})[name] = v["best_per_seed"]
    for problem, samplers in doc["multi_objective"].items():
        for name, s in samplers.items():
            volume = s["hypervolume_after_evaluations"][POINT.get(problem, "[1.1, 1.1]")]
            for n, v in volume.items():
                if n != "max":
                    found.setdefault(problem, {}).setdefault(int(n), {})[name] = v["per_seed"]
    return found


def several(problem):
    return problem.startswith(("zdt", "dtlz", "binh"))


def figure(v):
    known = [x for x in v if math.isfinite(x)]
    if len(known) < len(v):
        return f"{len(known)} of {len(v)} feasible"
    m, sd = mean_sd(v)
    return f"{m:.5g} ± {sd:.0f}" if sd >= 100 else f"{m:.5g} ± {sd:.2g}"


def verdict(problem, our, their):
    """Of auto beside the best of the others: within a standard error of the difference, or not."""
    sign = -1 if several(problem) else 1
    best = min(their, key=lambda k: sign * mean_sd(their[k])[0])
    (m, sd), (pm, psd) = mean_sd(our), mean_sd(their[best])
    error = math.sqrt(sd**2 / len(our) + psd**2 / len(their[best]))
    p = p_less([sign * x for x in our], [sign * x for x in their[best]])
    word = "better" if sign * (m - pm) < -error else "as good" if sign * (m - pm) <= error else "worse"
    return f"{best} {figure(their[best])}: auto is {word} (p {p:.2g})"


def short(values, other):
    names = list(dict.fromkeys(s for _, s in values))
    for many in (False, True):
        problems = [p for p in dict.fromkeys(p for p, _ in values) if several(p) == many]
        print("\n| | " + " | ".join(problems) + " |\n|---|" + "---|" * len(problems))
        last = {p: max(next(v for (q, _), v in values.items() if q == p)) for p in problems}
        print("| trials | " + " | ".join(str(last[p]) for p in problems) + " |")
        for s in names:
            cells = [figure(values[p, s][last[p]]) if (p, s) in values else "" for p in problems]
            if any(cells):
                print(f"| `{s}` | " + " | ".join(cells) + " |")
        best = []
        for p in problems:
            them = other.get(p, {}).get(last[p], {})
            sign = -1 if many else 1
            name = min(them, key=lambda k: sign * mean_sd(them[k])[0]) if them else None
            best.append(f"{figure(them[name])} ({name})" if name else "")
        if any(best):
            print("| best of Optuna 3.1 | " + " | ".join(best) + " |")


def main():
    if sys.argv[1] == "--short":
        values, _ = ours(sys.argv[2])
        return short(values, peers(sys.argv[3]) if len(sys.argv) > 3 else {})
    values, cost = ours(sys.argv[1])
    other = peers(sys.argv[2]) if len(sys.argv) > 2 else {}
    names = list(dict.fromkeys(s for _, s in values))
    for problem in dict.fromkeys(p for p, _ in values):
        marks = sorted(next(v for (p, _), v in values.items() if p == problem))
        print(f"\n{problem} ({'hypervolume' if several(problem) else 'best value'})\n")
        print("| strategy | " + " | ".join(f"{m} trials" for m in marks) + " | beats random, p | ms |")
        print("|---|" + "---|" * (len(marks) + 2))
        for s in names:
            v = values.get((problem, s))
            if v is None:
                continue
            sign = -1 if several(problem) else 1
            last = marks[-1]
            p = p_less([sign * x for x in v[last]], [sign * x for x in values[problem, "random"][last]])
            cells = " | ".join(figure(v[m]) for m in marks)
            print(f"| {s} | {cells} | {p:.2g} | {cost[problem, s]:.2g} |")
        for m in marks:
            if m in other.get(problem, {}) and (problem, "auto") in values:
                print(f"\nafter {m}, best of the others: {verdict(problem, values[problem, 'auto'][m], other[problem][m])}")


main()
