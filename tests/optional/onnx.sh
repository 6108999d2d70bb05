#!/usr/bin/env bash
# Optional test: onnxruntime (from PyPI, in a virtual environment outside the repository) gives the same
# predictions as the trainer does, for each trained pair of a results folder: best/network.onnx and
# rows/*/network.onnx; and for network.qdq.onnx beside them those of our inference in integers (on 99.5 % of
# the test images). A folder of `tandem train --out` will do, too.
#   tests/optional/onnx.sh results/quickstart
set -eu
out=$(realpath "${1:-results/quickstart}")
cd "$(dirname "$0")/../.."
venv=${TANDEM_VENV:-${TMPDIR:-/tmp}/tandem-onnx-venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import onnxruntime, numpy' 2>/dev/null || "$venv/bin/pip" install -q onnxruntime numpy
cmake --build --preset release --target predict_labels >/dev/null
labels=$(mktemp)
trap 'rm -f "$labels"' EXIT
compared=0 failed=0
for onnx in "$out"/network.onnx "$out"/best/network.onnx "$out"/rows/*/network.onnx; do
    [ -e "$onnx" ] || continue
    pair=$(dirname "$onnx")
    echo "${pair#"$out"/}:"
    build/release/tests/predict_labels "$pair/network.yaml" "$pair/weights.bin" "$labels"
    "$venv/bin/python" tests/optional/onnx_predictions.py "$onnx" "$labels" || failed=$((failed + 1))
    compared=$((compared + 1))
    [ -e "$pair/network.qdq.onnx" ] || continue
    echo "${pair#"$out"/}, in integers:"
    build/release/tests/predict_labels "$pair/network.yaml" "$pair/weights.bin" "$labels" integers
    "$venv/bin/python" tests/optional/onnx_predictions.py "$pair/network.qdq.onnx" "$labels" 99.5 ||
        failed=$((failed + 1))
    compared=$((compared + 1))
done
[ "$compared" -gt 0 ] || { echo "$out: no network.onnx in it, in best/ or rows/" >&2; exit 1; }
echo "$compared compared, $failed failed"
[ "$failed" -eq 0 ]
