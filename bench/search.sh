#!/usr/bin/env bash
# All strategies on all black-box problems (tests/search/blackbox.c), 10 seeds: after 200 trials of one
# objective, 1,000 of several. Writes OUT/PROBLEM.csv and prints a table, beside the figures of other
# programs where ../shared has them. An hour on two cores, nearly all of it `auto`.
#
#     bench/search.sh OUT [PROBLEM...]
set -eu
out=$(realpath -m "$1")
shift
cd "$(dirname "$0")/.."
mkdir -p "$out"
[ $# -gt 0 ] || set -- branin_cat ackley10_int pressure_vessel zdt1_30 zdt1_10 dtlz2_11 \
    hartmann6 rosenbrock6 rastrigin10 welded_beam spring ways branches mixed10 zdt3_10 dtlz2_3 binh
cmake --preset release >/dev/null
cmake --build --preset release --target bench_blackbox >/dev/null
printf '%s\n' "$@" | xargs -P "${JOBS:-$(nproc)}" -I {} sh -c \
    'build/release/bench/bench_blackbox --problem {} --csv "$0/{}.part" >"$0/{}.log" && mv "$0/{}.part" "$0/{}.csv"' "$out"
reference=../shared/reference/search/reference.json
[ -e "$reference" ] || reference=
python3 bench/search_summary.py "$out" $reference
