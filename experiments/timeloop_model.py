#!/usr/bin/env python3
"""Writes cases as Timeloop's YAML, runs timeloop-model on them, and compares every figure.

    experiments/timeloop_model.py PROGRAM [--random N] [--baseline FILE] [--builtin] [--bits N]
                                  [FILE...]

PROGRAM is a timeloop-model that was built elsewhere. FILE: neutral cases (JSON or JSON lines), or
Timeloop's files of one case, joined by commas (a.yaml,b.yaml), which both programs then read.
--random N: N random layers, machines and mappings. --baseline FILE: the mappings that
timeloop-mapper found (reference/timeloop/mapper_baseline.json). --bits N: all words of neutral cases
made N bits wide (those of `tandem eval --cases` have sums that are wider). --builtin: the written files
without their energies, every other one with clusters of two, so that the built-in table counts.

Compared for each level and tensor: reads, fills and updates exactly, energies to the half cent of a
pJ that is printed; cycles to 1. Exit code 1 if anything differs.
"""
import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
TANDEM = os.environ.get("TANDEM", os.path.join(ROOT, "build", "release", "tandem"))
ENV = dict(os.environ, TIMELOOP_DISABLE_LINK_TRANSFERS="1")
COUNTS = {"Scalar reads (per-instance)": "reads", "Scalar fills (per-instance)": "fills",
          "Scalar updates (per-instance)": "updates"}
SPACES = {"Weights": "W", "Inputs": "I", "Outputs": "O", "A": "I", "B": "W", "Z": "O"}


def stats(text):
    """Cycles, and {level: {tensor: {key: number}}} of timeloop-model's stats.txt."""
    levels, level, space = {}, None, None
    for line in text.splitlines():
        if line.startswith("Networks"):
            break
        if m := re.match(r"^=== (\S+) ===$", line):
            level, space = m[1], None
            levels.setdefault(level, {})
        elif m := re.match(r"^    (\w+):$", line):
            space = SPACES.get(m[1])
        elif (m := re.match(r"^        ([A-Za-z() \-]+?)\s*: ([\d.]+)( pJ)?$", line)) and level and space:
            levels[level].setdefault(space, {}).setdefault(m[1].strip(), float(m[2]))
    return int(re.search(r"^Cycles: (\d+)", text, re.M)[1]), levels


def run_timeloop(program, files):
    with tempfile.TemporaryDirectory() as folder:
        r = subprocess.run([program] + files, cwd=folder, env=ENV, capture_output=True, text=True)
        path = os.path.join(folder, "timeloop-model.stats.txt")
        if not os.path.exists(path):
            return None, (r.stderr + r.stdout)[-300:]
        with open(path) as f:
            return stats(f.read()), None


def tandem(arguments, text=None):
    return subprocess.run([TANDEM] + arguments, input=text, capture_output=True, text=True)


def differences(result, found):
    """Number of figures that were compared, and those that differ."""
    cycles, levels = found
    n, bad = 1, []
    if abs(cycles - result["cycles"]) > 1:
        bad.append(("cycles", result["cycles"], cycles))
    for name, tensors in result["levels"].items():
        theirs = levels.get(re.sub(r"[^A-Za-z0-9]", "_", name), {})
        for tensor, ours in tensors.items():
            if tensor not in "WIO":
                continue
            if tensor not in theirs:
                bad.append((name, tensor, "absent"))
                continue
            for key, mine in COUNTS.items():
                n += 1
                if theirs[tensor][key] != ours[mine]:
                    bad.append((name, tensor, mine, ours[mine], theirs[tensor][key]))
            n += 1
            pj = theirs[tensor]["Energy (total)"]
            if abs(pj - ours["energy_pj"]) > 0.0051 + 1e-9 * ours["energy_pj"]:
                bad.append((name, tensor, "pJ", ours["energy_pj"], pj))
    return n, bad


def random_case(number):
    """Each prime factor of each dim goes to a random level and axis."""
    r = random.Random(number)
    while True:
        dims = {d: r.choice([1, 1, 2, 3, 4, 5, 6, 8]) for d in "KCPQRS"}
        dims["N"] = r.choice([1, 1, 1, 2])
        dims["G"] = r.choice([1, 1, 1, 2, 3])
        macs = 1
        for v in dims.values():
            macs *= v
        if 4 <= macs <= 30000:
            break
    n, spatial = r.randint(2, 5), r.choice([0, 0.2, 0.4, 0.6])
    loops = [{"temporal": [], "spatial_x": [], "spatial_y": []} for _ in range(n)]
    for d, v in dims.items():
        f = 2
        while v > 1:
            if v % f:
                f += 1
                continue
            axis = r.choice(["spatial_x", "spatial_y"]) if r.random() < spatial else "temporal"
            loops[r.randrange(n)][axis].append([d, f])
            v //= f
    levels, mapping, x, y = [], [], 1, 1
    for l in reversed(range(n)):
        for v in loops[l].values():
            r.shuffle(v)
        levels.insert(0, {"name": f"L{l}", "word_bits": 8, "instances": x * y, "mesh_x": x,
                          "capacity_words": None if l == n - 1 else 1 << 20,
                          "block_words": r.choice([1, 1, 2, 4]),
                          "read_bw": r.choice([None, None, r.randint(1, 40) / 2]),
                          "write_bw": r.choice([None, None, r.randint(1, 40) / 2]),
                          "shared_bw": r.choice([None, None, r.randint(1, 40) / 2]),
                          "read_pj": r.randint(1, 99) / 4, "fill_pj": r.randint(1, 99) / 8,
                          "update_pj": r.randint(1, 99) / 2})
        keep = [t for t in "WIO" if l == n - 1 or r.random() < 0.7]
        apart = [t for t in "WIO" if r.random() < 0.15]
        mapping.insert(0, dict(loops[l], level=f"L{l}", keep=keep, no_multicast=apart))
        for _, f in loops[l]["spatial_x"]:
            x *= f
        for _, f in loops[l]["spatial_y"]:
            y *= f
        x *= r.choice([1, 1, 1, 2])
    return {"format": "neutral-case-1", "name": f"random {number}",
            "problem": {"dims": dims, "stride": [r.choice([1, 1, 2, 3]) for _ in range(2)],
                        "dilation": [r.choice([1, 1, 2]) for _ in range(2)]},
            "arch": {"mac": {"instances": x * y, "mesh_x": x, "energy_pj": 0.5}, "levels": levels},
            "mapping": {"levels": mapping}}


def without_energies(text, clusters):
    import yaml  # PyYAML, for this option only

    doc = yaml.safe_load(text)
    del doc["ERT"]
    for c in doc["architecture"]["subtree"][0]["local"][1:-1]:
        a = c["attributes"]
        if clusters and a["meshX"] * a["meshY"] % 2 == 0 and c["class"] != "dummy_storage":
            a["cluster_size"] = 2
            a.pop("width", None)
            if "depth" in a:
                a["entries"] = a.pop("depth") * a["block_size"]
    return yaml.safe_dump(doc, sort_keys=False)


def cases(o):
    """(name, JSON text) of neutral cases."""
    for i in range(o.random):
        yield f"random {i}", json.dumps(random_case(i))
    if o.baseline:
        with open(o.baseline) as f:
            doc = json.load(f)
        for row in doc["results"]:
            if row.get("mapping") and row.get("best"):
                yield row["layer"], json.dumps(
                    {"format": "neutral-case-1", "name": row["layer"], "problem": row["problem"],
                     "arch": doc["archs"][row["arch"]]["arch"], "mapping": row["mapping"]})
    for path in o.files:
        if path.endswith((".yaml", ".yml")):
            continue
        with open(path) as f:
            text = f.read()
        if path.endswith(".json"):
            yield os.path.basename(path), text
        else:
            for i, line in enumerate(text.splitlines()):
                yield f"{os.path.basename(path)}:{i + 1}", line


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program")
    p.add_argument("files", nargs="*")
    p.add_argument("--random", type=int, default=0)
    p.add_argument("--baseline")
    p.add_argument("--builtin", action="store_true")
    p.add_argument("--bits", type=int, default=0)
    o = p.parse_intermixed_args()
    program = os.path.abspath(o.program)
    agree = differ = figures = 0
    skipped = {}

    def skip(reason):
        skipped[reason] = skipped.get(reason, 0) + 1

    def compare(name, files, case=None):
        """With a case: its own cost, not that of the file that was made of it."""
        nonlocal agree, differ, figures
        ours = tandem(["cost"] + (["-"] if case else files) + ["--counting", "timeloop", "--format", "json"],
                      case)
        if ours.returncode != 0:
            return skip(f"tandem, exit code {ours.returncode}")
        found, fault = run_timeloop(program, [os.path.abspath(f) for f in files])
        if found is None:
            print(f"{name}: timeloop-model: {fault}")
            return skip("timeloop-model refuses")
        n, bad = differences(json.loads(ours.stdout)["result"], found)
        figures += n
        agree += not bad
        differ += bool(bad)
        if bad:
            print(f"{name}: {bad[:5]}")

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "case.yaml")
        for i, (name, text) in enumerate(cases(o)):
            if o.bits:
                case = json.loads(text)
                case["problem"]["bits"] = dict.fromkeys(("W", "I", "O", "acc"), o.bits)
                text = json.dumps(case)
            written = tandem(["convert", "-", "--to", "timeloop"], text)
            if written.returncode != 0:
                skip(f"not to be written, exit code {written.returncode}")
                continue
            with open(path, "w") as f:
                f.write(without_energies(written.stdout, i % 2) if o.builtin else written.stdout)
            compare(name, [path], None if o.builtin else text)
        for group in o.files:
            if group.endswith((".yaml", ".yml")):
                compare(group, group.split(","))
    print(f"{agree} agree, {differ} differ, {figures} figures"
          + "".join(f"; {n}: {reason}" for reason, n in sorted(skipped.items())))
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
