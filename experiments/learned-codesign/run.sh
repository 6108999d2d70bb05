#!/usr/bin/env bash
# Accelerators and mappings searched together, as Shi et al. 2020 (arXiv 2010.02075) do, against Eyeriss; docs/learned-codesign.md
# has what came out. Methods, of each workload:
#
#   eyeriss       Eyeriss, each layer with its best mapping, proved
#   eyeriss-rs    the same with the places for loops that Timeloop's description of Eyeriss has
#   eyeriss-bo, eyeriss-random   Eyeriss with mappings by the paper's inner search; by 250 random ones
#   paper         the paper's: bo (10 random ones, linear and noise, LCB) for 50 accelerators, and for each layer of each bo (30 random
#                 ones, linear on its features, LCB, pool of 150) over 250 mappings; then the best one's mappings by the mapper (mapped.json)
#   bo            the same with features of ours beside the paper's
#   random        the same budget at random; then the same
#   outer         the paper's outer search, 50 accelerators, the mapper inside
#   outer-random  50 random accelerators, the mapper inside
#   auto          tandem's default strategy, 1,000 accelerators (the first 50 are a search of 50), the mapper inside
#   optimum       the best of all accelerators of the space, proved (codesign_optimum)
#
#     experiments/learned-codesign/run.sh OUT [METHOD...]     # all of them, if none is given
#     experiments/learned-codesign/summary.py OUT
#
# In the environment: WORKLOADS ("resnet dqn ..."), SEEDS (10), JOBS (searches at a time: 2), TRIALS (of auto: 1000), BUILD (build/release).
# Run again it goes on where it stopped, also within a search.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "${BUILD:-$here/../../build/release}")
inner_paper='mapping={strategy: {name: bo, initial: 30, pool: 150}, features: plain, trials: 250}'
inner_bo='mapping={strategy: {name: bo, initial: 30, pool: 150}, trials: 250}'
inner_random='mapping={strategy: random, trials: 250}'
mapper='mapping={strategy: mapper}'
outer_bo='strategy={name: bo, initial: 10}'

pes() { # pes WORKLOAD
    case $1 in transformer | encoder) echo 256 ;; *) echo 168 ;; esac
}
space() { # space WORKLOAD: the accelerators that are searched
    if [ "$(pes "$1")" = 256 ]; then echo 'accelerator={space: eyeriss, pes: 256, buffer_kb: 128}'; else echo 'accelerator={space: eyeriss}'; fi
}

search() { # search WORKLOAD DIR SEED KEY=VALUE...: once; DIR.json is there when it is over, DIR.time its CPU seconds
    local workload=$1 dir=$2 seed=$3 set=() TIMEFORMAT='%U'
    shift 3
    [ ! -s "$dir.json" ] || return 0
    for s in "workload=$here/workloads/$workload.yaml" "seed=$seed" "$@"; do set+=(--set "$s"); done
    mkdir -p "$(dirname "$dir")"
    { time "$build/tandem" search "$here/search.yaml" "${set[@]}" --threads 1 --quiet --format json --out "$dir" \
        >"$dir.part" 2>"$dir.log"; } 2>"$dir.time" || { cat "$dir.log" >&2; return 1; }
    mv "$dir.part" "$dir.json"
}
map() { # map WORKLOAD DIR ACCELERATOR: what the mapper makes of it
    search "$1" "$2" 1 "accelerator={space: fixed, hw: '$3'}" "$mapper" strategy=random budget.trials=1
}
one() { # one OUT METHOD WORKLOAD SEED
    local dir=$1/$3/$2/$4 w=$3 seed=$4
    local eyeriss=$1/eyeriss-$(pes "$w")
    case $2 in
    eyeriss) map "$w" "$dir" "$eyeriss.yaml" ;;
    eyeriss-rs) map "$w" "$dir" "$eyeriss-rs.yaml" ;;
    eyeriss-bo) search "$w" "$dir" "$seed" "accelerator={space: fixed, hw: '$eyeriss.yaml'}" "$inner_paper" strategy=random budget.trials=1 ;;
    eyeriss-random) search "$w" "$dir" "$seed" "accelerator={space: fixed, hw: '$eyeriss.yaml'}" "$inner_random" strategy=random budget.trials=1 ;;
    paper) search "$w" "$dir" "$seed" "$(space "$w")" "$inner_paper" "$outer_bo" budget.trials=50 ;;
    bo) search "$w" "$dir" "$seed" "$(space "$w")" "$inner_bo" "$outer_bo" budget.trials=50 ;;
    random) search "$w" "$dir" "$seed" "$(space "$w")" "$inner_random" strategy=random budget.trials=50 ;;
    outer) search "$w" "$dir" "$seed" "$(space "$w")" "$mapper" "$outer_bo" budget.trials=50 ;;
    outer-random) search "$w" "$dir" "$seed" "$(space "$w")" "$mapper" strategy=random budget.trials=50 ;;
    auto) search "$w" "$dir" "$seed" "$(space "$w")" "$mapper" strategy=auto budget.trials="${TRIALS:-1000}" ;;
    optimum)
        [ ! -s "$dir.json" ] || return 0
        mkdir -p "$(dirname "$dir")"
        "$build/experiments/codesign_optimum" "$here/search.yaml" "workload=$here/workloads/$w.yaml" "$(space "$w")" \
            >"$dir.part" 2>"$dir.log"
        mv "$dir.part" "$dir.json"
        ;;
    *) echo "run.sh: no method $2" >&2; return 2 ;;
    esac
    case $2 in paper | bo | random) [ ! -f "$dir/best/accelerator.yaml" ] || map "$w" "$dir/mapped" "$dir/best/accelerator.yaml" ;; esac
}
if [ "${1:-}" = --one ]; then
    shift
    one "$@"
    exit
fi

[ $# -gt 0 ] || { echo "usage: run.sh OUT [METHOD...]" >&2; exit 2; }
mkdir -p "$1"
out=$(realpath "$1")
shift
[ $# -gt 0 ] || set -- eyeriss eyeriss-rs eyeriss-bo eyeriss-random optimum outer outer-random random paper bo auto
# Eyeriss itself, without what may vary; with the larger budgets; with Timeloop's rules.
fixed() { # fixed NAME SED-ARGUMENT...: once
    [ -s "$out/$1.yaml" ] && return
    sed -e '/^space:/,$d' "${@:2}" "$here/../../hw/eyeriss.yaml" >"$out/$1.$$"
    mv "$out/$1.$$" "$out/$1.yaml"
}
rules=(-e 's/^filter_height: .*/&\nrow_stationary: 1/')
budget=(-e 's/^pes: .*/pes: 256/; s/^mesh_x: .*/mesh_x: 16/; s/^buffer_kb: .*/buffer_kb: 128/')
fixed eyeriss-168
fixed eyeriss-256 "${budget[@]}"
fixed eyeriss-168-rs "${rules[@]}"
fixed eyeriss-256-rs "${budget[@]}" "${rules[@]}"
for method in "$@"; do
    for seed in $(seq "${SEEDS:-10}"); do
        for workload in ${WORKLOADS:-resnet dqn mlp transformer resnet18 dqn-atari mlp-mnist encoder}; do
            case $method in eyeriss | eyeriss-rs | optimum) [ "$seed" = 1 ] || continue ;; esac
            echo "$out $method $workload $seed"
        done
    done
done | xargs -P "${JOBS:-2}" -L 1 "$0" --one
