#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compares zeroconv with diffusers (eager, and torch.compile with max-autotune) on the first NVIDIA GPU: SD1.5 with a ControlNet at
# 512x512 in float16, made-up weights, the same inputs. First the parity of a step with the CPU's float32.
# Usage: bench/gpu.sh [OUT]   OUT: the folder for results (build/bench/gpu)
#   ZEROCONV     the program (build/release/bin/zeroconv); its libtorch must find CUDA's libraries
#   SYNTHETIC    the program that writes the checkpoint (beside it)
#   PYTHON       a Python with torch for CUDA, diffusers, transformers, safetensors, numpy, pillow (python3)
#   WEIGHTS      where the checkpoint is, or will be made (out/bench-peers)
#   RUNS=20 ROUNDS=3 SIZE=512 WHAT="step vae image" PEERS="diffusers diffusers-compile" LIMITS="2GiB 8GiB" BATCH=8
#   DEVICE=cpu   tries the script where there is no GPU
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-build/bench/gpu}
zeroconv=${ZEROCONV:-build/release/bin/zeroconv}
synthetic=${SYNTHETIC:-$(dirname "$zeroconv")/synthetic_checkpoint}
python=${PYTHON:-python3}
weights=${WEIGHTS:-out/bench-peers}
runs=${RUNS:-20} rounds=${ROUNDS:-3} what=${WHAT:-step vae image}
peers=${PEERS-diffusers diffusers-compile}
device=${DEVICE:-cuda} size=${SIZE:-512}
limits=${LIMITS-2GiB 8GiB} batch=${BATCH-8}
precisions="fp32 fp16 bf16"
[ "$device" = cuda ] || precisions=fp32
mkdir -p "$out" "$weights"

[ -e "$weights/sd15.safetensors" ] || { "$synthetic" "$weights/part.safetensors"; mv "$weights/part.safetensors" "$weights/sd15.safetensors"; }
if [ ! -e "$weights/diffusers/complete" ]; then
  "$zeroconv" convert "$weights/sd15.safetensors" "$weights/diffusers" --to diffusers
  "$python" - "$weights" <<'PY'
import pathlib, sys
sys.path.insert(0, "bench/peers")
import install
install.WEIGHTS = pathlib.Path(sys.argv[1])
install.make_configs()
PY
  touch "$weights/diffusers/complete"
fi
"$python" bench/peers/make_inputs.py "$weights" $size

# peer NAME WHAT PROGRAM OPTIONS...: one process; its line of JSON goes to the results with its name. One that fails is left out.
peer() {
  local name=$1 of=$2
  shift 2
  echo "==> $of: $name" >&2
  "$python" "bench/peers/$1" --weights "$weights" --what "$of" --runs "$runs" --size $size --json "${@:2}" |
    tail -n 1 | sed "s/^{/{\"peer\": \"$name\", /" | tee -a "$out/results.jsonl" ||
    echo "==> $of: $name failed" >&2
}

"$zeroconv" doctor | tee "$out/machine.txt"
command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader | tee -a "$out/machine.txt"

# A step in each precision against the CPU's float32: its largest difference, of the largest value.
for precision in $precisions; do
  peer "zeroconv $precision" step zeroconv_peer.py --program "$zeroconv" --extra "--device $device --precision $precision" \
    --output "$out/step_$precision.npy" --runs 3
done
peer "zeroconv cpu" step zeroconv_peer.py --program "$zeroconv" --runs 1 --output "$out/step_cpu.npy"
"$python" - "$out" $precisions <<'PY' | tee "$out/parity.txt"
import sys, numpy
out = sys.argv[1]
wanted = numpy.load(f"{out}/step_cpu.npy")
for precision in sys.argv[2:]:
    got = numpy.load(f"{out}/step_{precision}.npy")
    print(f"{precision}: {abs(got - wanted).max() / abs(wanted).max():.2e}")
PY

# The same step for several pictures at once.
batches() {
  peer zeroconv step zeroconv_peer.py --program "$zeroconv" --extra "--device $device" --batch "$1"
  for other in $peers; do
    options=(--device "$device" --batch "$1")
    [ "$other" = diffusers ] || options+=(--compile)
    peer "$other" step diffusers_peer.py "${options[@]}"
  done
}

for round in $(seq "$rounds"); do
  [ -z "$batch" ] || batches "$batch"
  for of in $what; do
    peer zeroconv "$of" zeroconv_peer.py --program "$zeroconv" --extra "--device $device" --output "$out/zeroconv_$of.png"
    for other in $peers; do
      options=(--device "$device")
      [ "$other" = diffusers ] || options+=(--compile)
      peer "$other" "$of" diffusers_peer.py "${options[@]}" --output "$out/${other}_$of.png"
    done
  done
done
"$python" - "$out" <<'PY' | tee "$out/table.md"
import collections, json, statistics, sys
seconds = collections.defaultdict(list)
for line in open(f"{sys.argv[1]}/results.jsonl"):
    run = json.loads(line)
    seconds[run["what"], run["peer"]] += run["seconds"]
print("| what | program | ms: median (least to most) | of zeroconv's |\n|---|---|---|---|")
for (what, peer), times in seconds.items():
    own = statistics.median(seconds[what, "zeroconv"]) if seconds.get((what, "zeroconv")) else float("nan")
    middle = statistics.median(times)
    print(f"| {what} | {peer} | {1e3 * middle:.1f} ({1e3 * min(times):.1f} to {1e3 * max(times):.1f}) | {middle / own:.2f} |")
PY

# A picture within so much of the GPU's memory, of which the last limit should hold everything.
[ -z "$limits" ] || "$python" bench/peers/low_memory.py --program "$zeroconv" --weights "$weights" --device "$device" --size $size \
  --rounds "$rounds" --json "$out/low_memory.json" $limits | tee "$out/low_memory.md"
