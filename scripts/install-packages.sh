#!/usr/bin/env bash
# Installs the Debian packages of packages.txt that are missing. Needs root, or sudo.
set -eu
cd "$(dirname "$0")/.."
wanted=$(grep -vE '^\s*(#|$)' packages.txt)
missing=()
for p in $wanted; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0
run=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "needs these packages, and neither root nor sudo is here: ${missing[*]}" >&2
        exit 1
    }
    run=(sudo)
fi
echo "installing: ${missing[*]}" >&2
{
    "${run[@]}" apt-get update -q
    "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
} >&2
