#!/usr/bin/env python3
"""Tables of docs/scopes.md from the folders that scopes.sh has made.

    experiments/scopes_summary.py OUT

Per set of targets: the best accuracy there is (part 3, or what any run found), medians at both budgets, and how many
networks a method had looked up, and trials made, when it first was as good as the median of joint evolution in the end.
"""
import csv
import glob
import json
import os
import sqlite3
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
    """The lower one, which is some run's own: as `tandem compare` has it."""
    return sorted(values)[(len(values) - 1) // 2]


def percent(v):
    return "none" if v == float("-inf") else f"{100 * v:.2f}"


def by_method(folder):
    table = {}
    for r in rows(folder, "runs.csv"):
        table.setdefault((r["targets"], r["method"], int(r["budget"])), []).append(quality(r))
    return table


def networks(folder, targets, method, seed, trials):
    """Different networks in the first trials of a run: what would be trained if misses were, as in the paper."""
    if any(scope in method for scope in ("phase", "alternate", "accelerator")):
        return float("nan")  # several studies that number their trials, or one network
    end = "*" + method.replace(":", "-")
    (run,) = glob.glob(os.path.join(OUT, folder, targets, end, f"seed-{seed}", "study.db"))
    with sqlite3.connect(f"file:{run}?mode=ro", uri=True) as db:
        params = db.execute("SELECT params FROM trial WHERE number < ?", (trials,)).fetchall()
    return len({tuple(json.loads(p)[f"l{i}"] for i in range(1, 9)) for (p,) in params})


def until(folder, targets, method, goal, what):
    """`trained` networks, number of the `trial`, or `networks` looked at until a run is as good as `goal`: one number per
    run, infinite if never."""
    seeds = {r["seed"] for r in rows(folder, "runs.csv")}
    reached = {s: float("inf") for s in seeds}
    for r in rows(folder, "curves.csv"):
        if r["targets"] == targets and r["method"] == method and float(r["quality"]) >= goal:
            reached[r["seed"]] = min(reached[r["seed"]], int(r["trials" if what == "networks" else what]))
    if what == "networks":
        reached = {s: n if n == float("inf") else networks(folder, targets, method, s, n) for s, n in reached.items()}
    return list(reached.values())


def table_of(targets, row_names, cell):
    print("| | " + " | ".join(t.replace("latency_us=", "").replace(",area_mm2=", " us, ") + " mm2" for t in targets) + " |")
    print("|---" * (len(targets) + 1) + "|")
    for name in row_names:
        print(f"| {name} | " + " | ".join(cell(name, t) for t in targets) + " |")


def qualities(table, targets, methods, budget, best):
    """Median accuracy in % and the runs that meet the targets."""

    def cell(m, t):
        if m == "best":
            return percent(best[t])
        v = table.get((t, m, budget), [])
        if not v:  # a scope of several phases at a smaller budget
            return "-"
        return f"{percent(median(v))} ({sum(x > float('-inf') for x in v)})"

    print(f"\n{budget} trials: median accuracy in %, in brackets the runs that meet the targets\n")
    table_of(targets, ["best"] + methods, cell)


def p_values(targets, name):
    path = os.path.join(OUT, name)
    if not os.path.exists(path):
        return
    with open(path) as f:
        results = {r["targets"]: r["budgets"] for r in json.load(f)["results"]}
    for budget in (2000, 500):
        p = {}
        for t in targets:
            for b in results[t]:
                if b["trials"] == budget:
                    p.update({(m["method"], t): m for m in b["methods"]})
        names = list(dict.fromkeys(k[0] for k in p))
        print(f"\n{name}, {budget} trials: p of the rank-sum test, two-sided, Holm over the table\n")
        table_of(targets, names, lambda m, t: f"{p[m, t]['p_holm']:.1e}" if (p.get((m, t)) or {}).get("p_holm") is not None else "-")


def reached(v):
    """Median of the runs, in brackets those that never were."""
    if any(x != x for x in v):
        return "-"
    mid, never = median(v), sum(x == float("inf") for x in v)
    return ("never" if mid == float("inf") else f"{mid:,}") + (f" ({never})" if never else "")


def until_tables(table):
    targets = [t for t in dict.fromkeys(k[0] for k in table) if median(table[t, "evolution", 2000]) > float("-inf")]
    for what in ("trained", "trials", "networks"):
        print(f"\n{what} until as good as the median of joint evolution after 2,000 trials: median of the runs, in brackets those that never were\n")
        table_of(targets, list(dict.fromkeys(k[1] for k in table)),
                 lambda m, t: reached(until("methods", t, m, median(table[t, "evolution", 2000]), what)))


def all_methods(table):
    targets = list(dict.fromkeys(k[0] for k in table))
    methods = list(dict.fromkeys(k[1] for k in table))
    optimum = {k[0]: max(v) for k, v in by_method("optimum").items()}
    found = {t: max(max(v) for k, v in table.items() if k[0] == t) for t in targets}
    print("best: " + ("of all networks, each with its best accelerator" if optimum else "that any run found"))
    for budget in (2000, 500):
        qualities(table, targets, methods, budget, optimum or found)
    small = by_method("phases-500")
    if small:
        qualities(small, targets, list(dict.fromkeys(k[1] for k in small)), 500, optimum or found)
    p_values(targets, "against-random.json")
    p_values(targets, "against-evolution.json")
    until_tables(table)


if __name__ == "__main__":
    runs = by_method("methods")
    if not runs:
        sys.exit(f"{OUT}/methods: no runs (scopes.sh, part methods)")
    all_methods(runs)
