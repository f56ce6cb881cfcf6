#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What docs/conditions.md shows: pictures of every condition and the tables of how well each is obeyed.
# Usage: scripts/conditions.sh [--pictures | --tables] [OPTION OF evaluate...]
#   --pictures: the pictures only, a minute; --tables: the tables only, from the measurements of the last run.
# The measurements take about three quarters of an hour on two cores. A run that was cut goes on where it stopped (out/conditions.jsonl).
set -euo pipefail
cd "$(dirname "$0")/.."
readonly zeroconv=build/release/bin/zeroconv page=docs/conditions.md pictures=docs/images/conditions
readonly result=out/conditions.json partial=out/conditions.jsonl

say() { printf '\n==> %s\n' "$*"; }

draw() {
  say "drawing a row of pictures for each condition"
  $zeroconv evaluate --pictures "$pictures" "$@"
  du -cb "$pictures"/*.webp | tail -n 1 | awk '{ printf "%d KB in all\n", $1 / 1000; exit $1 > 1000000 }' ||
    { echo "conditions.sh: the pictures take more than 1 MB" >&2; exit 1; }
}

measure() {
  say "measuring every condition"
  $zeroconv evaluate --all --partial "$partial" --json "$@" > "$result.new"
  mv "$result.new" "$result"
}

tables() {
  say "writing the tables of $page"
  scripts/conditions_tables.py "$result" "$page"
}

what=${1:-}
case $what in --pictures | --tables) shift ;; esac
[ -x "$zeroconv" ] || scripts/build.sh release zeroconv
mkdir -p out
case $what in
  --pictures) draw "$@" ;;
  --tables) tables ;;
  *)
    draw "$@"
    measure "$@"
    tables
    ;;
esac
