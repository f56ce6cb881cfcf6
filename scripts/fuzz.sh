#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the libFuzzer programs of fuzz/ with clang and the sanitizers and runs each for SECONDS_EACH (60) seconds.
# Starts from fuzz/corpus/NAME; what it finds new goes to build/fuzz/corpus/NAME, a crash to build/fuzz/crashes/.
# Usage: scripts/fuzz.sh [NAME...]    e.g. scripts/fuzz.sh fuzz_zip
set -euo pipefail
cd "$(dirname "$0")/.."
[ -f fuzz/CMakeLists.txt ] || { echo "fuzz.sh: this version has no fuzzers (fuzz/CMakeLists.txt)" >&2; exit 1; }
scripts/bootstrap.sh fuzz
cmake -S . -B build/fuzz -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O1 -g1" \
  -DCMAKE_CXX_COMPILER=clang++ -DZC_FUZZ=ON -DZC_TESTS=OFF -DZC_SANITIZE=address,undefined \
  ${ZC_TORCH_ROOT:+-DZC_TORCH_ROOT="$ZC_TORCH_ROOT"} --log-level=NOTICE
if [ $# -gt 0 ]; then
  fuzzers=("$@")
else
  mapfile -t fuzzers < <(cmake --build build/fuzz --target help | sed -nE 's/^(fuzz_[a-z0-9_]+): phony$/\1/p' | sort -u)
fi
cmake --build build/fuzz --target "${fuzzers[@]}"
mkdir -p build/fuzz/crashes
failed=0
for fuzzer in "${fuzzers[@]}"; do
  found=build/fuzz/corpus/${fuzzer#fuzz_}
  seeds=fuzz/corpus/${fuzzer#fuzz_}
  mkdir -p "$found"
  printf '\n==> %s, %s s\n' "$fuzzer" "${SECONDS_EACH:-60}"
  folders=("$found")
  [ ! -d "$seeds" ] || folders+=("$seeds")
  UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    build/fuzz/bin/"$fuzzer" -max_total_time="${SECONDS_EACH:-60}" -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 \
    -verbosity=0 -artifact_prefix=build/fuzz/crashes/"$fuzzer"- "${folders[@]}" || failed=$((failed + 1))
done
printf '\n%d passed, %d failed\n' $((${#fuzzers[@]} - failed)) "$failed"
[ "$failed" = 0 ]
