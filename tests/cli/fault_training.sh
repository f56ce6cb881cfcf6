#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Trainings on disks that fail: fault_training.sh ZEROCONV WRITE_TINY_MODEL FAULT_SHIM. The shim (tests/faults) ends the
# process before the Nth change of a folder, or lets it fail.
. "$(dirname "$0")/training_lib.sh"
begin "$1" "$2"
shim=$3
export OMP_NUM_THREADS=1
begun=$SECONDS
run=("${tiny[@]}" --save-every 1)

# faulty CODE "KIND AT COUNT" FOLDER CALLS ARGUMENTS...: the program with faults at these calls below this folder.
faulty() {
  local code=$1 kind at count
  read -r kind at count <<< "$2"
  LD_PRELOAD=$shim ZC_FAULT_KIND=$kind ZC_FAULT_AT=$at ZC_FAULT_COUNT=$count ZC_FAULT_FOLDER=$folder/$3 \
    ZC_FAULT_CALLS=$4 ZC_FAULT_LOG=$folder/calls "$zeroconv" "${@:5}" > out.txt 2> err.txt &
  running=$!
  wait $running 2> /dev/null
  local got=$?
  running=
  [ "$got" = "$code" ] || fail "exit code $got instead of $code with $2 at $4 below $3"
}

# copy FROM TO: a run at rest.
copy() { rm -rf "$2" calls; cp -r "$1" "$2"; }
# The number of the first call that counted and matches.
first_call() { grep -m 1 -- "$1" calls | cut -d ' ' -f 1; }
# A full disk refuses these, but not to remove or to shorten a file.
readonly growing=open,write,sync,rename,mkdir

zc 0 "${run[@]}" --steps 1 --keep 1 --out one
zc 0 "${run[@]}" --steps 4 --out straight

# ---- killed before any change that one save makes, the snapshot before it or the new one is whole ----
# Of the writes, which are hundreds, the first two of each file, one in the middle and the last.
points_of_calls() {
  python3 - calls <<'PY'
import itertools, sys
calls = [line.split(" ", 2) for line in open(sys.argv[1])]
points = []
for (name, path), group in itertools.groupby(calls, key=lambda call: call[1:]):
    numbers = [int(number) for number, _, _ in group]
    points += sorted({*numbers[:2], numbers[len(numbers) // 2], numbers[-1]} if name == "write" else numbers)
print(*points)
PY
}
copy one point
faulty 0 "none 0 0" point/ckpt "" "${run[@]}" --steps 2 --keep 1 --out point --resume
points=$(points_of_calls)
replaced=$(first_call 'rename .*/step-00000002$')
[ "$(wc -w <<< "$points")" -gt 20 ] || fail "one save is no more than these calls: $points"
for point in $points; do
  copy one point
  faulty 137 "kill $point 1" point/ckpt "" "${run[@]}" --steps 2 --keep 1 --out point --resume
  newest=$(newest_verified point)
  [ "$newest" = $((point > replaced ? 2 : 1)) ] || fail "killed before call $(tail -n 1 calls), step $newest is left"
  zc 0 "${run[@]}" --steps 4 --keep 1 --out point --resume
  same straight point "killed before call $point"
  [ "$(ls -A point/ckpt)" = step-00000004 ] || fail "killed before call $point, more is left: $(ls -A point/ckpt)"
done
crash_points=$(wc -w <<< "$points")

# ---- the only snapshot, written once more, is there at any moment ----
copy one point
faulty 0 "none 0 0" point/ckpt sync,rename,unlink "${run[@]}" --steps 1 --keep 1 --out point --resume
for point in $(seq "$(wc -l < calls)"); do
  copy one point
  faulty 137 "kill $point 1" point/ckpt sync,rename,unlink "${run[@]}" --steps 1 --keep 1 --out point --resume
  [ "$(newest_verified point)" = 1 ] || fail "replaced by itself and killed before call $(tail -n 1 calls), it is gone"
done

# ---- writes that take a part of their bytes are no faults ----
for part in point/ckpt point/log.jsonl; do
  copy one point
  faulty 0 "short 1 0" $part "" "${run[@]}" --steps 4 --out point --resume
  same straight point "with short writes to $part"
  [ "$(newest_verified point)" = 4 ] || fail "short writes to $part leave step $(newest_verified point)"
  [ "$(logged_steps point 1)" = "1 2 3 4" ] || fail "after short writes to $part the log holds $(logged_steps point 1)"
done

# ---- one fault in a save is made good: older snapshots go, and it is written again ----
for fault in "ENOSPC 1 1" "ENOSPC 60 1" "ENOSPC 400 1" "EIO 60 1"; do
  copy one point
  faulty 0 "$fault" point/ckpt $growing "${run[@]}" --steps 2 --out point --resume
  [ "$(newest_verified point)" = 2 ] || fail "$fault costs the snapshot: $(newest_verified point)"
done
copy one point
faulty 0 "EIO 1 1" point/ckpt sync "${run[@]}" --steps 2 --out point --resume
[ "$(newest_verified point)" = 2 ] || fail "EIO at a sync costs the snapshot"

# ---- no snapshot can be saved any more: the last good one stays, it is said, and the result is written ----
for fault in "ENOSPC 1 0" "ENOSPC 60 0" "EIO 300 0"; do
  copy one point
  faulty 0 "$fault" point/ckpt $growing "${run[@]}" --steps 4 --out point --resume
  said 'step 2 could not be saved'
  said 'training goes on'
  [ "$(newest_verified point)" = 1 ] || fail "$fault leaves step $(newest_verified point)"
  [ "$(ls -A point/ckpt)" = step-00000001 ] || fail "$fault leaves more: $(ls -A point/ckpt)"
  same straight point "$fault"
done

# ---- nor do sample pictures that cannot be written end it ----
copy one point
faulty 0 "ENOSPC 1 0" point/samples $growing "${run[@]/#1000000/2}" --steps 4 --out point --resume  # --sample-every 2
said 'the pictures of step 2 could not be written'
same straight point "without its pictures"

# ---- nothing can be written any more: the run goes on, cannot write its result, and says so ----
copy one point
faulty 0 "none 0 0" point $growing "${run[@]}" --steps 4 --out point --resume
second_line=$(grep 'open .*/log.jsonl$' calls | sed -n 2p | cut -d ' ' -f 1)
copy one point
faulty 74 "ENOSPC $second_line 0" point $growing "${run[@]}" --steps 4 --out point --resume
said 'log.jsonl: cannot open: No space left on device: training goes on'
said 'step 3 could not be saved'
said 'point/model.safetensors: cannot create: No space left on device'
[ "$(newest_verified point)" = 2 ] || fail "a full disk leaves step $(newest_verified point)"
# When there is room, it goes on from there.
zc 0 "${run[@]}" --steps 4 --out point --resume
same straight point "after a full disk"

# ---- the disk has room again while the run goes on: what was missing follows ----
copy one point
faulty 0 "ENOSPC $second_line 7" point $growing "${run[@]}" --steps 8 --out point --resume
said 'could not be saved'
said 'the log is written again'
[ "$(newest_verified point)" = 8 ] || fail "once there is room, step $(newest_verified point) is left and not 8"
[ "$(logged_steps point 1)" = "1 2 3 4 5 6 7 8" ] || fail "the log lacks lines: $(logged_steps point 1)"

# ---- asked to stop on a full disk, it says that this moment could not be kept ----
copy one point
LD_PRELOAD=$shim ZC_FAULT_KIND=ENOSPC ZC_FAULT_AT=1 ZC_FAULT_COUNT=0 ZC_FAULT_CALLS=$growing \
  ZC_FAULT_FOLDER=$folder/point/ckpt "$zeroconv" "${run[@]}" --steps 1000000 --out point --resume > out.txt 2> err.txt &
running=$!
wait_until "a step" grep -q 'step 2 could not be saved' err.txt
kill -TERM $running
wait $running
code=$?
running=
[ $code = 74 ] || fail "stopped on a full disk it ends with $code"
said 'No space left on device'
[ "$(newest_verified point)" = 1 ] || fail "stopped on a full disk it leaves step $(newest_verified point)"

echo "$crash_points crash points of a save, $((SECONDS - begun)) s"
finish
