# SPDX-License-Identifier: Apache-2.0
# What the tests of whole trainings share; sourced by them: . training_lib.sh, then begin ZEROCONV WRITE_TINY_MODEL.
# shellcheck shell=bash
set -u
failures=0
running=

# Makes the folder in which the test works, with the tiny model as the built-in one, and goes there.
begin() {
  zeroconv=$1
  folder=$(cd "$(mktemp -d)" && pwd -P)
  trap clean_up EXIT
  trap 'exit 130' INT TERM
  export ZEROCONV_MODELS=$folder
  "$2" "$folder" && cd "$folder" || exit 1
  : > err.txt
}

clean_up() {
  [ -z "$running" ] || kill -9 "$running" 2> /dev/null
  [ -z "${folder:-}" ] || rm -rf "$folder"
}

fail() {
  echo "FAILED: $1"
  tail -n 6 err.txt | sed 's/^/    /'
  failures=$((failures + 1))
}

finish() {
  [ $failures = 0 ] && echo "all passed"
  exit $((failures > 0))
}

# The smallest training: a step takes some hundredths of a second, a start one second.
tiny=(train control --data circles:12:1 --size 32 --model builtin --batch 1 --lr 1e-3 --validation 0 --log-every 1
      --sample-every 1000000)

# zc CODE ARGUMENTS...: the program must end with this code; its words are in out.txt and err.txt.
zc() {
  local code=$1
  shift
  "$zeroconv" "$@" > out.txt 2> err.txt
  local got=$?
  [ "$got" = "$code" ] || fail "exit code $got instead of $code: $*"
}

# The number in the newest snapshot's name, whole or not; -1 where there is none.
newest_named() {
  python3 - "$1" <<'PY'
import pathlib, sys
print(max((int(path.name[5:]) for path in pathlib.Path(sys.argv[1], "ckpt").glob("step-????????")), default=-1))
PY
}

# The same of those whose files all have the SHA-256 that their manifest says, read here and not by the program.
newest_verified() {
  python3 - "$1" <<'PY'
import hashlib, json, pathlib, sys
def verifies(path):
    try:
        hashes = json.loads((path / "trainer.json").read_text())["sha256"]
        return len(hashes) > 1 and all(hashlib.sha256((path / name).read_bytes()).hexdigest() == expected
                                       for name, expected in hashes.items())
    except (OSError, ValueError, KeyError):
        return False
good = [path for path in pathlib.Path(sys.argv[1], "ckpt").glob("step-????????") if verifies(path)]
print(max((int(path.name[5:]) for path in good), default=-1))
PY
}

# The steps in OUT/log.jsonl from line FIRST on: logged_steps OUT FIRST. Fails where a line is no JSON object.
logged_steps() {
  python3 - "$1" "$2" <<'PY'
import json, sys
lines = open(f"{sys.argv[1]}/log.jsonl").read().splitlines()[int(sys.argv[2]) - 1:]
print(*(json.loads(line)["step"] for line in lines))
PY
}

log_lines() { if [ -e "$1/log.jsonl" ]; then wc -l < "$1/log.jsonl"; else echo 0; fi; }

# wait_until TEXT COMMAND...: at most two minutes.
wait_until() {
  local text=$1 end=$((SECONDS + 120))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || { fail "two minutes, and not yet $text"; return 1; }
    sleep 0.05
  done
}

# reached OUT STEP: whether there is a snapshot of this step or a later one.
reached() { [ "$(newest_named "$1")" -ge "$2" ]; }

# The norm of the difference of two results' weights, of the weights' norm; 0.0: the same bits.
difference() {
  python3 - "$1/model.safetensors" "$2/model.safetensors" <<'PY'
import array, json, struct, sys
def tensors(path):
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    return {k: array.array("f", data[8 + size + v["data_offsets"][0]:8 + size + v["data_offsets"][1]])
            for k, v in header.items() if k != "__metadata__"}
a, b = (tensors(path) for path in sys.argv[1:])
assert a.keys() == b.keys()
if all(a[k].tobytes() == b[k].tobytes() for k in a):
    print(0.0)
else:
    apart = sum((x - y) ** 2 for k in a for x, y in zip(a[k], b[k])) / sum(x * x for k in a for x in a[k])
    print(apart ** 0.5 or "nan")  # -0 is 0, but not the same bits
PY
}

same() { [ "$(difference "$1" "$2")" = 0.0 ] || fail "$3: the weights of $1 and $2 differ"; }
less() { python3 -c 'import sys; sys.exit(not float(sys.argv[1]) < float(sys.argv[2]))' "$1" "$2"; }
said() { grep -q -- "$1" err.txt || fail "it is not said: $1"; }
