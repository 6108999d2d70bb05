#!/usr/bin/env python3
"""Tables of docs/scopes.md from the folders that scopes.sh has made.

    experiments/scopes_summary.py OUT

Per set of targets: the best accuracy there is (part 4), medians at both budgets, and how many networks a
method had looked up when it first was as good as the median of `joint` in the end.
"""
import csv
import os
import sys

OUT = sys.argv[1]


def rows(folder, name):
    path = os.path.join(OUT, folder, name)
    if not os.path.exists(path):
        return []
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def quality(row):
    return float(row["quality"]) if row["meets_targets"] == "1" else float("-inf")


def median(values):
    v = sorted(values)
    low, high = v[(len(v) - 1) // 2], v[len(v) // 2]
    return low if low == high else (low + high) / 2


def percent(v):
    return "none" if v == float("-inf") else f"{100 * v:.2f}"


def by_method(folder):
    table = {}
    for r in rows(folder, "runs.csv"):
        table.setdefault((r["targets"], r["method"], int(r["budget"])), []).append(quality(r))
    return table


def trained_to_reach(folder, targets, method, goal):
    """Networks looked up until a run is as good as `goal`: one number per run, infinite if never."""
    seeds = {r["seed"] for r in rows(folder, "runs.csv")}
    reached = {s: float("inf") for s in seeds}
    for r in rows(folder, "curves.csv"):
        if r["targets"] == targets and r["method"] == method and float(r["quality"]) >= goal:
            reached[r["seed"]] = min(reached[r["seed"]], int(r["trained"]))
    return list(reached.values())


def main():
    optimum = {k[0]: max(v) for k, v in by_method("optimum").items()}
    for folder, budgets in (("strategies", (500, 2000)), ("scopes", (500, 2000)), ("phases-500", (500,))):
        table = by_method(folder)
        targets = list(dict.fromkeys(k[0] for k in table))
        methods = list(dict.fromkeys(k[1] for k in table))
        for budget in budgets:
            print(f"\n{folder}, {budget} trials: median (quartiles) of the accuracy in %, runs that meet the targets\n")
            print("| method | " + " | ".join(targets) + " |")
            print("|---" * (len(targets) + 1) + "|")
            print("| optimum | " + " | ".join(percent(optimum.get(t, float("-inf"))) for t in targets) + " |")
            for m in methods:
                cells = []
                for t in targets:
                    v = sorted(table.get((t, m, budget), []))
                    if not v:  # a scope of several phases at a smaller budget
                        cells.append("-")
                        continue
                    met = sum(x > float("-inf") for x in v)
                    cells.append(f"{percent(median(v))} ({percent(v[len(v) // 4])} .. "
                                 f"{percent(v[(3 * len(v)) // 4])}), {met}/{len(v)}")
                print(f"| {m} | " + " | ".join(cells) + " |")
        goal_method = next((m for m in methods if m.startswith("joint")), None)
        if folder != "scopes" or goal_method is None:
            continue
        print("\nscopes: networks looked up (median of the runs) until as good as the median of joint after 2,000 trials\n")
        print("| method | " + " | ".join(targets) + " |")
        print("|---" * (len(targets) + 1) + "|")
        for m in methods:
            cells = []
            for t in targets:
                goal = median(table[t, goal_method, 2000])
                v = sorted(trained_to_reach(folder, t, m, goal))
                mid = v[len(v) // 2]
                never = sum(x == float("inf") for x in v)
                cells.append(("never" if mid == float("inf") else str(mid)) + (f" ({never} never)" if never else ""))
            print(f"| {m} | " + " | ".join(cells) + " |")


main()
