#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A training as people run it: split in any way it is the same, resumed it is the same, killed it goes on: training.sh ZEROCONV
# WRITE_TINY_MODEL
set -u
zeroconv=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export ZEROCONV_MODELS=$folder
"$2" "$folder" || exit 1
cd "$folder" || exit 1
failures=0

fail() {
  echo "FAILED: $1"
  sed 's/^/    /' err.txt
  failures=$((failures + 1))
}

# train CODE ARGUMENTS...
train() {
  local code=$1
  shift
  "$zeroconv" train control --data circles:12:1 --size 64 --model builtin --log-every 1 --lr 1e-3 --validation 0 \
    --sample-every 1000 "$@" > out.txt 2> err.txt
  local got=$?
  [ "$got" = "$code" ] || fail "exit code $got instead of $code: $*"
}

# Waits for the first one.
snapshot_in() {
  for _ in $(seq 600); do
    ls -d "$1"/ckpt/step-* > /dev/null 2>&1 && return
    sleep 0.2
  done
  fail "no snapshot in $1 after two minutes"
}

# The norm of the difference of two results' weights, of the weights' norm; 0: the same bits.
difference() {
  python3 - "$1/model.safetensors" "$2/model.safetensors" <<'PY'
import array, json, struct, sys
def tensors(path):
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    return {k: array.array("f", data[8 + size + v["data_offsets"][0]:8 + size + v["data_offsets"][1]])
            for k, v in header.items() if k != "__metadata__"}
a, b = (tensors(path) for path in sys.argv[1:])
assert a.keys() == b.keys()
print((sum((x - y) ** 2 for k in a for x, y in zip(a[k], b[k])) / sum(x * x for k in a for x in a[k])) ** 0.5)
PY
}

less() { python3 -c 'import sys; sys.exit(not float(sys.argv[1]) < float(sys.argv[2]))' "$1" "$2"; }

# ---- the same, however a step is split ----
train 0 --batch 4 --steps 3 --out whole
train 0 --batch 2 --accumulate 2 --steps 3 --out passes
train 0 --batch 2 --ranks 2 --steps 3 --out ranks
apart=$(difference whole passes)
less "$apart" 1e-5 || fail "two passes differ from one by $apart"
[ "$(difference passes ranks)" = 0.0 ] || fail "two processes differ from two passes of one"

# ---- the same, however often it is stopped ----
train 0 --batch 2 --steps 6 --optimizer adamw8bit --ema 0.9 --out straight
train 0 --batch 2 --steps 3 --optimizer adamw8bit --ema 0.9 --out stopped
train 0 --batch 2 --steps 6 --optimizer adamw8bit --ema 0.9 --out stopped --resume
[ "$(difference straight stopped)" = 0.0 ] || fail "a resumed run differs from one that was not stopped"

# ---- killed at any moment it leaves a snapshot that loads, at most one interval old ----
"$zeroconv" train control --data circles:12:1 --size 64 --model builtin --validation 0 --sample-every 100000 --steps 100000 \
  --save-every 1 --batch 1 --out killed > /dev/null 2>&1 &
running=$!
snapshot_in killed
for attempt in 1 2 3 4 5; do
  sleep 0.$((attempt * 17))
  kill -9 $running 2> /dev/null
  wait $running 2> /dev/null
  newest=$(ls -d killed/ckpt/step-* | tail -n 1 | sed 's/.*step-0*//')
  "$zeroconv" train control --data circles:12:1 --size 64 --model builtin --validation 0 --sample-every 100000 \
    --steps $((newest + 1)) --save-every 1 --batch 1 --out killed --resume > out.txt 2> err.txt ||
    fail "after kill -9 number $attempt the run does not go on from step $newest"
  "$zeroconv" train control --data circles:12:1 --size 64 --model builtin --validation 0 --sample-every 100000 --steps 100000 \
    --save-every 1 --batch 1 --out killed --resume > /dev/null 2>&1 &
  running=$!
  sleep 1
done
kill -9 $running 2> /dev/null
wait $running 2> /dev/null

# ---- a lost rank ends the run with words, and the run goes on ----
"$zeroconv" train control --data circles:12:1 --size 64 --model builtin --validation 0 --sample-every 100000 --steps 100000 \
  --save-every 2 --batch 1 --ranks 2 --rank-timeout 20 --out lost > /dev/null 2> err.txt &
running=$!
snapshot_in lost
read -r -a children < /proc/$running/task/$running/children
kill -9 "${children[1]}"
wait $running
code=$?
[ $code != 0 ] || fail "a run that lost a rank ends with 0"
grep -q 'rank 1' err.txt || fail "the loss of rank 1 is not said"
newest=$(ls -d lost/ckpt/step-* | tail -n 1 | sed 's/.*step-0*//')
train 0 --batch 1 --ranks 2 --steps $((newest + 2)) --save-every 2 --out lost --resume

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
[ $failures = 0 ] && echo "all passed"
exit $((failures > 0))
