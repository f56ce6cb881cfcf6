#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A limit on memory holds for a model of full size, and changes nothing of the picture:
# memory.sh ZEROCONV SYNTHETIC_CHECKPOINT [CHECKPOINT]
# CHECKPOINT: Stable Diffusion 1.5 in half precision with a ControlNet; without it, one of synthetic weights is written.
set -eu
zeroconv=$1
photo=$(cd "$(dirname "$0")/../../examples" && pwd)/photo.png
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
model=${3:-$folder/sd15.safetensors}
[ -e "$model" ] || "$2" "$model"

# limit in MiB, or none
picture() {
  "$zeroconv" generate --model "$model" --controlnet "canny=$model" --control "canny=$photo" --size 512x512 --steps 1 \
    --prompt "a house" ${1:+--memory "$1MiB"} --json -o "$folder/picture${1:-}.png" > "$folder/out.json"
  python3 - "${1:-1000000}" "$folder/out.json" << 'EOF'
import json, sys
limit, report = int(sys.argv[1]), json.load(open(sys.argv[2]))
peak, plan = report["peak_bytes"] / 2**20, report["memory_plan"]
saved = [name for name in ("two_passes", "streamed", "banded") if plan[name]]
print(f"limit {limit} MiB: peak {peak:.0f} MiB of {plan['peak'] / 2**20:.0f} planned; {saved}, {report['seconds']['total']:.0f} s")
if peak > plan["peak"] / 2**20 or peak > limit:
    sys.exit("more memory was taken than planned")
EOF
}

picture
for limit in 3072 1200; do
  picture $limit
  cmp "$folder/picture.png" "$folder/picture$limit.png"
done
if "$zeroconv" generate --model "$model" --size 512x512 --prompt "a house" --memory 600MiB -o "$folder/no.png" 2> "$folder/err"; then
  echo "a run that cannot fit was begun"
  exit 1
fi
grep -q "the limit is 600.0 MiB" "$folder/err" || { cat "$folder/err"; exit 1; }
