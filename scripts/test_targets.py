#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the test programs that have a source file under one of the given paths.

Usage: scripts/test_targets.py BUILD_FOLDER PREFIX...    e.g. build/asan src/base/ src/models/tokenizer
The folder must be configured with ZC_TOGETHER=OFF, which shows each source file. Test programs are the targets test_NAME that zc_test makes, which ctest knows as NAME, and corpus_NAME that zc_corpus makes.
"""
import json
import pathlib
import re
import sys


def main():
    build, prefixes = pathlib.Path(sys.argv[1]), tuple(sys.argv[2:])
    root = pathlib.Path(__file__).resolve().parent.parent
    names = set()
    for entry in json.loads((build / "compile_commands.json").read_text()):
        target = re.search(r"CMakeFiles/((?:test|corpus)_\w+)\.dir/", entry["command"])
        source = pathlib.Path(entry["file"])
        if target and source.is_relative_to(root) and str(source.relative_to(root)).startswith(prefixes):
            names.add(target.group(1))
    if not names:
        sys.exit(f"test_targets.py: no test program of {build} has a file under {' '.join(prefixes)}; ZC_TOGETHER must be OFF there")
    print("\n".join(sorted(names)))


if __name__ == "__main__":
    main()
