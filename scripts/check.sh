#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The tests. `scripts/check.sh` runs all of them (make test, CI), `scripts/check.sh --quick` the fast ones (make check).
# All steps run even if one fails, unless there is nothing to run; the last line says how many checks passed and failed.
set -uo pipefail
cd "$(dirname "$0")/.."
# Tests run side by side: threads that spin while they wait for each other would take the cores from their neighbours.
export OMP_WAIT_POLICY=passive

readonly parity_data=tests/parity/data
# Small networks of every kind, the schedules and the samplers: a minute instead of ten.
readonly quick_parity=(blocks/ schedule/ ddim/ tiny/ tiny21/ tiny_clip/ tiny_openclip/)
# What reads bytes that somebody else wrote. The corpora of poses, prompts and replays need the annotators or the whole
# pipeline, ten minutes of compiling with sanitizers: `make fuzz` runs those.
readonly sanitized=(src/base/ src/image/ src/formats/ src/models/tokenizer src/server/{http_server,worker}_test src/store/
                    fuzz/fuzz_{http,image,multipart,pickle,safetensors,torch_file,zip})
readonly results=$PWD/build/results

passed=0
failed=0
skipped=0
failed_steps=()

count() { passed=$((passed + $1)); failed=$((failed + $2)); skipped=$((skipped + ${3:-0})); }

# step NAME COMMAND...: says what is done, and notes the name if it fails.
step() {
  local name=$1 start=$SECONDS status=0
  shift
  printf '\n==> %s\n' "$name"
  "$@" || status=$?
  [ "$status" = 0 ] || failed_steps+=("$name")
  printf -- '--- %s: %s after %d s\n' "$name" "$([ "$status" = 0 ] && echo ok || echo FAILED)" $((SECONDS - start))
  return "$status"
}

# check NAME COMMAND...: a step that is one check.
check() {
  if step "$@"; then count 1 0; else count 0 1; return 1; fi
}

# run_ctest BUILD_FOLDER ARGUMENTS...: counts the tests from ctest's own report.
run_ctest() {
  local folder=$1 report numbers status=0
  shift
  report=$results/$(basename "$folder").xml
  rm -f "$report"
  ctest --test-dir "$folder" --parallel "$(nproc)" --timeout 900 --output-on-failure --no-tests=error \
        --output-junit "$report" "$@" || status=$?
  if ! numbers=$(python3 - "$report" <<'PY'
import sys, xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot()
tests, bad, off = (int(suite.get(k) or 0) for k in ("tests", "failures", "skipped"))
off += int(suite.get("disabled") or 0)
print(tests - bad - off, bad, off)
PY
  ); then
    count 0 1
    return 1
  fi
  # shellcheck disable=SC2086  # three numbers
  count $numbers
  # A program that ctest could not start counts as failed although the report calls it "not run".
  if [ "$status" != 0 ] && [[ $numbers == *" 0 "* ]]; then count 0 1; fi
  return "$status"
}

# run_parity SET ARGUMENTS...: counts the cases from the program's last line.
run_parity() {
  local log=$results/parity.log line status=0
  build/release/bin/parity "$parity_data/$1" "${@:2}" | tee "$log" || status=$?
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
  if [[ ! $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
    count 0 1
    return 1
  fi
  count "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
  if [ "$status" != 0 ] && [ "${BASH_REMATCH[2]}" = 0 ]; then count 0 1; fi
  [ $((BASH_REMATCH[1] + BASH_REMATCH[2])) -gt 0 ] && return "$status"
  count 0 1
  return 1
}

run_parity_quick() {
  local filter status=0
  for filter in "${quick_parity[@]}"; do run_parity core --filter "$filter" || status=1; done
  return "$status"
}

run_sanitized() {
  local targets names
  scripts/build.sh asan --configure || { count 0 1; return 1; }
  mapfile -t targets < <(scripts/test_targets.py build/asan "${sanitized[@]}")
  names=$(printf '%s\n' "${targets[@]#test_}" | paste -sd '|')
  if [ -z "$names" ] || ! scripts/build.sh asan "${targets[@]}"; then
    count 0 1
    return 1
  fi
  ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1 \
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    LSAN_OPTIONS=suppressions=$PWD/tests/sanitizers/lsan.supp:print_suppressions=0 \
    run_ctest build/asan -R "^($names)\$"
}

finish() {
  printf '\nchecks took %d s\n' $SECONDS
  [ ${#failed_steps[@]} = 0 ] || printf 'failed step: %s\n' "${failed_steps[@]}"
  [ "$skipped" = 0 ] || printf '%d skipped\n' "$skipped"
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" = 0 ] && [ ${#failed_steps[@]} = 0 ]
  exit
}

mkdir -p "$results"
case "${1:-}" in
  --quick)
    check "build" scripts/build.sh release || finish
    step "fast tests" run_ctest build/release -L fast
    step "parity with the reference, small networks" run_parity_quick
    ;;
  "")
    check "format" scripts/format.sh --check
    check "layers" scripts/check_layers.py
    check "src/README.md" scripts/src_readme.py --check
    check "build" scripts/build.sh release || finish
    # The parity sets are the next step.
    step "tests" run_ctest build/release -E parity -LE gpu
    step "parity with the reference" run_parity core
    step "parity of the fast kernels" run_parity core --kernels fast
    step "parity of the annotators" run_parity annotators
    step "tests of the parsers under AddressSanitizer and UBSan" run_sanitized
    ;;
  *)
    echo "check.sh: unknown argument '$1'; known: --quick" >&2
    exit 64
    ;;
esac
finish
