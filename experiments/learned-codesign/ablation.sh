#!/usr/bin/env bash
# Inner search alone, ablation, feasibility: the second and third part of docs/learned-codesign.md.
#
#     experiments/learned-codesign/ablation.sh [OUT] [SEEDS]
#
# Tables go to standard output, rows (CSV) and plots (SVG) to OUT. What was run stays: it goes on after any end. With
# 10 seeds some 20 minutes of CPU. FULL=1: the full networks, too.
set -eu
cd "$(dirname "$0")/../.."
out=${1:-results/learned-codesign-ablation} seeds=${2:-10}
program=build/release/experiments/learned_codesign_ablation
[ -x "$program" ] || { echo "build first: cmake --preset release && ninja -C build/release" >&2; exit 1; }

folder=experiments/learned-codesign/workloads
larger=pes=256,mesh_x=16,buffer_kb=128
workloads=("$folder/resnet.yaml" "$folder/dqn.yaml" "$folder/mlp.yaml" "$folder/transformer.yaml,$larger")
if [ "${FULL:-0}" = 1 ]; then
    workloads+=("$folder/resnet18.yaml" "$folder/dqn-atari.yaml" "$folder/mlp-mnist.yaml" "$folder/encoder.yaml,$larger")
fi
for part in inner outer feasibility; do
    echo "## $part"
    "$program" "$part" "$out" "$seeds" "${workloads[@]}"
done
