#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Formats the C++ files in place; with --check only names the files that are not formatted, and fails if there are any.
# Usage: scripts/format.sh [--check] [FILE...]   Without files: all of src, tests, fuzz and bench.
set -euo pipefail
cd "$(dirname "$0")/.."
export clang_format=.deps/venv/bin/clang-format
[ -x "$clang_format" ] || { echo "format.sh: $clang_format is missing; run \`make deps\`" >&2; exit 1; }

check=
if [ "${1:-}" = --check ]; then
  check=yes
  shift
fi
if [ $# -gt 0 ]; then
  files=("$@")
else
  folders=()
  for folder in src tests fuzz bench; do [ ! -d "$folder" ] || folders+=("$folder"); done
  mapfile -d '' files < <(find "${folders[@]}" -path tests/parity/data -prune -o \
                            \( -name '*.cc' -o -name '*.h' \) -print0 | sort -z)
fi

each() { printf '%s\0' "${files[@]}" | xargs -0 -P "$(nproc)" "$@"; }
if [ -z "$check" ]; then
  each -n 20 "$clang_format" -i
  echo "format: ${#files[@]} files"
  exit
fi
# shellcheck disable=SC2016  # the inner shell expands $1
bad=$(each -n 1 sh -c '"$clang_format" "$1" | cmp -s - "$1" || echo "$1"' sh | sort)
[ -z "$bad" ] || printf '%s: not formatted\n' $bad
echo "format: $(printf '%s' "$bad" | grep -c . || true) of ${#files[@]} files want \`make format\`"
[ -z "$bad" ]
