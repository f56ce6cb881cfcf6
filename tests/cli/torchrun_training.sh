#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# torchrun starts a training of two processes anew when one of them is killed: torchrun_training.sh ZEROCONV
# WRITE_TINY_MODEL. ZC_TORCHRUN names torchrun where PATH does not; without any the test is skipped (77).
. "$(dirname "$0")/training_lib.sh"
torchrun=${ZC_TORCHRUN:-$(command -v torchrun)}
if [ -z "$torchrun" ] || ! "$torchrun" --help > /dev/null 2>&1; then
  echo "skipped: there is no torchrun that works; ZC_TORCHRUN can name one"
  exit 77
fi
begin "$1" "$2"
export OMP_NUM_THREADS=1
begun=$SECONDS
pair=("${tiny[@]}" --rank-timeout 20 --save-every 2 --steps 60)

# The process of a rank of the run that trains into elastic/.
process_of_rank() {
  local process
  for process in /proc/[0-9]*; do
    tr '\0' ' ' < "$process/cmdline" 2> /dev/null | grep -q "^$zeroconv .* --out $folder/elastic" || continue
    tr '\0' '\n' < "$process/environ" 2> /dev/null | grep -qx "RANK=$1" && echo "${process#/proc/}" && return
  done
}

# The launcher's agent must not be left behind with the run's processes.
end_launcher() { [ -z "$running" ] || { kill -TERM "$running"; wait "$running"; running=; } 2> /dev/null; }
trap 'end_launcher; clean_up' EXIT

"$torchrun" --standalone --no-python --nproc-per-node 2 --max-restarts 2 "$zeroconv" "${pair[@]}" --out "$folder/elastic" \
  --resume > out.txt 2> err.txt &
running=$!
# Rank 1, and after the restart rank 0, which writes the snapshots.
saved=0
for rank in 1 0; do
  wait_until "a snapshot after the restart" reached elastic $((saved + 4)) || break
  process=$(process_of_rank $rank)
  [ -n "$process" ] || { fail "rank $rank is not there"; break; }
  kill -9 "$process"
  saved=$(newest_verified elastic)
  [ "$saved" -ge 2 ] && [ "$saved" -lt 50 ] || fail "rank $rank was killed after step $saved: too late to test anything"
done
wait $running
code=$?
running=
[ $code = 0 ] || fail "torchrun ends with $code"
[ "$(newest_verified elastic)" = 60 ] || fail "the run ends at step $(newest_verified elastic), not 60"
# Each start opens an event file of its own, and goes on after a snapshot, which have even steps.
starts=$(find elastic/tensorboard -name '*tfevents*' | wc -l)
[ "$starts" = 3 ] || fail "the run was started $starts times, not 3"
python3 - <<'PY' || fail "the log does not show a run that goes on from its snapshots"
import json
steps = [json.loads(line)["step"] for line in open("elastic/log.jsonl")]
assert set(steps) == set(range(1, 61)) and steps[-1] == 60, steps
assert all(after == before + 1 or after % 2 == 1 and 1 < after <= before for before, after in zip(steps, steps[1:])), steps
PY

zc 0 "${pair[@]}" --ranks 2 --out "$folder/straight"
same straight elastic "two killed ranks and two restarts"
echo "$((SECONDS - begun)) s"
finish
