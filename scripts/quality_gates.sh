#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Does training work, measured honestly? Trains ControlNets on circles from the built-in base, one for each seed, measures each on
# circles that no run has drawn, and prints mean and range of every row as Markdown (OUT/table.md).
# Usage: scripts/quality_gates.sh [OPTION...] [-- OPTION OF train...]
#   --steps N      optimizer steps of each run (1200)      --batch N    pictures a step (4)
#   --seeds "..."  of the runs ("1 2 3")                   --count N    circles that each is measured on (64)
#   --data D       circles:COUNT[:SEED] (circles:4000)     --out DIR    (out/quality_gates)
#   --device D     where to train: cpu (default) or cuda   --together   train all runs at once, as on a GPU with room for them
# Runs that failed or did not learn stay in the tables. What is there already is not made again, and a run that was cut goes on, so
# the same command finishes what a stopped one began; other options want another --out. The measured circles choose nothing: who tunes
# by them needs others (evaluate --seed). The status is 0 only when every run follows its control.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly zeroconv=${ZEROCONV:-build/release/bin/zeroconv}
steps=1200 batch=4 seeds="1 2 3" count=64 data=circles:4000 out=out/quality_gates device=cpu together=false

die() { echo "quality_gates.sh: $1" >&2; exit "${2:-64}"; }
say() { printf '\n==> %s\n' "$*" >&2; }

while (($# > 0)); do
  case $1 in
    --together) together=true; shift ;;
    --steps | --batch | --seeds | --count | --data | --out | --device)
      (($# > 1)) || die "$1 wants a value"
      declare "${1#--}=$2"; shift 2 ;;
    --) shift; break ;;
    -h | --help) sed -n '3,12p' "$0"; exit 0 ;;
    *) die "unknown argument '$1'; options of train stand after --" ;;
  esac
done

train_options=("$@")
# Unless it was given after --.
default_option() {
  case " ${train_options[*]:-} " in *" $1 "* | *" $1="*) ;; *) train_options+=("$1" "$2") ;; esac
}
default_option --lr 1e-3
default_option --optimizer muon
default_option --warmup 20
default_option --validation 8
default_option --validate-every $((steps > 20 ? steps / 20 : 1))
default_option --sample-every "$steps"
default_option --save-every $((steps > 4 ? steps / 4 : 1))

# The result of a run with other options must not pass for this one's.
readonly asked="$steps steps of $batch, $data, $device, ${train_options[*]}"
mkdir -p "$out"
[ ! -f "$out/asked.txt" ] || [ "$(cat "$out/asked.txt")" = "$asked" ] ||
  die "$out was begun with other options ($(cat "$out/asked.txt")): give another --out"
echo "$asked" > "$out/asked.txt"
[ -x "$zeroconv" ] || scripts/build.sh release zeroconv

# train_one SEED: its exit status stands in OUT/seed_N/status.
train_one() {
  local run=$out/seed_$1 resume=() status=0
  [ ! -f "$run/model.safetensors" ] || return 0
  [ ! -d "$run/ckpt" ] || resume=(--resume)
  mkdir -p "$run"
  say "seed $1: training"
  "$zeroconv" train control --data "$data" --out "$run" --steps "$steps" --batch "$batch" --seed "$1" --device "$device" \
    "${train_options[@]}" "${resume[@]}" > "$run/train.txt" 2>&1 || status=$?
  echo "$status" > "$run/status"
  if ((status != 0)); then
    say "seed $1: training ended with status $status: $(tail -n 1 "$run/train.txt")"
  fi
  ((status != 130)) || exit 130  # stopped by hand
}

measure_one() {
  local run=$out/seed_$1
  [ -f "$run/model.safetensors" ] || return 0
  say "seed $1: measuring on $count unseen circles"
  "$zeroconv" evaluate --circles --controlnet circles="$run/model.safetensors" --count "$count" --partial "$run/measured.jsonl" \
    --json > "$run/evaluation.json.new"
  mv "$run/evaluation.json.new" "$run/evaluation.json"
}

if $together; then
  for seed in $seeds; do train_one "$seed" & done
  wait
else
  for seed in $seeds; do train_one "$seed"; done
fi
for seed in $seeds; do measure_one "$seed"; done
status=0
# shellcheck disable=SC2086
scripts/quality_gates_table.py "$out" $seeds > "$out/table.md" || status=$?
cat "$out/table.md"
exit "$status"
