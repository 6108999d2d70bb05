#!/usr/bin/env bash
# The same search with and without early stopping, on real trainings (Fashion-MNIST, as scripts/demo.sh gets it), at
# equal numbers of trials: what the chosen design is worth when it is trained in full, and what was spent.
#
#     experiments/early_stopping.sh OUT [SEED...]     # seeds 1 to 5, if none is given; one thread, some 3 minutes each
#     experiments/early_stopping_summary.py OUT
#
# Goes on where it stopped.
set -eu
out=$1
shift
[ $# -gt 0 ] || set -- 1 2 3 4 5
here=$(cd "$(dirname "$0")" && pwd)
tandem=${TANDEM:-$here/../build/release/tandem}
for seed in "$@"; do
    for rule in none asha hyperband median; do
        stop=()
        [ $rule = none ] || stop=(--set "early_stopping=$rule")
        "$tandem" search "$here/early_stopping.yaml" --set "seed=$seed" "${stop[@]}" --threads 1 --quiet \
            --out "$out/$rule/seed-$seed" >/dev/null
    done
done
