#!/usr/bin/env bash
# Compares strategies and scopes at equal budgets, 20 seeds. Parts:
#
#   methods  all of them under a hard reward, in one run that shares what it costs
#   phases   scopes of several phases once more with 500 trials: they divide their budget, so that 500 trials are a run
#            of its own, and no beginning of one of 2,000
#   soft     joint and solve under a soft reward, which trains designs that miss their targets too. Its product makes
#            targets a constant factor (p = q): a search is the same whatever they are, and one stands for all. With
#            the mean accuracy of each network, to score what it has found at each set of targets
#   until    solve with the strategy gp inside, until as good as the joint search of `methods` in the end
#   optimum  the true optimum of each set of targets: every network, each with its best accelerator
#
#     experiments/scopes.sh TABLE OUT [PART...]     # methods, phases and soft, if none is given
#     experiments/scopes_summary.py OUT
#     experiments/scopes_soft.py OUT
#     experiments/scopes_until.py OUT
#
# TABLE: nas-bench-macro_cifar10.json of https://github.com/xiusu/NAS-Bench-Macro. Goes on where it stopped.
set -eu
table=$(realpath "$1") out=$2
shift 2
[ $# -gt 0 ] || set -- methods phases soft
here=$(cd "$(dirname "$0")" && pwd)
tandem=${TANDEM:-$here/../build/release/tandem}
mkdir -p "$out"
sed "s|^  file: .*|  file: $table|" "$here/scopes.yaml" >"$out/scopes.yaml"
sed "s|^  scale: .*|&\n  noise: mean|" "$out/scopes.yaml" >"$out/means.yaml"
cp "$here/scopes-targets.yaml" "$out/targets.yaml"
compare() { # compare NAME RECIPE ARGUMENT...: its tables in OUT/NAME.txt when it is done
    "$tandem" compare "$out/$2.yaml" --quiet "${@:3}" >"$out/$1.part"
    mv "$out/$1.part" "$out/$1.txt"
}
phases=evolution:scope=phase-accelerator,evolution:scope=phase-network,evolution:scope=alternate
fixed=evolution:scope=network,evolution:scope=accelerator

part_methods() {
    for against in evolution random; do # the second time all runs are there already
        compare "against-$against" scopes --targets "$out/targets.yaml" --seeds 20 --budgets 500,2000 \
            --out "$out/methods" --against $against \
            --strategies "random,evolution,ppo,$fixed,$phases,evolution:scope=solve"
        cp "$out/methods/comparison.json" "$out/against-$against.json"
    done
}
part_phases() {
    compare phases-500 scopes --targets "$out/targets.yaml" --seeds 20 --budgets 500 --out "$out/phases-500" \
        --strategies "evolution,$phases"
}
part_soft() {
    compare means means --set "objective.targets={}" --seeds 1 --strategies exhaustive --scopes network \
        --budgets 6561 --out "$out/means"
    compare soft scopes --set objective.reward=nahas-soft --seeds 20 --budgets 500,2000 --out "$out/soft" \
        --strategies evolution,evolution:scope=solve
}
part_until() {
    compare until scopes --targets "$out/targets.yaml" --seeds 20 --budgets 60 --out "$out/until" \
        --strategies gp:scope=solve
}
part_optimum() {
    compare optimum means --targets "$out/targets.yaml" --seeds 1 --strategies exhaustive --scopes solve \
        --budgets 6561 --out "$out/optimum"
}
for part in "$@"; do
    declare -F "part_$part" >/dev/null || { echo "scopes.sh: no part $part" >&2; exit 2; }
done
for part in "$@"; do "part_$part"; done
cat "$out"/*.txt
