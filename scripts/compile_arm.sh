#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compiles the kernels for 64-bit ARM, whose NEON the portable ones become, without warnings; nothing is run.
# Wants Debian's g++-aarch64-linux-gnu, or another compiler in CXX.
set -euo pipefail
cd "$(dirname "$0")/../src"
compiler=${CXX:-aarch64-linux-gnu-g++}
command -v "$compiler" >/dev/null || { echo "compile_arm.sh: no $compiler: apt-get install g++-aarch64-linux-gnu" >&2; exit 1; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
count=0
for file in kernels/*.cc; do
  [[ $file == *_test.cc ]] && continue
  "$compiler" -std=c++20 -O3 -DNDEBUG -fno-trapping-math -fno-math-errno -fno-signed-zeros -ffp-contract=fast -Wall -Wextra -Werror \
    -I. -c "$file" -o "$out/$(basename "$file").o"
  count=$((count + 1))
done
fused=$("${compiler%g++}objdump" -d "$out/matmul_portable.cc.o" | grep -c '\bfmla\b' || true)
echo "$count files compiled; $fused vector multiply-adds in matmul_portable.cc"
[ "$fused" -gt 0 ]
