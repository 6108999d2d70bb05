#!/usr/bin/env python3
"""Networks until a search is as good as joint search in the end: median of the runs of each.

    scopes_until.py OUT [BUDGET...]

OUT: of scopes.sh, parts methods (whose joint evolution it is) and until (solve, in which every trial is a network of its
own). For each set of targets and budget (500 and 2000) of joint search: the median of its runs, and until a run is as
good, the networks that were trained (under a hard reward those that met the targets), and all different ones that were
looked at; in brackets the runs that got there. Last the median of solve.
"""
import csv
import glob
import math
import os
import sqlite3
import sys


JOINT, SOLVE = ("methods", "evolution"), ("until", "gp:scope=solve")  # folders of OUT, and methods there


def read_runs(folder, method):
    """{(targets, seed): [(trials, trained, quality), ...]} with all runs, and the sets of targets in order."""
    runs, targets = {}, []
    for r in csv.DictReader(open(os.path.join(folder, "runs.csv"))):
        if r["method"] != method:
            continue
        runs[r["targets"], int(r["seed"])] = []
        if r["targets"] not in targets:
            targets.append(r["targets"])
    for r in csv.DictReader(open(os.path.join(folder, "curves.csv"))):
        if r["method"] == method and r["quality"] not in ("", "none"):
            runs[r["targets"], int(r["seed"])].append((int(r["trials"]), int(r["trained"]), float(r["quality"])))
    return runs, targets


def networks(folder, method, targets, seed, trials):
    """Different networks in the first trials of a run."""
    end = "*" + method.replace(":", "-")
    (path,) = glob.glob(os.path.join(glob.escape(folder), targets, end, f"seed-{seed}", "study.db"))
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    query = "SELECT count(DISTINCT net_hash) FROM trial WHERE number < ? AND net_hash IS NOT NULL"
    return db.execute(query, (trials,)).fetchone()[0]


def middle(values):
    """The lower median, which is some run's own: as `tandem compare` has it."""
    return sorted(values)[(len(values) - 1) // 2]


def median(values):
    """Of values some of which are infinite: never got there."""
    return "half never" if math.isinf(middle(values)) else f"{middle(values):g}"


def until(folder, method, runs, targets, quality, budget):
    """Texts of the medians of trained and looked at, and the number of runs."""
    trained, looked = [], []
    for (t, seed), steps in runs.items():
        if t != targets:
            continue
        hit = next((s for s in steps if s[2] >= quality - 1e-12 and s[0] <= budget), None)
        trained.append(math.inf if hit is None else hit[1])
        looked.append(math.inf if hit is None else networks(folder, method, t, seed, hit[0]))
    return median(trained), median(looked), sum(map(math.isfinite, trained))


def best(runs, targets, budget):
    """Of each run of a set of targets, the mean accuracy of what it would choose then: it goes by one draw, so this may
    fall."""
    return [next((q for n, _, q in reversed(steps) if n <= budget), -math.inf)
            for (of, _), steps in runs.items() if of == targets]


def text(quality):
    return "none" if math.isinf(quality) else f"{100 * quality:.2f} %"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    joint, solve = ((os.path.join(sys.argv[1], folder), method) for folder, method in (JOINT, SOLVE))
    joint_runs, targets = read_runs(*joint)
    solve_runs, _ = read_runs(*solve)
    print("trials  targets                         quality   trained: joint, solve        looked at: joint, solve")
    for budget in map(int, sys.argv[2:] or ("500", "2000")):
        for t in targets:
            quality = middle(best(joint_runs, t, budget))
            a = until(*joint, joint_runs, t, quality, max(budget, 2000))
            b = until(*solve, solve_runs, t, quality, math.inf)
            print(f"{budget:6}  {t:30}  {text(quality):>8}   {a[0]:>10} ({a[2]}), {b[0]:>4} ({b[2]})"
                  f"   {a[1]:>12}, {b[1]:>5}")
    for t in targets:
        print(f"solve in the end: {t:30}  {text(middle(best(solve_runs, t, math.inf)))}")


main()
