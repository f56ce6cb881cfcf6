#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The tests of the studio, as ctest starts them. Usage: run.sh unit | run.sh studio PROGRAM
# Status 77: something that they need is missing here, and what it is stands in the last line.
set -euo pipefail
program=$(realpath -m "${2:-unnamed}")
cd "$(dirname "$0")/../../web"

skip() { echo "skipped: $*"; exit 77; }

command -v node >/dev/null || skip "no Node.js; scripts/bootstrap.sh web installs it"
command -v npm >/dev/null || skip "no npm; scripts/bootstrap.sh web installs it"
major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
[ "$major" -ge 18 ] || skip "Node.js $(node --version) is too old; 18 or newer is wanted"

# npm writes this file last; it is older than the list of what is wanted when that has changed.
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  exec 9>.install.lock
  flock 9  # the other test may be about to do the same
  if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ci --ignore-scripts --no-audit --no-fund --silent || skip "npm cannot fetch what web/package-lock.json lists"
    touch node_modules/.package-lock.json
  fi
  exec 9>&-
fi

case "${1:-}" in
  unit)
    npm run --silent check
    npm test --silent
    ;;
  studio)
    : "${2:?names the program}"
    ZEROCONV=$program node e2e/run.mjs
    ;;
  *)
    echo "run.sh: '${1:-}' is neither unit nor studio" >&2
    exit 64
    ;;
esac
