#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A training as people run it: split in any way it is the same, resumed it is the same: training.sh ZEROCONV
# WRITE_TINY_MODEL. What happens to one that is killed stands in kill_training.sh, ranks_training.sh and fault_training.sh.
. "$(dirname "$0")/training_lib.sh"
begin "$1" "$2"

# train CODE ARGUMENTS...
train() {
  local code=$1
  shift
  zc "$code" train control --data circles:12:1 --size 64 --model builtin --log-every 1 --lr 1e-3 --validation 0 \
    --sample-every 1000 "$@"
}

# ---- the same, however a step is split ----
train 0 --batch 4 --steps 3 --out whole
train 0 --batch 2 --accumulate 2 --steps 3 --out passes
train 0 --batch 2 --ranks 2 --steps 3 --out ranks
apart=$(difference whole passes)
less "$apart" 1e-5 || fail "two passes differ from one by $apart"
same passes ranks "two processes and two passes of one"

# ---- the same, however often it is stopped ----
train 0 --batch 2 --steps 6 --optimizer adamw8bit --ema 0.9 --out straight
train 0 --batch 2 --steps 3 --optimizer adamw8bit --ema 0.9 --out stopped
train 0 --batch 2 --steps 6 --optimizer adamw8bit --ema 0.9 --out stopped --resume
same straight stopped "a resumed run and one that was not stopped"

# ---- it is measured: a fresh ControlNet draws what there is without it, and ranks find what one finds ----
measured=(train control --data circles:12:1 --size 64 --model builtin --batch 2 --steps 2 --sample-every 2 --validation 2 --lr 1e-3)
"$zeroconv" "${measured[@]}" --out measured > /dev/null 2> err.txt || fail "a run with held-out pairs"
"$zeroconv" "${measured[@]}" --patience 1 --ranks 2 --out measured2 > /dev/null 2> err.txt || fail "the same with two processes"
python3 - <<'PY' || fail "the measurements are not as they must be"
import json
one, two = ([json.loads(line) for line in open(f"{run}/validation.jsonl")] for run in ("measured", "measured2"))
assert [m["step"] for m in one] == [0, 2] == [m["step"] for m in two]
assert one[0]["value"] == one[0]["baseline"] == one[0]["shuffled"]
assert sum(b is not None for b in one[0]["loss_bins"]) == 2
assert abs(one[0]["loss"] - two[0]["loss"]) < 1e-6 and one[0]["ceiling"] == two[0]["ceiling"]
PY
for file in report.html model.safetensors run.json samples/step-00000002.png; do
  [ -s measured/$file ] || fail "measured/$file is not there"
done

# ---- the plan, before anything is read ----
"$zeroconv" train control --data circles:12:1 --size 64 --model builtin --out planned --dry-run --json > out.txt 2> err.txt ||
  fail "--dry-run"
python3 -c 'import json; assert json.load(open("out.txt"))["plan"]["peak_bytes"] > 0' || fail "the plan has no peak"
[ ! -e planned ] || fail "--dry-run leaves a folder"
finish
