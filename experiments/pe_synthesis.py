#!/usr/bin/env python3
"""Area of a 3x3 processing element at low precision, synthesised with open standard cells.

    experiments/pe_synthesis.py LIBRARY.lib.gz NAND2_CELL [--points FILE.csv] [--workers N]

The element of Karbachevsky et al. (2004.08906), figure 1: nine products of weights of W and
activations of A bits (signed), summed, and added to a sum of P bits that stands in a register.
Yosys and ABC map it to the cells of LIBRARY (Liberty, .gz or not); areas are told in equivalents of
NAND2_CELL, before placement, mapped for area without a clock target. Then least squares on relative errors:

    NAND2 = a W A + b (W + A) + c P + d

with the median and worst error of the fit, and of the same fit to the points at which P is W + A + 4
only, which is how the paper makes it. docs/hcm.md has what came out and what it is used for.
"""
import argparse
import concurrent.futures
import csv
import gzip
import os
import re
import statistics
import subprocess
import sys
import tempfile

# The tree is a module of its own until both are mapped to gates: yosys would add the products at the
# width of the sum. It would also extend the sign of each partial product to that width, so the
# products are written as rows of bits (Baugh and Wooley 1973), with
#
#     x y = sum of the rows + 2^(W-1) + 2^(A-1) - 2^(W+A-1)
VERILOG = """
module tree(input [{w1}:0] {ws}, input [{a1}:0] {xs}, output [{t1}:0] y);
  assign y = {rows} + {t}'d{constant};
endmodule
module pe(input clk, input clear, input [{w1}:0] {ws}, input [{a1}:0] {xs},
          output reg signed [{p1}:0] sum);
  wire signed [{t1}:0] y;
  tree tree({ws}, {xs}, y);
  always @(posedge clk) sum <= (clear ? {p}'sd0 : sum) + y;
endmodule
"""
PRODUCTS = 9


def rows(w, a, k):
    """Baugh-Wooley rows of the product k, each with its shift."""
    for i in range(w - 1):
        yield f"{{~(w{k}[{i}] & x{k}[{a - 1}]), {{{a - 1}{{w{k}[{i}]}}}} & x{k}[{a - 2}:0]}}", i
    yield (f"{{w{k}[{w - 1}] & x{k}[{a - 1}], ~({{{a - 1}{{w{k}[{w - 1}]}}}} & x{k}[{a - 2}:0])}}",
           w - 1)


def verilog(w, a, p):
    t = w + a + 4
    every = [f"({{{t}'d0, {r}}} << {s})" for k in range(PRODUCTS) for r, s in rows(w, a, k)]
    constant = PRODUCTS * ((1 << w - 1) + (1 << a - 1) - (1 << w + a - 1)) % (1 << t)
    return VERILOG.format(w1=w - 1, a1=a - 1, p1=p - 1, p=p, t=t, t1=t - 1, constant=constant,
                          ws=", ".join(f"w{i}" for i in range(PRODUCTS)),
                          xs=", ".join(f"x{i}" for i in range(PRODUCTS)), rows=" + ".join(every))


def area(job):
    library, w, a, p = job
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "pe.v")
        with open(source, "w") as f:
            f.write(verilog(w, a, p))
        script = (f"read_verilog {source}; synth -top pe; flatten; opt_clean; dfflibmap -liberty {library}; "
                  f"abc -liberty {library} -script +strash;dc2;map,-a; opt_clean -purge; stat -liberty {library}")
        out = subprocess.run(["yosys", "-p", script], capture_output=True, text=True, cwd=folder)
    found = re.findall(r"Chip area for (?:top )?module '\\pe': ([0-9.]+)", out.stdout)
    if out.returncode != 0 or not found:
        sys.exit(f"yosys failed for W{w} A{a} P{p}:\n{out.stderr[-500:]}")
    return w, a, p, float(found[-1])


def cell_area(library, cell):
    inside = False
    with open(library) as f:
        for line in f:
            if re.match(rf'\s*cell\s*\(\s*"?{re.escape(cell)}"?\s*\)', line):
                inside = True
            found = re.match(r"\s*area\s*:\s*\"?([0-9.]+)", line)
            if inside and found:
                return float(found[1])
    sys.exit(f"{library}: there is no cell {cell}")


def solve(m, y):
    n = len(y)
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(m[r][i]))
        m[i], m[pivot], y[i], y[pivot] = m[pivot], m[i], y[pivot], y[i]
        for r in range(i + 1, n):
            f = m[r][i] / m[i][i]
            m[r] = [u - f * v for u, v in zip(m[r], m[i])]
            y[r] -= f * y[i]
    x = [0.0] * n
    for i in reversed(range(n)):
        x[i] = (y[i] - sum(m[i][k] * x[k] for k in range(i + 1, n))) / m[i][i]
    return x


def fit(rows, columns, label):
    """Least squares of relative errors."""
    x = [[c(w, a, p) / v for c in columns] for w, a, p, v in rows]
    n = len(columns)
    m = [[sum(r[i] * r[k] for r in x) for k in range(n)] for i in range(n)]
    k = solve(m, [sum(r[i] for r in x) for i in range(n)])
    errors = [abs(sum(f * u for f, u in zip(k, r)) - 1) for r in x]
    print(f"{label}: {' '.join(f'{v:.4g}' for v in k)}   {len(rows)} points, error: median "
          f"{100 * statistics.median(errors):.1f} %, worst {100 * max(errors):.1f} %")


def points():
    widths = (2, 3, 4, 5, 6, 8, 12, 16)
    for w in widths:
        for a in widths:
            if w > a:
                continue
            yield w, a, w + a + 4
            if w == a and w + a + 4 < 32:
                yield w, a, 32
    yield 24, 24, 52
    yield 32, 32, 68


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("nand2")
    parser.add_argument("--points")
    parser.add_argument("--workers", type=int, default=2)
    o = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        library = o.library
        if library.endswith(".gz"):
            library = os.path.join(folder, "cells.lib")
            with gzip.open(o.library, "rb") as f, open(library, "wb") as g:
                g.write(f.read())
        nand2 = cell_area(library, o.nand2)
        with concurrent.futures.ThreadPoolExecutor(o.workers) as pool:
            rows = [(w, a, p, v / nand2) for w, a, p, v in
                    pool.map(area, [(os.path.abspath(library), *x) for x in points()])]
    if o.points:
        with open(o.points, "w", newline="") as f:
            csv.writer(f).writerows([("w", "a", "p", "nand2"), *rows])
    for w, a, p, v in rows:
        if w == a:
            print(f"W{w} A{a} P{p}: {v:.0f}")
    full = [lambda w, a, p: w * a, lambda w, a, p: w + a, lambda w, a, p: p, lambda w, a, p: 1]
    few = [full[0], full[1], full[3]]
    small = [r for r in rows if r[0] <= 16]
    fit(rows, full, "a b c d")
    fit(small, full, "a b c d, up to 16 bits")
    fit([r for r in small if r[2] == r[0] + r[1] + 4], few, "a b d at P = W + A + 4, up to 16 bits")


if __name__ == "__main__":
    main()
