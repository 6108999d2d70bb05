#!/usr/bin/env bash
# Sources follow .clang-format; lists those that do not.
set -eu
cd "$(dirname "$0")/.."
git ls-files -- 'src/*.c' 'src/*.h' 'include/*.h' 'tests/*.c' 'tests/*.h' 'bench/*.c' 'examples/*.c' |
    xargs -r clang-format --dry-run -Werror 2>&1 | grep 'error:' | cut -d: -f1 | sort -u | {
    bad=$(cat)
    [ -z "$bad" ] || { echo "not formatted (clang-format -i):"; echo "$bad"; exit 1; }
}
