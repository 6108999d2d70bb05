#!/bin/sh
# Training speed beside PyTorch, in turns on the same machine: networks A and C, fp32 and bf16, one
# thread each, batch 128. Prints medians of images per CPU-second and their ratios, and the ratio of
# best mode to best mode; fails if one is below MIN (1.15).
#
#     apt-get install python3-torch
#     bench/train_vs_torch.sh build/release/bench/bench_train [repeats] [seconds]
set -eu
bench=${1:?"usage: train_vs_torch.sh path/to/bench_train [repeats] [seconds]"}
repeats=${2:-5}
seconds=${3:-3}
here=$(dirname "$0")
python=${PYTHON:-/usr/bin/python3}
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
out=$(mktemp)
trap 'rm -f "$out"' EXIT
"$python" -c 'import torch' || { echo "train_vs_torch.sh: apt-get install python3-torch" >&2; exit 4; }
i=0
while [ "$i" -lt "$repeats" ]; do
    for net in A C; do
        for number in fp32 bf16; do
            "$bench" --net $net --number $number --repeat 1 --seconds "$seconds" >>"$out"
            "$python" "$here/torch_train.py" --net $net --number $number --repeat 1 \
                --seconds "$seconds" >>"$out"
        done
    done
    i=$((i + 1))
done
uptime
MIN=${MIN:-1.15} "$python" - "$out" <<'PY'
import collections, json, os, statistics, sys
runs = collections.defaultdict(list)
for line in open(sys.argv[1]):
    r = json.loads(line)
    engine = "tandem" if r["engine"] == "tandem" else "torch"
    runs[r["net"], r["number"], engine].append(r["images_per_cpu_s"])
least, failed = float(os.environ["MIN"]), False
print("images per CPU-second, medians of %d runs (lowest to highest)" % len(next(iter(runs.values()))))
median = {k: statistics.median(v) for k, v in runs.items()}
for net in ("A", "C"):
    for number in ("fp32", "bf16"):
        ratios = [a / b for a, b in zip(runs[net, number, "tandem"], runs[net, number, "torch"])]
        text = ["%s %.0f (%.0f-%.0f)" % (e, median[net, number, e], min(runs[net, number, e]),
                                         max(runs[net, number, e])) for e in ("tandem", "torch")]
        ratio = statistics.median(ratios)
        failed |= ratio < least
        print("%s %s  %-30s %-30s ratio %.2f (pairs %.2f-%.2f)"
              % (net, number, *text, ratio, min(ratios), max(ratios)))
    best = {e: max(median[net, n, e] for n in ("fp32", "bf16")) for e in ("tandem", "torch")}
    failed |= best["tandem"] / best["torch"] < least
    print("%s best mode to best mode: %.2f" % (net, best["tandem"] / best["torch"]))
sys.exit(1 if failed else 0)
PY
