#!/usr/bin/env bash
# Optional test: onnxruntime (from PyPI, in a virtual environment outside the repository) gives the same
# predictions for a results folder's best/network.onnx as the trainer does.
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
build/release/tests/predict_labels "$out/best/network.yaml" "$out/best/weights.bin" "$labels"
"$venv/bin/python" tests/optional/onnx_predictions.py "$out/best/network.onnx" "$labels"
