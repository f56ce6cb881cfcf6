#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what `zeroconv evaluate --all --json` measured into the tables of a page.

Usage: scripts/conditions_tables.py RESULT.json PAGE.md
The tables stand between `<!-- NAME -->` and `<!-- /NAME -->`; NAME is conditions, pairs or prompt.
"""
import json
import pathlib
import sys

UNITS = {"mean angle (degrees)": ("mean angle", "°")}


def number(row, key, decimals=2, error=False):
    unit = UNITS.get(row.get("metric"), ("", ""))[1]
    decimals = 1 if unit else decimals
    text = f"{row[key]:.{decimals}f}{unit}"
    return text + (f" ± {row['error'][key]:.{decimals}f}" if error else "")


def metric(row):
    return UNITS.get(row["metric"], (row["metric"], ""))[0]


def table(head, rows):
    lines = [head, ["---"] * len(head)] + rows
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def conditions(result):
    rows = []
    for c in result["conditions"]:
        share = f"{100 * c['share']:.0f} % ± {100 * c['error']['share']:.0f}"
        rows.append([f"`{c['control']}`", metric(c), number(c, "value", error=True), number(c, "baseline"),
                     number(c, "shuffled"), number(c, "guess"), number(c, "ceiling"),
                     f"**{share}**" if c["passes"] else f"{share} (not reached)"])
    scenes = max(c["scenes"] for c in result["conditions"])
    head = ["condition", f"measure, {scenes} scenes", "map and prompt", "no map", "another scene's map",
            "guess mode", "ceiling", "share"]
    return table(head, rows)


def pairs(result):
    rows = []
    for pair in result["pairs"]:
        names = " + ".join(f"`{side['control']}`" for side in pair["maps"])
        for side in pair["maps"]:
            rows.append([names, f"`{side['control']}`, {metric(side)}", number(side, "both", error=True),
                         number(side, "own_alone"), number(side, "other_alone"), number(side, "gain", error=True),
                         "yes" if side["gain"] > 0 else "no"])
    head = ["units", "how well this map is obeyed", "by both units", "by its own alone", "by the other alone",
            "both over the other alone", "better"]
    return table(head, rows)


def prompt(result):
    p = result["prompt"]
    percent = lambda key: f"{100 * p[key]:.0f} %"
    rows = [[label, f"{percent(name + '_right')} ± {100 * p['error'][name + '_right']:.0f}",
             percent(name + "_baseline"), percent(name + "_ceiling")]
            for name, label in (("colour", "colour of the named object"), ("time", "time of day"))]
    return table([f"of {p['scenes']} unseen combinations", "right", "another scene's prompt", "the scene itself"], rows)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    result = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    page = pathlib.Path(sys.argv[2])
    text = page.read_text(encoding="utf-8")
    for name, make in (("conditions", conditions), ("pairs", pairs), ("prompt", prompt)):
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            sys.exit(f"conditions_tables.py: {page} needs one `{begin}` and one `{end}`")
        before, rest = text.split(begin)
        text = before + begin + "\n" + make(result) + "\n" + end + rest.split(end)[1]
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
