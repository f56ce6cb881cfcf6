#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Exit codes, messages and files of the program: run.sh ZEROCONV WRITE_TINY_MODEL
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
  sed 's/^/    /' out.txt err.txt
  failures=$((failures + 1))
}

# expect CODE TEXT ARGUMENTS...: the exit code, and TEXT (a regular expression) somewhere in what is printed.
expect() {
  local code=$1 text=$2
  shift 2
  "$zeroconv" "$@" > out.txt 2> err.txt
  local got=$?
  [ "$got" = "$code" ] || fail "exit code $got instead of $code: zeroconv $*"
  [ -z "$text" ] || grep -qE -- "$text" out.txt err.txt || fail "\`$text\` is not said: zeroconv $*"
}

json() { python3 -c "import json,sys; d=json.load(open('out.txt')); print(eval(sys.argv[1]))" "$1"; }
is() { [ "$(json "$1")" = "$2" ] || fail "$1 is $(json "$1"), not $2"; }

run=(generate --prompt "a red house" --steps 2 --cfg 3)

# ---- usage ----
expect 64 'usage' 
expect 0 'generate' --help
expect 0 'zeroconv [0-9]' --version
expect 64 'did you mean `generate`' generat
for command in generate annotate inspect doctor bench; do expect 0 'Options|OPTIONS' $command --help; done
expect 0 'control.*KIND=IMAGE' generate --help
expect 64 'did you mean --steps' "${run[@]}" --stepz 30
expect 64 'no option' "${run[@]}" --frobnicate
expect 64 'steps.*1 to 1000' generate --prompt x --steps 0
expect 64 'steps' generate --prompt x --steps many
expect 64 'prompt.*missing' generate --steps 2
expect 64 'KIND=FILE' "${run[@]}" --control photo.png
expect 64 'no ControlNet for `depth`' "${run[@]}" --control depth=photo.png,map
expect 64 'weight' "${run[@]}" --control canny=photo.png,wieght=2
expect 64 'sampler.*euler' "${run[@]}" --sampler eular
expect 64 'multiples of 16.*64 or 80' "${run[@]}" --size 72x64
expect 64 'WIDTHxHEIGHT' "${run[@]}" --size big
expect 64 'annotator.*canny' annotate cany photo.png map.png
expect 64 'cannot be measured' bench everything
expect 0 'KINDS' bench annotators --help
expect 64 'did you mean `canny`' bench annotators --kind cany
expect 66 'ZoeD_M12_N.pt' bench annotators --kind depth_zoe
expect 64 'canny.*lowest' bench annotators --kind canny --parameter lowest=1

# ---- files ----
expect 66 'nothing.png' "${run[@]}" --control canny=nothing.png
expect 66 'nothing.safetensors' "${run[@]}" --model nothing.safetensors
expect 65 'cut.png' "${run[@]}" --control canny=cut.png
expect 65 'noise.png' "${run[@]}" --control canny=noise.png
expect 65 'giant.png.*' "${run[@]}" --control canny=giant.png
expect 65 'photo.png' "${run[@]}" --model photo.png
expect 65 'no record' generate --replay photo.png
expect 74 'folder does not exist' "${run[@]}" -o nowhere/out.png
expect 64 'ends with .png' "${run[@]}" -o out.gif
expect 69 'cuda' "${run[@]}" --device cuda
expect 69 'cuda' "${run[@]}" --device cuda:1
expect 64 'gpu.*wanted auto, cpu, cuda.*cuda:0' "${run[@]}" --device gpu
expect 64 'cuda:1x' bench step --device cuda:1x
expect 69 'serve.*worker.*compute on a GPU' bench kernels --device cuda:0
expect 69 'fp16 is for GPUs' "${run[@]}" --precision fp16
expect 69 'choose --kernels' bench step --precision bf16
expect 69 'memory.*limit' "${run[@]}" --memory 1MiB

# ---- pictures ----
expect 0 'a.png' "${run[@]}" --control canny=photo.png -o a.png
grep -q 'seed 12345' err.txt || fail "the seed is not shown"
grep -q 'edge F1' err.txt || fail "no receipt"
expect 0 '' "${run[@]}" --control canny=photo.png -o b.png
cmp -s a.png b.png || fail "the same run gives another file"
expect 0 '' generate --replay a.png -o c.png
cmp -s a.png c.png || fail "the replay gives another file"
expect 64 'cannot be changed' generate --replay a.png --steps 3 -o c.png

expect 0 '' "${run[@]}" --control canny=photo.png,low=30 --batch 2 --seed 7 --json -o d.png --sheet sheet.png --save-map map.png
[ ! -s err.txt ] || fail "--json writes more than one object"
is 'd["files"]' "['d.png', 'd_2.png']"
is 'd["seed"]' 7
is '[d["precision"], d["request"]["precision"]]' "['fp32', 'auto']"
is 'd["peak_bytes"] > 0 and d["seconds"]["sample"] > 0' True
is 'len(d["receipt"]) == 2 and d["receipt"][0][0]["acted"]' True
for file in d.png d_2.png sheet.png map.png; do [ -s $file ] || fail "$file is missing"; done
expect 0 '' generate --replay d_2.png -o e.png
cmp -s d_2.png e.png || fail "the replay of the second picture gives another file"
expect 0 'scaled to 80x64' "${run[@]}" --control canny=map.png,map --size 80x64 -o f.png
expect 0 'edges were cut' "${run[@]}" --control canny=wide.png -o f.png
expect 0 '128x64' "${run[@]}" --control canny=wide.png --size auto -o f.png
expect 0 'does not know.*dragon' generate --prompt "a dragon" --steps 2 -o f.png
expect 0 '' generate --guess --steps 2 --control canny=photo.png --seed -1 -o f.png
expect 0 '' "${run[@]}" --control canny=photo.png,weight=0.5 --control canny=wide.png,end=0.5,mode=prompt -o f.png
expect 0 '' "${run[@]}" --init photo.png --denoise 0.5 -o f.jpg

# ---- stopping ----
"$zeroconv" generate --prompt "a red house" --steps 500 --batch 200 -o stop.png > out.txt 2> err.txt &
job=$!
for _ in $(seq 600); do
  grep -q '^sample' err.txt && break
  sleep 0.1
done
kill -INT $job
wait $job
[ $? = 130 ] || fail "Ctrl-C does not end with 130"

# ---- the other commands ----
expect 0 'edges' annotate --list
expect 0 'map2.png' annotate canny photo.png map2.png --resolution 64 --low 50
expect 0 'picture of 64x64' inspect map2.png
expect 0 'toy world' annotate depth photo.png depth.png --resolution 64
expect 66 'ZoeD_M12_N.pt' annotate depth_zoe photo.png depth.png
mkdir photos && cp photo.png photos/ && echo broken > photos/broken.png && echo broken > photos/broken.json
expect 0 '1 maps in maps, 0 were there, 1 photographs' annotate canny photos maps --resolution 64
expect 0 '0 maps in maps, 1 were there' annotate canny photos maps --resolution 64
expect 64 'shard' annotate canny photos maps --shard 3/3

# ---- people and classes as data ----
expect 0 'toy world' annotate openpose photo.png found.json --resolution 64
expect 0 'drawn.png' annotate toy_openpose found.json drawn.png --resolution 64
expect 0 '' annotate toy_openpose photo.png direct.png --resolution 64
cmp -s drawn.png direct.png || fail "people that were found are not drawn as the map"
python3 - <<'PY'
import json
body = [n for i in range(18) for n in (20 + 7 * i % 60, 10 + 11 * i % 80, 1)]
hand = [n for i in range(21) for n in (10 + i, 30 + i, 1)]
json.dump({"canvas_width": 128, "canvas_height": 64,
           "people": [{"pose_keypoints_2d": body, "hand_left_keypoints_2d": hand}]}, open("pose.json", "w"))
PY
expect 0 '' annotate openpose pose.json map11.png --resolution 0 --json
is '[d["width"], d["height"], d["annotator"]]' "[128, 64, 'openpose']"
expect 0 '' annotate openpose pose.json map10.png --resolution 0 --rules v10
cmp -s map11.png map10.png && fail "--rules draws the same"
expect 0 '' annotate openpose pose.json hands.png --resolution 0 --body=false
expect 0 '' annotate openpose pose.json nothing_on.png --resolution 0 --body=false --hand=false
cmp -s hands.png map11.png && fail "--body=false draws the same"
cmp -s hands.png nothing_on.png && fail "--hand=false draws the same"
expect 64 'true or false' annotate openpose pose.json x.png --body=perhaps
expect 0 '' annotate openpose pose.json large.png --resolution 192
expect 0 'picture of 384x192' inspect large.png
expect 64 'only openpose.* know' annotate canny photo.png x.json
expect 64 'only openpose.* know' annotate depth pose.json x.png
expect 64 'cannot become .json' annotate openpose pose.json x.json
expect 65 'is no JSON' annotate openpose photos/broken.json x.png
expect 66 'nothing.json' annotate openpose nothing.json x.png
expect 0 '1 poses in poses, 0 were there, 1 photographs' annotate toy_openpose photos poses --format json --resolution 64
expect 0 '1 maps in pose_maps, 0 were there, 0 poses' annotate openpose poses pose_maps
expect 64 'wanted png or json' annotate openpose photos poses --format xml
expect 64 'for folders' annotate openpose photo.png x.json --format json
expect 0 '' annotate toy_seg photo.png classes.png --resolution 64
[ "$(head -c 26 classes.png | tail -c 1 | od -An -tu1 | tr -d ' ')" = 3 ] || fail "the map of classes is not indexed"
expect 0 'looks right|empty' doctor classes.png --control seg
expect 0 '' annotate seg_labels classes.png again.png --resolution 0
expect 0 '' annotate seg_labels classes.png larger.png --resolution 128
expect 64 'class numbers' annotate seg_labels photo.png x.png
expect 64 'first.*0 to 1' annotate seg_labels classes.png x.png --first 2
expect 0 '12  #96053d  person' annotate seg --classes
expect 0 '' annotate seg --classes --json
is 'len(d), d[149]["name"]' "(150, 'flag')"
is '[(c["number"], c["note"]) for c in d if "note" in c]' \
   "[(6, 'the same colour as 48, skyscraper'), (48, 'the same colour as 6, road')]"
expect 64 'no classes' annotate canny --classes
pose_run=("${run[@]}" --controlnet openpose=builtin/control_canny.safetensors --control openpose=pose.json)
expect 0 'scaled to 64x64' "${pose_run[@]}" -o posed.png --sheet sheet.png
expect 0 '128x64' "${pose_run[@]}" --size auto -o posed2.png
mv pose.json gone.json
expect 0 '' generate --replay posed.png --controlnet openpose=builtin/control_canny.safetensors -o posed3.png
# The receipt may read the joints back from the drawing, so the pixels are compared.
pixels() { python3 -c 'import sys; d = open(sys.argv[1], "rb").read(); i = d.index(b"IDAT"); print(hash(d[i:]))' "$1"; }
export PYTHONHASHSEED=0
[[ $(pixels posed.png) == $(pixels posed3.png) ]] || fail "the replay of people as points gives another picture"
expect 66 'pose.json' "${pose_run[@]}"
expect 64 'shows no people' "${run[@]}" --control canny=gone.json

expect 0 'zeroconv.*parameters' inspect builtin/base.safetensors
expect 0 '' inspect --json --check builtin/control_canny.safetensors
is 'd["family"]' built_in
expect 66 '' inspect nothing
expect 65 '' inspect cut.png
expect 0 'all is there' doctor
expect 0 'another palette' doctor photo.png --control seg
expect 0 'photograph|empty|inverted' doctor --map canny=photo.png --multiple 16
expect 0 '' bench step --runs 2 --json
is 'd["median_s"] > 0' True
expect 0 '' bench annotators --kind canny,invert --image photo.png --size 64x48 --runs 2 --json
is '[a["kind"] for a in d["annotators"]]' "['canny', 'invert']"
is 'd["annotators"][0]["median_s"] > 0 and d["height"] == 48' True

# ---- ControlNets as files ----
expect 0 'tensors copied.*new' init-control builtin begin.safetensors
expect 0 'checkpoint with ControlNet' inspect begin.safetensors
expect 0 '' init-control builtin alone.safetensors --control-only --control canny --json
is 'd["copied"] > 0 and d["fresh"] > 0 and d["base_tensors"] == 0' True
expect 64 'safetensors' init-control builtin begin.pth
expect 66 'nothing' init-control nothing begin.safetensors
expect 0 'moved by.* 0\.0 %' transfer-control builtin/control_canny.safetensors builtin builtin moved.safetensors
expect 65 'is no ControlNet' transfer-control builtin builtin builtin moved.safetensors
expect 0 '' "${run[@]}" --control canny=photo.png --controlnet canny=moved.safetensors -o f.png
expect 0 'written: folder' convert builtin/control_canny.safetensors folder --to diffusers
expect 64 'exists already' convert builtin/control_canny.safetensors folder --to diffusers
expect 0 '' "${run[@]}" --control canny=photo.png --controlnet canny=folder -o g.png
expect 0 'tensors in' convert folder back.safetensors
expect 64 'original, diffusers or compact' convert folder x.safetensors --to onnx

# ---- training ----
training=(--data circles --size 64 --batch 2 --save-every 1 --sample-every 2 --log-every 1)
expect 0 'circles' dataset circles --count 3 --seed 1 -o circles
expect 0 '3 ' dataset check circles
expect 0 'written' train control "${training[@]}" --model builtin --steps 2 --out run
[ -s run/samples/step-00000002.png ] || fail "no sample grid of fewer pairs than a grid has columns"
expect 0 'written' train control "${training[@]}" --model builtin --steps 4 --resume --out run
[ "$(wc -l < run/log.jsonl)" = 4 ] || fail "the resumed run does not go on where it stopped"
expect 0 'control' inspect run/model.safetensors
expect 0 '' "${run[@]}" --control canny=photo.png --controlnet canny=run/model.safetensors -o f.png
expect 0 'written' train base "${training[@]}" --model builtin --steps 1 --noise-offset 0.1 --out base
expect 0 'written' train vae "${training[@]}" --init builtin --steps 1 --out vae
for steps in 1 2; do
  expect 0 'written' train vae "${training[@]}" --init builtin --decoder-only --steps $steps --out vae$steps
done
python3 - vae1/model.safetensors vae2/model.safetensors <<'PY' || fail "--decoder-only trains something else than the decoder"
import json, struct, sys
def tensors(path):
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    return {k: data[8 + size + v["data_offsets"][0]:8 + size + v["data_offsets"][1]]
            for k, v in header.items() if k != "__metadata__"}
a, b = (tensors(path) for path in sys.argv[1:])
moved = {k.split(".")[1] for k in a if a[k] != b[k]}
sys.exit(moved != {"decoder", "post_quant_conv"})
PY
expect 64 'init' train vae "${training[@]}" --decoder-only --steps 1 --out other
expect 64 'data' train control --out run
expect 66 '' train control --data nowhere --out other
expect 64 'unknown `everything`' train everything --data circles --out other
expect 0 '' evaluate --control canny --count 1 --steps 2 --json
is 'sorted(d["conditions"][0])[:3]' "['baseline', 'ceiling', 'control']"
expect 69 'no maps of kind' evaluate --control lineart --count 1
expect 0 '' evaluate --control canny --count 1 --steps 2 --json --partial measured.jsonl
is '(d["conditions"][0]["scenes"], d["passing_share"])' '(1, 0.65)'
lines=$(wc -l < measured.jsonl)
expect 0 '' evaluate --control canny --count 1 --steps 2 --json --partial measured.jsonl
[ "$(wc -l < measured.jsonl)" = "$lines" ] || fail "a finished evaluation was measured again"
expect 65 'no measurements' evaluate --control canny --count 1 --partial circles/prompt.json
expect 64 '--shard' evaluate --control canny --count 1 --shard 2/2

[ $failures = 0 ] && echo "all passed"
exit $((failures > 0))
