#!/usr/bin/env bash
# Builds and runs all tests; the last line counts test cases: "N passed, N failed, N skipped".
#   scripts/test.sh            release build, all tests; sanitizer build of the same tests;
#                              10 seconds of fuzzing per parser; order of dependence; format
#   scripts/test.sh --quick    release build and its tests only
# TANDEM_SLOW=1 runs the slow tests too.
set -u
cd "$(dirname "$0")/.."
quick=0
[ "${1:-}" = --quick ] && quick=1
scripts/install-packages.sh || exit 1

passed=0 failed=0 skipped=0
fail_one() { echo "FAILED: $1"; failed=$((failed + 1)); }
pass_one() { passed=$((passed + 1)); }
check() { # check NAME COMMAND...: one test case that is a command
    local name=$1 log
    shift
    if log=$("$@" 2>&1); then pass_one; else
        printf '%s\n' "$log" | tail -n 40
        fail_one "$name"
    fi
}

build() { # build PRESET: configures and builds; nothing runs after a failure
    cmake --preset "$1" >build-"$1".log 2>&1 && cmake --build --preset "$1" >>build-"$1".log 2>&1 && rm -f build-"$1".log && return 0
    tail -n 60 build-"$1".log
    rm -f build-"$1".log
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
}

run_tests() { # run_tests FOLDER LABEL: all cmocka programs of a build, counted by test case
    local t log code p f s r
    for t in "$1"/tests/test_*; do
        [ -x "$t" ] || continue
        log=$(mktemp)
        timeout 900 "$t" >"$log" 2>&1
        code=$?
        p=$(grep -c '^\[       OK \]' "$log")
        # cmocka lists failed and skipped cases a second time at the end
        f=$(grep '^\[  FAILED  \] [^0-9]' "$log" | sort -u | wc -l)
        s=$(grep '^\[  SKIPPED \] [^0-9]' "$log" | sort -u | wc -l)
        if [ $code -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi # crash, sanitizer report or time-out
        # With the reference material there, a reference test that skips has failed (slow ones, named
        # slow_*, may skip).
        if [ -d ../shared ] && [ -f tests/reference/"$(basename "$t")".c ]; then
            r=$(grep '^\[  SKIPPED \] [^0-9]' "$log" | grep -v '\] slow_' | sort -u | wc -l)
            f=$((f + r)) s=$((s - r))
        fi
        if [ "$f" -gt 0 ]; then
            echo "--- $(basename "$t") ($2), exit code $code"
            grep -vE '^\[ RUN      \]|^\[       OK \]' "$log" | tail -n 60
        fi
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
        rm -f "$log"
    done
}

check "order of dependence" scripts/check-order.sh
build release
run_tests build/release release
if [ $quick -eq 0 ]; then
    check "format" scripts/check-format.sh
    build debug
    run_tests build/debug "address and undefined behaviour sanitizers"
    build fuzz
    for f in build/fuzz/fuzz/fuzz_*; do
        [ -x "$f" ] || continue
        corpus=$(mktemp -d)
        seeds=tests/fuzz-seeds/$(basename "$f")
        [ -d "$seeds" ] && cp -r "$seeds"/. "$corpus"
        check "$(basename "$f")" "$f" -max_total_time="${TANDEM_FUZZ_SECONDS:-10}" -max_len=16384 -rss_limit_mb=2048 -timeout=10 \
            -artifact_prefix="$corpus/" "$corpus"
        rm -rf "$corpus"
    done
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
