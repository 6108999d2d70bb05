#!/usr/bin/env python3
"""Networks until a search is as good as joint search in the end: median of the runs of each.

    scopes_until.py JOINT SOLVE [BUDGET...]

JOINT and SOLVE are folders of `tandem compare` with one method each (scopes.sh, part until); in the second every trial is a
network of its own. For each set of targets and budget (500 and 2000) of the first: the median of its runs, and until a run
is as good, the networks that were trained (under a hard reward those that met the targets), and all different ones that
were looked at; in brackets the runs that got there.
"""
import csv
import glob
import math
import os
import sqlite3
import statistics
import sys


def read_runs(folder):
    """{(targets, seed): [(trials, trained, quality), ...]} with all runs, and the sets of targets in order."""
    runs, targets = {}, []
    for r in csv.DictReader(open(os.path.join(folder, "runs.csv"))):
        runs[r["targets"], int(r["seed"])] = []
        if r["targets"] not in targets:
            targets.append(r["targets"])
    for r in csv.DictReader(open(os.path.join(folder, "curves.csv"))):
        if r["quality"] not in ("", "none"):
            runs[r["targets"], int(r["seed"])].append((int(r["trials"]), int(r["trained"]), float(r["quality"])))
    return runs, targets


def networks(folder, targets, seed, trials):
    """Different networks in the first trials of a run."""
    (path,) = glob.glob(os.path.join(glob.escape(folder), targets, "*", f"seed-{seed}", "study.db"))
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    query = "SELECT count(DISTINCT net_hash) FROM trial WHERE number < ? AND net_hash IS NOT NULL"
    return db.execute(query, (trials,)).fetchone()[0]


def median(values):
    """Of values some of which are infinite: never got there."""
    v, n = sorted(values), len(values)
    low, high = v[(n - 1) // 2], v[n // 2]
    if math.isinf(low):
        return "half never"
    return f">= {low:g}" if math.isinf(high) else f"{(low + high) / 2:g}"


def until(folder, runs, targets, quality, budget):
    """Texts of the medians of trained and looked at, and the number of runs."""
    trained, looked = [], []
    for (t, seed), steps in runs.items():
        if t != targets:
            continue
        hit = next((s for s in steps if s[2] >= quality - 1e-12 and s[0] <= budget), None)
        trained.append(math.inf if hit is None else hit[1])
        looked.append(math.inf if hit is None else networks(folder, t, seed, hit[0]))
    return median(trained), median(looked), sum(map(math.isfinite, trained))


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    joint, solve = sys.argv[1:3]
    joint_runs, targets = read_runs(joint)
    solve_runs, _ = read_runs(solve)
    print("trials  targets                         quality   trained: joint, solve        looked at: joint, solve")
    for budget in map(int, sys.argv[3:] or ("500", "2000")):
        for t in targets:
            last = [max((q for n, _, q in steps if n <= budget), default=-math.inf)
                    for (of, _), steps in joint_runs.items() if of == t]
            quality = statistics.median(last)
            a = until(joint, joint_runs, t, quality, max(budget, 2000))
            b = until(solve, solve_runs, t, quality, math.inf)
            value = "none" if math.isinf(quality) else f"{100 * quality:.2f} %"
            print(f"{budget:6}  {t:30}  {value:>8}   {a[0]:>10} ({a[2]}), {b[0]:>4} ({b[2]})"
                  f"   {a[1]:>12}, {b[1]:>5}")


main()
