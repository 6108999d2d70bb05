#!/usr/bin/env python3
"""Table of what experiments/early_stopping.sh found: experiments/early_stopping_summary.py OUT"""
import json
import os
import sqlite3
import statistics
import sys

EPOCHS = 12
RULES = ["none", "asha", "asha-min-3", "asha-120-trials", "hyperband", "median"]  # those that are there
out = sys.argv[1]


def one(folder):
    """Accuracy of the chosen design after its whole training, of its final training, epochs, trainings."""
    db = sqlite3.connect("file:%s/study.db?mode=ro" % folder, uri=True)
    rows = db.execute("SELECT t.state, t.net_hash, a.value, s.value, v.value FROM trial t"
                      " LEFT JOIN trial_value a ON a.trial_id = t.id AND a.kind = 2 AND a.idx = 3"
                      " LEFT JOIN trial_value s ON s.trial_id = t.id AND s.kind = 2 AND s.idx = 8"
                      " LEFT JOIN trial_value v ON v.trial_id = t.id AND v.kind = 2 AND v.idx = 5")
    spent, best = {}, 0
    for state, net, accuracy, steps, violation in rows:
        if accuracy is None:
            continue
        spent[net] = max(spent.get(net, 0), steps or EPOCHS)
        if state == 2 and violation == 0:
            best = max(best, accuracy)
    with open(folder + "/summary.json") as f:
        summary = json.load(f)
    return best, summary["rows"][0]["test_accuracy"], sum(spent.values()), len(spent)


runs = {r: {} for r in RULES}
for rule in RULES:
    base = os.path.join(out, rule)
    for name in sorted(os.listdir(base)) if os.path.isdir(base) else []:
        if os.path.exists(os.path.join(base, name, "summary.json")):
            runs[rule][name] = one(os.path.join(base, name))
RULES = [r for r in RULES if runs[r]]
seeds = sorted(set.intersection(*(set(runs[r]) for r in RULES)))
print("%d seeds: %s\n" % (len(seeds), ", ".join(seeds)))
print("| rule | trained | epochs | share | accuracy | test | beside none, by seed |\n|---|---|---|---|---|---|---|")
whole = sum(runs["none"][s][2] for s in seeds)
for rule in RULES:
    r = [runs[rule][s] for s in seeds]
    beside = ["%+.2f" % (100 * (runs[rule][s][0] - runs["none"][s][0])) for s in seeds]
    print("| %s | %.1f | %.0f | %.0f %% | %.2f %% | %.2f %% | %s |" %
          (rule, statistics.mean(x[3] for x in r), statistics.mean(x[2] for x in r),
           100 * sum(x[2] for x in r) / whole, 100 * statistics.mean(x[0] for x in r),
           100 * statistics.mean(x[1] for x in r), ", ".join(beside)))
