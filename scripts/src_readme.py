#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes src/README.md: the folders in order of dependency, one line for each file, taken from its second line.

Usage: scripts/src_readme.py [--check]    With --check it only says whether the file is up to date.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEAD = """# The sources

`make format` writes this page from the first comment of each file. `name` stands for `name.h` with `name.cc`, and
`name_test.cc` beside them where there is one. Folders stand from low to high: each sees only some of those above it here
(the table in [CONTRIBUTING.md](../CONTRIBUTING.md); `scripts/check_layers.py` holds everyone to it).
"""


def folders():
    """(folder, what it holds, what it may include), from the table in CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", text, re.MULTILINE)


def summary(path):
    """The first sentence of the comment below the licence line."""
    words = []
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        if not line.startswith("// ") or line.startswith("//  "):
            break  # the end of the comment's first paragraph
        words.append(line[2:].strip())
    return re.split(r"(?<! al)\.(?=\s|$)", " ".join(words), maxsplit=1)[0].rstrip(":")


def lines_of(folder):
    """One line for each name: the header speaks for its .cc, tests only stand where they have no such pair."""
    paths = {p.name: p for p in folder.glob("*") if p.suffix in (".h", ".cc", ".cu")}
    stems = sorted({p.stem for p in paths.values()})
    for stem in stems:
        if stem.endswith("_test") and stem.removesuffix("_test") in stems:
            continue
        path = next(paths[stem + suffix] for suffix in (".h", ".cc", ".cu") if stem + suffix in paths)
        shown = stem if stem + ".h" in paths and stem + ".cc" in paths else path.name
        yield f"- `{shown}` {summary(path)}".rstrip()


def page():
    parts = [HEAD]
    for name, holds, _ in folders():
        lines = list(lines_of(ROOT / "src" / name))
        if lines:
            parts.append(f"\n## {name}\n{holds[0].upper()}{holds[1:]}.\n\n" + "\n".join(lines) + "\n")
    return "".join(parts)


def main():
    target = ROOT / "src" / "README.md"
    wanted = page()
    if target.exists() and target.read_text(encoding="utf-8") == wanted:
        print("src/README.md is up to date")
        return 0
    if "--check" in sys.argv[1:]:
        print("src/README.md does not list the files as they are; run `make format`")
        return 1
    target.write_text(wanted, encoding="utf-8")
    print("src/README.md written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
