#!/usr/bin/env bash
# Optional test: Gaussian processes give scikit-learn's likelihoods, gradients, means and deviations
# (scikit-learn from PyPI, in a virtual environment outside the repository).
set -eu
cd "$(dirname "$0")/../.."
venv=${TANDEM_VENV:-${TMPDIR:-/tmp}/tandem-sklearn-venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import sklearn' 2>/dev/null || "$venv/bin/pip" install -q scikit-learn
cmake --preset release >/dev/null
cmake --build --preset release --target gp_figures >/dev/null
"$venv/bin/python" tests/optional/gp_sklearn.py build/release/tests/gp_figures
