#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A training that saves at every step is killed at random moments, and goes on each time: kill_training.sh ZEROCONV
# WRITE_TINY_MODEL [KILLS]. After each kill the newest snapshot must be whole and at most one step behind the log; in the
# end the weights must be, bit for bit, those of a run that was never killed.
. "$(dirname "$0")/training_lib.sh"
begin "$1" "$2"
kills=${3:-100}
export OMP_NUM_THREADS=1  # one start is then a second of one core
begun=$SECONDS

grown() { [ "$(log_lines killed)" -gt "$1" ] || ! kill -0 $running 2> /dev/null; }
# pause MOST: up to so many milliseconds.
pause() { sleep "$(printf '0.%03d' $((RANDOM % $1)))"; }

zc 0 "${tiny[@]}" --steps 1 --save-every 1 --out killed
verified=1
in_a_save=0
for attempt in $(seq "$kills"); do
  before=$(log_lines killed)
  "$zeroconv" "${tiny[@]}" --steps 1000000 --save-every 1 --out killed --resume > out.txt 2> err.txt &
  running=$!
  # One in five dies while it starts and reads the snapshot, the others while they train and save.
  if [ $((attempt % 5)) = 0 ]; then
    pause 999
  else
    wait_until "a step after kill number $((attempt - 1))" grown "$before" || break
    pause 500
  fi
  kill -9 $running 2> /dev/null
  wait $running 2> /dev/null
  code=$?
  [ $code = 137 ] || { fail "before kill number $attempt the run ended by itself with $code"; break; }
  [ -z "$(compgen -G "killed/ckpt/.tmp-step-*-$running")" ] || in_a_save=$((in_a_save + 1))

  steps=$(logged_steps killed $((before + 1))) || fail "after kill number $attempt the log has a line that is no JSON"
  # It has loaded what was the newest snapshot, no older one.
  [ -z "$steps" ] || [ "${steps%% *}" = $((verified + 1)) ] ||
    fail "after kill number $((attempt - 1)) the run went on with step ${steps%% *}, not $((verified + 1))"
  last=${steps##* }
  newest=$(newest_verified killed)
  [ "$newest" = "$(newest_named killed)" ] || fail "kill number $attempt left a damaged newest snapshot"
  [ "$newest" -ge "$verified" ] || fail "kill number $attempt went from step $verified back to $newest"
  [ "$newest" -ge $((${last:-0} - 1)) ] || fail "kill number $attempt at step $last left only step $newest"
  verified=$newest
done
running=

final=$((verified + 1))
zc 0 "${tiny[@]}" --steps $final --save-every 1 --out killed --resume
zc 0 "${tiny[@]}" --steps $final --save-every 1000000 --out straight
same straight killed "after $kills kills"
[ -z "$(find killed -name '*.tmp-*' -o -name '.tmp-*')" ] || fail "half written files of killed runs are left: $(find killed -name '*tmp-*')"
[ "$kills" -lt 20 ] || [ $in_a_save -gt 0 ] || fail "no kill met a save: the test tests nothing"
echo "$kills kills, $in_a_save of them inside a save, $final steps, $((SECONDS - begun)) s"
finish
