#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Requests that /openapi.json allows, and some that it does not, against the real program with the tiny model: no answer may be
# a server error or differ from what the document promises.
# Usage: schemathesis.sh ZEROCONV WRITE_TINY_MODEL [EXAMPLES]    Status 77: the package cannot be had.
exec python3 "$(dirname "$0")/schemathesis_run.py" "$@"
