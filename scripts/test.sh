#!/usr/bin/env bash
# Builds and runs all tests; the last line counts test cases: "N passed, N failed, N skipped".
#   scripts/test.sh            release build, all tests; the same with sanitizers, but those of
#                              tests/reference, and with fewer random cases (tests/common.h);
#                              6 seconds of fuzzing per parser; order of dependence; format
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

count() { # count PATTERN FILE: distinct lines of a log
    grep "$1" "$2" | sort -u | wc -l
}

run_test() { # run_test PROGRAM LABEL FOLDER: writes "passed failed skipped" and what there is to see into FOLDER
    local t=$1 name log code p f s r
    name=$(basename "$t")
    log=$3/$name.log
    timeout 900 "$t" >"$log" 2>&1
    code=$?
    p=$(grep -c '^\[       OK \]' "$log")
    # cmocka lists failed and skipped cases a second time at the end
    f=$(count '^\[  FAILED  \] [^0-9]' "$log")
    s=$(count '^\[  SKIPPED \] [^0-9]' "$log")
    if [ $code -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi # crash, sanitizer report or time-out
    # With the reference material there, a reference test that skips has failed (slow ones, named
    # slow_*, may skip).
    if [ -d ../shared ] && [ -f tests/reference/"$name".c ]; then
        r=$(grep '^\[  SKIPPED \] [^0-9]' "$log" | grep -v '\] slow_' | sort -u | wc -l)
        f=$((f + r)) s=$((s - r))
    fi
    if [ "$f" -gt 0 ]; then
        {
            echo "--- $name ($2), exit code $code"
            grep -vE '^\[ RUN      \]|^\[       OK \]' "$log" | tail -n 60
        } >"$3/$name.failed"
    fi
    echo "$p $f $s" >"$3/$name.counts"
}
export -f run_test count

# Tests that start programs wait for them now and then: one more at a time than there are processors.
run_tests() { # run_tests FOLDER LABEL: all cmocka programs of a build, counted by test case
    local out t p f s
    out=$(mktemp -d)
    find "$1"/tests -maxdepth 1 -name 'test_*' -type f -perm -u+x -print0 | sort -z |
        xargs -0 -P $(($(nproc) + 1)) -I {} bash -c 'run_test "$@"' run_test {} "$2" "$out"
    for t in "$1"/tests/test_*; do
        [ -x "$t" ] || continue
        # No counts: the test was never run to its end.
        read -r p f s <"$out/$(basename "$t").counts" || { p=0 f=1 s=0; echo "--- $(basename "$t") ($2) left no result"; }
        [ ! -f "$out/$(basename "$t").failed" ] || cat "$out/$(basename "$t").failed"
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    done
    rm -rf "$out"
}

run_fuzzer() { # run_fuzzer PROGRAM FOLDER: FOLDER/NAME.log, and NAME.failed if it found something
    local name corpus
    name=$(basename "$1")
    corpus=$(mktemp -d)
    [ ! -d tests/fuzz-seeds/"$name" ] || cp -r tests/fuzz-seeds/"$name"/. "$corpus"
    "$1" -max_total_time="${TANDEM_FUZZ_SECONDS:-6}" -max_len=16384 -rss_limit_mb=2048 -timeout=10 \
        -artifact_prefix="$corpus/" "$corpus" >"$2/$name.log" 2>&1 || touch "$2/$name.failed"
    rm -rf "$corpus"
}
export -f run_fuzzer

run_fuzzers() { # run_fuzzers FOLDER: each is one test case, as many at a time as there are processors
    local out f
    out=$(mktemp -d)
    find "$1" -maxdepth 1 -name 'fuzz_*' -type f -perm -u+x -print0 | sort -z |
        xargs -0 -P "$(nproc)" -I {} bash -c 'run_fuzzer "$@"' run_fuzzer {} "$out"
    for f in "$1"/fuzz_*; do
        [ -x "$f" ] || continue
        f=$(basename "$f")
        if [ -e "$out/$f.log" ] && [ ! -e "$out/$f.failed" ]; then pass_one; else
            tail -n 40 "$out/$f.log"
            fail_one "$f"
        fi
    done
    rm -rf "$out"
}

check "order of dependence" scripts/check-order.sh
build release
run_tests build/release release
if [ $quick -eq 0 ]; then
    check "format" scripts/check-format.sh
    build debug
    # Where a block was allocated is told by eight frames, and freed ones are kept for a while: with thirty frames and a
    # quarter of a GB of them tests take a tenth longer.
    export ASAN_OPTIONS=malloc_context_size=8:quarantine_size_mb=32${ASAN_OPTIONS:+:$ASAN_OPTIONS}
    run_tests build/debug "address and undefined behaviour sanitizers"
    build fuzz
    run_fuzzers build/fuzz/fuzz
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
