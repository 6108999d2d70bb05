#!/usr/bin/env python3
"""Tables of docs/scopes.md for the soft reward, from the folders that scopes.sh has made (part soft).

    experiments/scopes_soft.py OUT

A search under p = q is the same whatever the targets, which are one factor of all its rewards. So the trials of each run
are scored at each set of targets: the best pair by the rule of all searches (docs/recipes.md), its quality the mean
accuracy of its network, as `tandem compare` does it; where compare has figures of its own, they must be these. And once
by what the search was told to look for, the reward.
"""
import glob
import os
import re
import sqlite3

from scopes_summary import OUT, median, percent, reached, rows, table_of

METHODS = {"joint": "joint-evolution", "solve": "evolution-scope=solve"}
BUDGETS = (2000, 500)
NONE = float("-inf")
IDX = {"latency": 0, "energy": 1, "area": 2, "accuracy": 3, "reward": 4}


def trials(path):
    """Finished trials in order of number: a dict each; `trained`: networks looked up so far."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        found = [dict(n=n, net=net) for n, net in db.execute("SELECT number, net_hash FROM trial WHERE state > 1 ORDER BY number")]
        for name, idx in IDX.items():
            of = dict(db.execute("SELECT number, value FROM trial t JOIN trial_value v ON v.trial_id = t.id "
                                 f"WHERE v.kind = 2 AND v.idx = {idx}"))
            for t in found:
                t[name] = of.get(t["n"])
    seen = set()
    for t in found:
        if t["accuracy"] is not None:
            seen.add(t["net"])
        t["trained"] = len(seen)
    return found


def by_targets(targets):
    """Smaller is better; None: it misses targets."""

    def key(t):
        if t["latency"] > targets["latency_us"] * 1e-6 or t["area"] > targets["area_mm2"]:
            return None
        return -t["accuracy"], t["latency"] * t["energy"] * t["area"]

    return key


def by_reward(t):
    return (-t["reward"],)


def steps(run, key, value):
    """(trials, trained, value of the best so far), where it changes."""
    best, out = None, []
    for t in run:
        if t["accuracy"] is None or (k := key(t)) is None or (best is not None and k >= best):
            continue
        best = k
        out.append((t["n"] + 1, t["trained"], value(t)))
    return out


def at(curve, budget):
    return next((v for n, _, v in reversed(curve) if n <= budget), NONE)


def until(curve, goal, what):
    return next((s[what] for s in curve if s[2] >= goal), float("inf"))


def runs_of(folder):
    paths = glob.glob(os.path.join(OUT, "soft", folder, "seed-*", "study.db"))
    found = {int(re.search(r"seed-(\d+)", p)[1]): trials(p) for p in paths}
    return {seed: run for seed, run in found.items() if len(run) == BUDGETS[0]}


def check(runs, mean):
    """compare's own figures at the targets of the recipe, to the last digit that it writes."""
    with open(os.path.join(OUT, "scopes.yaml")) as f:
        own = by_targets({k: float(v) for k, v in re.findall(r"(\w+): ([\d.]+)", re.search(r"targets: {(.*?)}", f.read())[1])})
    n = 0
    for r in rows("soft", "runs.csv"):
        method = "solve" if "solve" in r["method"] else "joint"
        mine = at(steps(runs[method][int(r["seed"])], own, mean), int(r["budget"]))
        theirs = float(r["quality"]) if r["meets_targets"] == "1" else NONE
        assert mine == theirs or abs(mine - theirs) < 1e-9, (r, mine)
        n += 1
    print(f"{n} qualities are those of compare")


def choices(runs):
    """The accelerators of solve: no pair that joint search made of the same network has a smaller latency x area."""
    product = lambda t: t["latency"] * t["area"]
    least = {t["net"]: t for run in runs["solve"].values() for t in run if t["accuracy"] is not None}
    pairs = {(t["net"], product(t)) for run in runs["joint"].values() for t in run if t["net"] in least and t["accuracy"] is not None}
    better = sum(p < product(least[net]) for net, p in pairs)
    equal = sum(p == product(least[net]) for net, p in pairs)
    print(f"solve: {len(least):,} networks; of {len(pairs):,} pairs of joint search {better} have a smaller product, {equal} the same")
    return least.values()


def main():
    mean = {t["net"]: t["accuracy"] for t in trials(glob.glob(os.path.join(OUT, "means", "*", "seed-1", "study.db"))[0])}
    quality = lambda t: mean[t["net"]]
    seen_reward = lambda t: t["reward"]
    mean_reward = lambda t: t["reward"] / t["accuracy"] * mean[t["net"]]
    runs = {name: runs_of(folder) for name, folder in METHODS.items()}
    seeds = sorted(runs["joint"].keys() & runs["solve"].keys())
    print(f"{len(seeds)} seeds, {len(mean)} networks")
    check(runs, quality)
    with open(os.path.join(OUT, "targets.yaml")) as f:
        lines = [line for line in f if line.startswith("- ")]
    solved = choices(runs)
    curves = {}
    for line in lines:
        goals = {k: float(v) for k, v in re.findall(r"(\w+): ([\d.]+)", line)}
        name = ",".join(f"{k}={v:g}" for k, v in goals.items())
        print(f"{name}: met by the best accelerator of {sum(by_targets(goals)(t) is not None for t in solved)} of them")
        curves[name] = {m: [steps(runs[m][s], by_targets(goals), quality) for s in seeds] for m in METHODS}

    for budget in BUDGETS:
        print(f"\n{budget} trials: median accuracy in %, in brackets the runs that meet the targets\n")
        end = {t: {m: [at(c, budget) for c in curves[t][m]] for m in METHODS} for t in curves}
        table_of(list(curves), list(METHODS), lambda m, t: f"{percent(median(end[t][m]))} ({sum(v > NONE for v in end[t][m])})")
        for what, name in ((1, "networks looked up"), (0, "trials")):
            print(f"\n{name} until as good as the median of joint evolution after {budget} trials: median of the runs, "
                  "in brackets those that never were\n")
            met = [t for t in curves if median(end[t]["joint"]) > NONE]
            table_of(met, list(METHODS),
                     lambda m, t: reached([until(c, median(end[t]["joint"]), what) for c in curves[t][m]]))
        for scored, of in (("the mean accuracy", mean_reward), ("the accuracy that the search sees", seen_reward)):
            print(f"\nby the reward at the recipe's targets, with {scored}, {budget} trials:\n")
            curve = {m: [steps(runs[m][s], by_reward, of) for s in seeds] for m in METHODS}
            goal = median([at(c, budget) for c in curve["joint"]])
            for m in METHODS:
                last = [at(c, budget) for c in curve[m]]
                print(f"{m}: median {median(last):.4f}, worst {min(last):.4f}, best {max(last):.4f}; as good as joint's median after "
                      f"{reached([until(c, goal, 1) for c in curve[m]])} networks, {reached([until(c, goal, 0) for c in curve[m]])} trials")
        for m in METHODS:
            looked = [runs[m][s][budget - 1]["trained"] for s in seeds]
            print(f"{m}: {median(looked):,} networks looked up in all")


if __name__ == "__main__":
    main()
