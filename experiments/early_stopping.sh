#!/usr/bin/env bash
# The same search with and without early stopping, on real trainings (Fashion-MNIST, as scripts/demo.sh gets it), at
# equal numbers of trials, but for one arm with twice as many: what the chosen design is worth when it is trained in
# full, and what was spent.
#
#     experiments/early_stopping.sh OUT [SEED...]     # seeds 1 to 5, if none is given; one thread, some 5 minutes each
#     experiments/early_stopping_summary.py OUT
#
# Goes on where it stopped.
set -eu
out=$1
shift
[ $# -gt 0 ] || set -- 1 2 3 4 5
here=$(cd "$(dirname "$0")" && pwd)
tandem=${TANDEM:-$here/../build/release/tandem}
run() { # run NAME SEED ARGUMENT...
    "$tandem" search "$here/early_stopping.yaml" --set "seed=$2" "${@:3}" --threads 1 --quiet \
        --out "$out/$1/seed-$2" >/dev/null
}
for seed in "$@"; do
    run none "$seed"
    run asha "$seed" --set early_stopping=asha
    run asha-min-3 "$seed" --set "early_stopping={name: asha, min: 3}"
    run asha-120-trials "$seed" --set early_stopping=asha --set budget.trials=120
    run hyperband "$seed" --set early_stopping=hyperband
    run median "$seed" --set early_stopping=median
done
