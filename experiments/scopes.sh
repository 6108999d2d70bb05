#!/usr/bin/env bash
# Compares strategies and scopes at equal budgets, 20 seeds, in one run that shares what it costs (part 1); scopes of
# several phases once more with 500 trials (part 2: they divide their budget, so that 500 trials are a run of its own,
# and no beginning of one of 2,000); and, if `optimum` is asked for, the true optimum of each set of targets (part 3):
# every network, each with its best accelerator.
#
#     experiments/scopes.sh TABLE OUT [optimum]
#     experiments/scopes_summary.py OUT
#
# TABLE: nas-bench-macro_cifar10.json of https://github.com/xiusu/NAS-Bench-Macro. Goes on where it stopped.
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
phases=evolution:scope=phase-accelerator,evolution:scope=phase-network,evolution:scope=alternate
fixed=evolution:scope=network,evolution:scope=accelerator
for against in evolution random; do # the second time all runs are there already
    compare scopes --seeds 20 --budgets 500,2000 --out "$out/methods" --against $against \
        --strategies "random,evolution,ppo,$fixed,$phases,evolution:scope=solve" >"$out/against-$against.txt"
    cp "$out/methods/comparison.json" "$out/against-$against.json"
done
compare scopes --seeds 20 --budgets 500 --out "$out/phases-500" --strategies "evolution,$phases" >"$out/phases-500.txt"
[ "${3:-}" != optimum ] ||
    compare optimum --seeds 1 --strategies exhaustive --scopes solve --budgets 6561 --out "$out/optimum" >"$out/optimum.txt"
cat "$out"/*.txt
