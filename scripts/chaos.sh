#!/usr/bin/env bash
# Searches whose processes are killed hundreds of times; writes what came of it to docs/chaos.md.
# Minutes; the short version is a test (test_chaos).
#   scripts/chaos.sh [SEED]     of the kills; a new one if it is not given
set -eu
cd "$(dirname "$0")/.."
cmake --preset release >/dev/null
cmake --build --preset release --target test_chaos >/dev/null
[ $# -gt 0 ] && export TANDEM_CHAOS_SEED=$1
TANDEM_CHAOS=docs/chaos.md build/release/tests/test_chaos
echo "docs/chaos.md written"
