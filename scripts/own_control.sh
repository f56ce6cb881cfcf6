#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A control of one's own from 200 pairs (docs/train.md): the map is a picture blurred until only its colours are left, as painted with
# a broad brush. Pictures and texts are those of toy world here; everything from step 2 on is the same for a folder of yours.
# Usage: scripts/own_control.sh [OPTION...] [-- OPTION OF train...]
#   --steps N    optimizer steps (1200)                   --batch N   pictures a step (4)
#   --pairs N    that are learned from (200)              --test N    that are kept for the measurement (40)
#   --device D   where to train: cpu (default) or cuda    --out DIR   folder to make (out/own_control)
# A run that was cut goes on when the same command is given again.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly zeroconv=${ZEROCONV:-build/release/bin/zeroconv}
# The size of the blobs: 2^4 pixels are mixed into one, and that made large again; no noise.
readonly level=4
steps=1200 batch=4 pairs=200 test=40 device=cpu out=out/own_control

die() { echo "own_control.sh: $1" >&2; exit "${2:-64}"; }
say() { printf '\n==> %s\n' "$*"; }

while (($# > 0)); do
  case $1 in
    --steps | --batch | --pairs | --test | --device | --out)
      (($# > 1)) || die "$1 wants a value"
      declare "${1#--}=$2"; shift 2 ;;
    --) shift; break ;;
    -h | --help) sed -n '3,9p' "$0"; exit 0 ;;
    *) die "unknown argument '$1'; options of train stand after --" ;;
  esac
done
train_options=("$@")
default_option() {  # unless it was given after --
  case " ${train_options[*]:-} " in *" $1 "* | *" $1="*) ;; *) train_options+=("$1" "$2") ;; esac
}
default_option --lr 1e-3
default_option --optimizer muon
default_option --warmup 20
default_option --validation 8
default_option --sample-every $((steps > 10 ? steps / 10 : 1))
default_option --save-every $((steps > 4 ? steps / 4 : 1))

# pairs_of FOLDER FIRST COUNT: source/, target/ and prompt.json of some of the pictures.
pairs_of() {
  local staged=$1.partial i
  [ ! -d "$1" ] || return 0
  rm -rf "$staged"
  mkdir -p "$staged/source" "$staged/target"
  for ((i = $2; i < $2 + $3; ++i)); do
    cp "$out/pictures/target/$i.png" "$staged/target/"
    cp "$out/maps/$i.png" "$staged/source/"
  done
  tail -n "+$(($2 + 1))" "$out/pictures/prompt.json" | head -n "$3" > "$staged/prompt.json" || true  # tail may see a closed pipe
  mv "$staged" "$1"
}

[ -x "$zeroconv" ] || scripts/build.sh release zeroconv
mkdir -p "$out"

say "1. $((pairs + test)) pictures with texts (yours: any folder of pictures)"
[ -d "$out/pictures" ] || "$zeroconv" dataset toyworld --count $((pairs + test)) --seed 700000000 -o "$out/pictures"

say "2. their maps"
"$zeroconv" annotate downsample "$out/pictures/target" "$out/maps" --resolution 0 --level "$level" --k 0

say "3. two folders of pairs: one to learn from, one that training never sees"
pairs_of "$out/pairs" 0 "$pairs"
pairs_of "$out/test" "$pairs" "$test"
"$zeroconv" dataset check "$out/pairs"
"$zeroconv" dataset check "$out/test"

run=(train control --control colours --data "$out/pairs" --out "$out/run" --steps "$steps" --batch "$batch" --device "$device"
     "${train_options[@]}")
if [ ! -f "$out/run/model.safetensors" ]; then
  resume=()
  [ ! -d "$out/run/ckpt" ] || resume=(--resume)
  say "4. what would happen"
  "$zeroconv" "${run[@]}" "${resume[@]}" --dry-run
  say "5. training"
  "$zeroconv" "${run[@]}" "${resume[@]}"
fi
control=colours=$out/run/model.safetensors

say "6. does it obey maps that it has not seen?"
"$zeroconv" evaluate --data "$out/test" --control colours --controlnet "$control" --reader "downsample,level=$level,k=0" \
  --partial "$out/measured.jsonl" --sheet "$out/sheet.png" --count "$test"

say "7. a picture from a map, and one from the colours of a photograph"
"$zeroconv" generate --control colours="$out/maps/$pairs.png",map --controlnet "$control" --seed 1 -o "$out/picture.png" \
  --prompt "a red house on the grass, mountains behind, at sunset"
"$zeroconv" annotate downsample examples/photo.png "$out/photo_colours.png" --resolution 256 --level "$level" --k 0
"$zeroconv" generate --control colours="$out/photo_colours.png",map --controlnet "$control" --seed 1 -o "$out/picture_of_photo.png" \
  --prompt "an empty landscape, a road, in the morning"
say "done: $out/run/report.html, $out/picture.png, $out/picture_of_photo.png"
