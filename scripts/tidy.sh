#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs clang-tidy on the given .cc files, else on those that differ from the last commit (or from BASE, if set).
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/bootstrap.sh tidy
scripts/build.sh dev --configure  # file by file
if [ $# -gt 0 ]; then
  files=("$@")
else
  mapfile -t files < <({ git diff --name-only --diff-filter=d "${BASE:-HEAD}" -- 'src/*.cc'
                         git ls-files --others --exclude-standard -- 'src/*.cc'; } | sort -u)
fi
[ ${#files[@]} -gt 0 ] || { echo "tidy: no changed files"; exit 0; }
# The precompiled header in the compile commands is text too, so clang reads it although GCC made it.
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" .deps/venv/bin/clang-tidy --quiet -p build/dev
echo "tidy: ${#files[@]} files are clean"
