#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two processes that train together, when one of them dies inside an all-reduce, and when they resume a run that has come
# to its plateau: ranks_training.sh ZEROCONV WRITE_TINY_MODEL [LOSSES]
. "$(dirname "$0")/training_lib.sh"
begin "$1" "$2"
losses=${3:-3}
export OMP_NUM_THREADS=1
begun=$SECONDS
timeout=20  # seconds, of a silent rank

# ---- all ranks stop at the same step of a resumed run, because all know the measurements before it ----
obeys=(train control --data circles:12:1 --size 32 --model builtin --batch 1 --validation 2 --validate-every 1
       --sample-every 1000000 --ranks 2 --rank-timeout $timeout --patience 3 --out plateau)
zc 0 "${obeys[@]}" --steps 4
# The tiny model never obeys, so the measurements are made up: it follows from step 2 on, best at step 3.
python3 - plateau/validation.jsonl <<'PY'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert [line["step"] for line in lines] == [0, 1, 2, 3, 4], lines
for line, share in zip(lines, (0, 0, 0.7, 0.8, 0.75)):
    line["value"] = line["baseline"] + share * (line["ceiling"] - line["baseline"])
open(sys.argv[1], "w").writelines(json.dumps(line) + "\n" for line in lines)
PY
zc 0 "${obeys[@]}" --steps 50 --resume
said 'it obeys no better since step 3: the run ends at step 6'
[ "$(newest_verified plateau)" = 6 ] || fail "after the plateau step $(newest_verified plateau) is the last, not 6"

# ---- a rank that dies while the others wait in an all-reduce, and one that dies inside it ----
pair=("${tiny[@]}" --save-every 1 --ranks 2 --rank-timeout $timeout)
gone() { ! kill -0 "$1" 2> /dev/null; }
zc 0 "${pair[@]}" --steps 1 --out lost
verified=1
for attempt in $(seq "$losses"); do
  "$zeroconv" "${pair[@]}" --steps 1000000 --out lost --resume > out.txt 2> err.txt &
  running=$!
  wait_until "a step after loss number $((attempt - 1))" reached lost $((verified + 1)) || break
  read -r -a ranks < "/proc/$running/task/$running/children"
  # One is held, so that the other comes to an all-reduce and waits there; then one of the two is killed.
  kill -STOP "${ranks[attempt % 2]}"
  sleep 1
  kill -9 "${ranks[1]}"
  kill -CONT "${ranks[0]}" "${ranks[1]}" 2> /dev/null
  killed_at=$SECONDS
  wait $running
  code=$?
  running=
  [ $code != 0 ] || fail "loss number $attempt: the run ends with 0"
  [ $((SECONDS - killed_at)) -lt $((timeout + 30)) ] || fail "loss number $attempt: it took $((SECONDS - killed_at)) s to end"
  said 'rank 1'
  for rank in "${ranks[@]}"; do
    gone "$rank" || { fail "loss number $attempt: process $rank lives on"; kill -9 "$rank"; }
  done
  newest=$(newest_verified lost)
  [ "$newest" = "$(newest_named lost)" ] || fail "loss number $attempt left a damaged newest snapshot"
  [ "$newest" -gt "$verified" ] || fail "loss number $attempt went from step $verified back to $newest"
  verified=$newest
done
zc 0 "${pair[@]}" --steps $((verified + 2)) --out lost --resume
zc 0 "${pair[@]}" --steps $((verified + 2)) --out together
same together lost "after $losses losses of a rank"
echo "$losses lost ranks, $((SECONDS - begun)) s"
finish
