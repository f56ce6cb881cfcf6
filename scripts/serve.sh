#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The studio: builds the program where that is needed and runs `zeroconv serve` with the arguments that are given here.
set -euo pipefail
cd "$(dirname "$0")/.."
printf '==> building zeroconv (minutes the first time, seconds later)\n'
scripts/build.sh release zeroconv
exec build/release/bin/zeroconv serve "$@"
