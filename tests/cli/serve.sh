#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The studio as people run it: jobs, events, cancelling, and processes that are killed in the middle of their work:
# serve.sh ZEROCONV WRITE_TINY_MODEL
set -u
here=$(cd "$(dirname "$0")" && pwd)
zeroconv=$1
folder=$(cd "$(mktemp -d)" && pwd -P)
export ZEROCONV_MODELS=$folder
server=
worker=
failures=0

clean_up() {
  for process in $server $worker; do
    kill -9 "$process" 2> /dev/null
    wait "$process" 2> /dev/null
  done
  rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
"$2" "$folder" || exit 1
cd "$folder" || exit 1
: > err.txt

fail() {
  echo "FAILED: $1"
  tail -n 6 err.txt | sed 's/^/    /'
  failures=$((failures + 1))
}

# is WANTED GOT WHAT
is() { [ "$1" = "$2" ] || fail "$3 is \`$2\`, not \`$1\`"; }

# The lease is short, so that a killed process is missed soon.
common=(--data "$folder/data" --lease-seconds 2 --threads 1)

# start_server [OPTIONS...]: waits until it listens; its link is in $link.
start_server() {
  rm -f server.txt
  "$zeroconv" serve --port 0 "${common[@]}" "$@" > server.txt 2>> err.txt &
  server=$!
  for _ in $(seq 600); do
    link=$(grep -m1 -o 'http://.*#token=.*' server.txt 2> /dev/null) && return
    kill -0 $server 2> /dev/null || break
    sleep 0.05
  done
  fail "the server did not begin"
  exit 1
}

start_worker() {
  "$zeroconv" worker "${common[@]}" > worker.txt 2>> err.txt &
  worker=$!
}

# ask COMMAND ARGUMENTS...: studio_client.py
ask() { python3 "$here/studio_client.py" "$link" "$@" 2>> err.txt || fail "asking for: $*"; }

# refused CODE TEXT ARGUMENTS...: the program ends with this code and says this.
refused() {
  local code=$1 text=$2
  shift 2
  timeout 60 "$zeroconv" "$@" > out.txt 2> err.txt
  is "$code" $? "exit code of $*"
  grep -qE -- "$text" err.txt || fail "\`$text\` is not said: $*"
}

# ---- usage ----
refused 64 'host.*--token' serve "${common[@]}" --host 0.0.0.0
refused 64 'did you mean --port' serve --portt 1
refused 64 'sqlite:PATH' serve "${common[@]}" --store mysql:x
echo "this is no database, but a text that is longer than its header would be, by some letters" > broken.db
refused 74 'broken.db' serve "${common[@]}" --store "sqlite:$folder/broken.db"
refused 74 'nowhere' worker --store "sqlite:$folder/nowhere/x.db" "${common[@]}"
# At the start, not at the first job. On a machine with a GPU these would begin to serve.
for device in cuda cuda:1; do
  refused 69 'cuda is not available' serve "${common[@]}" --device $device
  refused 69 'cuda is not available' worker "${common[@]}" --device $device
done
refused 64 'wanted auto, cpu, cuda' serve "${common[@]}" --device gpu

# ---- a picture ----
start_server
refused 74 'listen|in use' serve --port "$(sed 's/.*:\([0-9]*\)\/#.*/\1/' <<< "$link")" --data "$folder/other"
is 200 "$(ask status GET /health)" "/health"
is 401 "$(ask status GET /api/v1/jobs)" "the list of jobs without a token"
is 401 "$(ask status GET /api/v1/jobs wrong)" "the list of jobs with a wrong token"
photo=$(ask upload photo.png)
request="{\"prompt\":\"a red house\",\"steps\":4,\"seed\":5,\"controls\":[{\"kind\":\"canny\",\"image\":\"asset:$photo\"}]}"
types=$(ask watch "${request/4/40}")
job=$(head -n 1 <<< "$types")
is '"done"' "$(ask field "$job" state)" "state of the first job"
is '"fp32"' "$(ask field "$job" precision)" "what the precision auto became"
for type in hello job image; do grep -qx $type <<< "$types" || fail "no event of type $type came"; done
sha=$(ask field "$job" images | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["sha"])')
ask fetch "$sha" picture.png
"$zeroconv" inspect picture.png > out.txt 2>> err.txt || fail "the picture cannot be inspected"
grep -q "$folder" picture.png && fail "the picture tells where the server's files lie"

# ---- the same picture again ----
image=$(ask images | head -n 1 | cut -d' ' -f1)
again=$(ask rerun "$image")
ask wait "$again" done
is true "$(ask field "$again" rerun | python3 -c 'import json,sys; print(json.dumps(json.load(sys.stdin)["identical"]))')" "rerun"

# ---- cancelled within a step ----
long="{\"prompt\":\"a red house\",\"steps\":150,\"batch\":16,\"width\":256,\"height\":256}"
job=$(ask submit "$long")
ask wait "$job" running
ask cancel "$job"
ask wait "$job" cancelled

# ---- ends in order: the job at hand goes back ----
job=$(ask submit "$long")
ask wait "$job" running
kill -TERM $server
wait $server
is 0 $? "exit code after SIGTERM"
start_server
is '""' "$(ask field "$job" error | sed 's/null/""/')" "error of a job that was given back"
ask cancel "$job"
ask wait "$job" cancelled

# ---- killed ----
before=$(ask images | wc -l)
start_worker
jobs=()
for seed in 1 2 3 4 5 6 7 8; do jobs+=("$(ask submit "${request/\"seed\":5/\"seed\":$seed}")"); done
jobs+=("$(ask submit "${request/4/60}")" "$(ask submit "${request/4/61}")")
sleep 0.7
kill -9 $server $worker
wait $server $worker 2> /dev/null
start_server
start_worker
sleep 0.5
kill -9 $worker
wait $worker 2> /dev/null
worker=
for job in "${jobs[@]}"; do ask wait "$job" done; done
is $((before + ${#jobs[@]})) "$(ask images | wc -l)" "the number of pictures"
is "$(printf '%s\n' "${jobs[@]}" | sort)" "$(ask images | cut -d' ' -f2 | sort | grep -xF "$(printf '%s\n' "${jobs[@]}")" )" "jobs with their pictures"

# ---- a worker alone, whose progress the server shows ----
kill -TERM $server
wait $server
start_server --workers 0
start_worker
for steps in 40 2; do  # the second one is done between two looks into the store
  grep -qx image <<< "$(ask watch "${request/4/$steps}")" || fail "the server does not tell what another process does"
done
kill -TERM $worker
wait $worker
is 0 $? "exit code of the worker after SIGTERM"
worker=

[ $failures = 0 ] && echo "all passed"
exit $((failures > 0))
