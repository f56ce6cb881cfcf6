#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The first picture: builds the program and lets the edges of examples/photo.png guide four new pictures.
# Writes out/demo_edges.png, out/demo.png (the first picture) and out/demo_sheet.png (photograph, edges, four pictures).
set -euo pipefail
cd "$(dirname "$0")/.."
readonly photo=examples/photo.png
readonly prompt="a landscape on the grass, a long road, sunset, mountains behind"

say() { printf '\n==> %s\n' "$*"; }

say "building zeroconv (minutes the first time, seconds later)"
scripts/build.sh release zeroconv
zeroconv=build/release/bin/zeroconv
mkdir -p out

say "finding the edges of $photo"
$zeroconv annotate canny $photo out/demo_edges.png --resolution 256

say "making four pictures with these edges: \"$prompt\""
$zeroconv generate --prompt "$prompt" --control canny=$photo,mode=control --size 256x256 --batch 4 --seed 1 \
  -o out/demo.png --sheet out/demo_sheet.png

say "done in $SECONDS s. Look at out/demo_sheet.png: the photograph, its edges, and four pictures that follow them"
