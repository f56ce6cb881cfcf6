#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Configures and builds one preset: scripts/build.sh [PRESET [--configure | TARGET...]]
# Without arguments everything of the preset release; --configure stops before the compiler.
# JOBS sets how many compilers run at once, ZC_TORCH_ROOT another libtorch.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
[ $# -eq 0 ] || shift

# A file that sees tensors takes the compiler up to 1.5 GB, so memory limits the jobs as much as cores do.
jobs_that_fit() {
  local cores megabytes limit
  cores=$(nproc)
  megabytes=$(awk '/^MemAvailable/{print int($2 / 1024)}' /proc/meminfo)
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
  [ "$limit" = max ] || [ $((limit / 1048576)) -gt "$megabytes" ] || megabytes=$((limit / 1048576))
  local by_memory=$((megabytes / 1500))
  [ "$by_memory" -ge 1 ] || by_memory=1
  echo $((by_memory < cores ? by_memory : cores))
}

configure=()
[ -z "${ZC_TORCH_ROOT:-}" ] || configure+=("-DZC_TORCH_ROOT=$ZC_TORCH_ROOT")
cmake --preset "$preset" "${configure[@]}" --log-level=NOTICE
[ "${1:-}" != --configure ] || exit 0
targets=()
[ $# -eq 0 ] || targets=(--target "$@")
export NINJA_STATUS="[%f/%t, %es] "
cmake --build --preset "$preset" --parallel "${JOBS:-$(jobs_that_fit)}" "${targets[@]}"
