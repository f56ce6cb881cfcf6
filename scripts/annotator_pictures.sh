#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Draws the pictures of docs/annotators.md: docs/images/annotators/KIND.png for each kind that needs no weights or has them.
# Kinds without weights and the network that comes along look at a scene of toy world; published networks, where their files are
# there, at examples/photo.png. Usage: scripts/annotator_pictures.sh [--weights DIR]   (after scripts/build.sh release zeroconv)
set -euo pipefail
cd "$(dirname "$0")/.."
readonly zeroconv=build/release/bin/zeroconv
readonly pictures=docs/images/annotators
case "${1:-}" in
  "") weights=() ;;
  --weights) weights=(--weights "${2:?a folder with published weights}") ;;
  *) echo "annotator_pictures.sh: unknown argument '$1'; known: --weights DIR" >&2; exit 64 ;;
esac
[ -x "$zeroconv" ] || { echo "annotator_pictures.sh: $zeroconv is missing: run scripts/build.sh release zeroconv" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$pictures"

# annotate KIND IN OUT [OPTIONS...], with what it says shown only where it fails.
annotate() {
  "$zeroconv" annotate "$@" "${weights[@]}" > "$work/said" 2>&1 || { cat "$work/said" >&2; return 1; }
}

# small IN OUT [RATE]: 192 pixels out of 512, each the mean of those that it covers.
small() { annotate tile_resample "$1" "$2" --resolution 0 --down-sampling-rate "${3:-2.666}"; }

# draw KIND IN [RATE]: parameters count pixels and their defaults are meant for 512, so maps are drawn at 512 and shown small.
draw() {
  annotate "$1" "$2" "$work/map.png"
  small "$work/map.png" "$pictures/$1.png" "${@:3}"
}

readonly scene=$work/scenes/target/5.png
"$zeroconv" dataset toyworld --count 6 --seed 7 --size 512 -o "$work/scenes" > /dev/null 2>&1
small "$scene" "$pictures/scene.png"
# What stands in for a drawing on paper, for strokes drawn with the mouse, for people and for class numbers from elsewhere.
annotate toy_hed "$scene" "$work/edges.png"
annotate invert "$work/edges.png" "$work/drawing.png"
annotate toy_mlsd "$scene" "$work/strokes.png"
annotate toy_openpose "$scene" "$work/people.json"
annotate toy_seg "$scene" "$work/numbers.png" --resolution 192

"$zeroconv" annotate --list "${weights[@]}" | grep -v '^ ' | while read -r kind summary; do
  missing=false
  [[ $summary != *"; wants "* ]] || missing=true
  case $kind in
    toy_seg) cp "$work/numbers.png" "$pictures/$kind.png" ;;
    seg_labels) annotate "$kind" "$work/numbers.png" "$pictures/$kind.png" --resolution 192 ;;
    tile | ip2p) ;;  # the picture itself
    tile_resample) annotate "$kind" "$scene" "$pictures/$kind.png" --down-sampling-rate 8 ;;
    downsample) draw "$kind" "$scene" 4 ;;  # noise makes large files
    scribble_drawing) draw "$kind" "$work/drawing.png" ;;
    scribble_interactive) draw "$kind" "$work/strokes.png" ;;
    openpose | dwpose)  # people who are known are drawn without the network
      if $missing; then draw "$kind" "$work/people.json"; else draw "$kind" examples/photo.png; fi ;;
    mlsd | hed* | pidinet | teed | scribble | scribble_pidinet | seg | depth* | normal* | lineart*)
      $missing || draw "$kind" examples/photo.png ;;
    *) draw "$kind" "$scene" ;;
  esac
done
du -cb "$pictures"/*.png | tail -n 1
