#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compares the speed of two builds: runs them by turns in one session and prints the ratio of their medians.
# Usage: scripts/bench_ab.sh ZEROCONV_A ZEROCONV_B [ROUNDS] -- ARGUMENTS OF `zeroconv bench`...
#   e.g. scripts/bench_ab.sh ../before/build/release/bin/zeroconv build/release/bin/zeroconv 5 -- unet
set -euo pipefail
usage() { sed -n '4,5s/^# //p' "$0" >&2; exit 64; }
[ $# -ge 4 ] || usage
a=$1 b=$2
shift 2
rounds=5
[ "$1" = -- ] || { rounds=$1; shift; }
[ "$1" = -- ] || usage
shift
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
for ((round = 1; round <= rounds; ++round)); do
  printf 'round %d of %d\n' "$round" "$rounds" >&2
  # Each goes first in every other round, so that a machine that warms up favours neither.
  if ((round % 2)); then order=(a b); else order=(b a); fi
  for which in "${order[@]}"; do "${!which}" bench "$@" --json > "$results/$which.$round.json"; done
done
python3 - "$results" "$rounds" <<'PY'
import json, pathlib, statistics, sys
folder, rounds = pathlib.Path(sys.argv[1]), int(sys.argv[2])
median = {}
for which in "ab":
    runs = [json.loads((folder / f"{which}.{i}.json").read_text()) for i in range(1, rounds + 1)]
    times = [run["median_s"] for run in runs]
    median[which] = statistics.median(times)
    peak = max(run["peak_bytes"] for run in runs)
    print(f"{which}: median {median[which]:.4f} s ({min(times):.4f} to {max(times):.4f}), peak {peak / 2**20:.0f} MiB")
print(f"b takes {median['b'] / median['a']:.3f} of a's time ({rounds} rounds by turns)")
PY
