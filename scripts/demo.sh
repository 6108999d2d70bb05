#!/usr/bin/env bash
# The main job on real data: installs what is missing, builds, and searches a network for
# Fashion-MNIST together with its accelerator. The results folder is kept: run again to resume.
set -eu
cd "$(dirname "$0")/.."
out=${1:-results/quickstart}
scripts/install-packages.sh
cmake --preset release >/dev/null
cmake --build --preset release --target tandem-program
exec build/release/tandem search recipes/quickstart.yaml --out "$out"
