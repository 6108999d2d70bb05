#!/usr/bin/env bash
# Compares strategies (part 1) and scopes (parts 2 and 3) at equal budgets, 20 seeds, and finds the true
# optimum of each set of targets (part 4): every network, each with its best accelerator.
#
#     experiments/scopes.sh TABLE OUT
#     experiments/scopes_summary.py OUT
#
# TABLE: nas-bench-macro_cifar10.json of https://github.com/xiusu/NAS-Bench-Macro. Goes on where it
# stopped. A scope of several phases divides its budget, so that 500 trials of it are a run of its
# own (part 3), and no beginning of one of 2,000.
set -eu
table=$(realpath "$1") out=$2
here=$(cd "$(dirname "$0")" && pwd)
tandem=${TANDEM:-$here/../build/release/tandem}
mkdir -p "$out"
sed "s|^  file: .*|  file: $table|" "$here/scopes.yaml" >"$out/scopes.yaml"
sed "s|^  scale: .*|&\n  noise: mean|" "$out/scopes.yaml" >"$out/optimum.yaml"
cp "$here/scopes-targets.yaml" "$out/targets.yaml"
compare() { # compare RECIPE ARGUMENT...
    "$tandem" compare "$out/$1.yaml" --targets "$out/targets.yaml" --quiet "${@:2}"
}
compare scopes --seeds 20 --strategies random,evolution,ppo --budgets 500,2000 --out "$out/strategies" >"$out/strategies.txt"
compare scopes --seeds 20 --strategies evolution \
    --scopes joint,network,accelerator,phase-accelerator,phase-network,alternate,solve \
    --budgets 500,2000 --out "$out/scopes" >"$out/scopes.txt"
compare scopes --seeds 20 --strategies evolution --scopes joint,phase-accelerator,phase-network,alternate \
    --budgets 500 --out "$out/phases-500" >"$out/phases-500.txt"
compare optimum --seeds 1 --strategies exhaustive --scopes solve --budgets 6561 --out "$out/optimum" >"$out/optimum.txt"
cat "$out"/*.txt
