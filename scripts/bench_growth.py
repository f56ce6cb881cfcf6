#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How time and memory grow with the size of the picture, the number of pictures, of control units, and of threads.

Runs `zeroconv bench` for each point, in a fresh process, by turns, and writes growth.json and growth.svg: one chart for each,
both axes logarithmic, with a line of what the arithmetic alone would give from the smallest point on. Attention's arithmetic
grows with the square of the pixels, everything else with the pixels; how the two share the time at the smallest size is not
known, so the chart of sizes has both lines, and the measured one must lie between them.
"""
import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
CORES = len(os.sched_getaffinity(0))
# title, option, values, what is measured, powers of what the arithmetic gives
CHARTS = {
    "size": ("a step, side of the picture in pixels", "--size", (256, 384, 512, 768, 1024), "step", (2, 4)),
    "batch": ("a run of two steps, pictures", "--batch", (1, 2, 4, 8), "image", (1,)),
    "units": ("a step, control units", "--units", (1, 2, 3, 4), "step", (1,)),
    "threads": ("a step, threads", "--threads", tuple(n for n in (1, 2, 4, 8, 16, 32, 64) if n <= CORES), "step", (-1,)),
}


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="builtin", help="base model (builtin)")
    parser.add_argument("--controlnet", action="append", default=[], metavar="KIND=FILE")
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each process (5)")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each point (3)")
    parser.add_argument("--charts", default=",".join(CHARTS), help="which of " + ", ".join(CHARTS))
    parser.add_argument("--program", default=ROOT / "build/release/bin/zeroconv", type=pathlib.Path)
    parser.add_argument("--out", default=ROOT / "build/bench", type=pathlib.Path, metavar="DIR")
    options = parser.parse_args()
    options.charts = options.charts.split(",")
    if unknown := [name for name in options.charts if name not in CHARTS]:
        parser.error(f"there is no chart {', '.join(unknown)}; wanted some of {', '.join(CHARTS)}")
    return options


def measure(options, name, value):
    _, option, _, what, _ = CHARTS[name]
    words = [str(options.program), "bench", what, "--json", "--model", options.model, "--runs", str(options.runs)]
    for controlnet in options.controlnet:
        words += ["--controlnet", controlnet]
    words += [option, f"{value}x{value}" if name == "size" else str(value)]
    if what == "image":
        words += ["--steps", "2"]
    ran = subprocess.run(words, capture_output=True, text=True)
    if ran.returncode:
        sys.exit(f"status {ran.returncode} of {' '.join(words)}\n{ran.stderr}")
    return json.loads(ran.stdout)


def measure_all(options):
    """{chart: [{value, seconds of all runs, median, peak}]}; the points of a chart by turns, so that a machine whose speed
    wavers does not bend the line."""
    result = {}
    for name in options.charts:
        values = CHARTS[name][2]
        runs = {value: [] for value in values}
        peak = {}
        for round_ in range(options.rounds):
            for value in values:
                print(f"{name} {value}: round {round_ + 1} of {options.rounds}", file=sys.stderr, flush=True)
                report = measure(options, name, value)
                runs[value] += report["seconds"]
                peak[value] = max(peak.get(value, 0), report["peak_bytes"])
        result[name] = [{"value": value, "seconds": runs[value], "median_s": statistics.median(runs[value]),
                         "peak_bytes": peak[value]} for value in values]
    return result


# ---- The picture ----

WIDTH, HEIGHT, MARGIN = 460, 320, 56


def axis_ticks(low, high):
    """1, 2, 5 times powers of ten within the range."""
    ticks = [m * 10.0 ** e for e in range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1) for m in (1, 2, 5)]
    return [tick for tick in ticks if low <= tick <= high]


def chart(name, points, left, top):
    title, powers = CHARTS[name][0], CHARTS[name][4]
    xs, ys = [p["value"] for p in points], [p["median_s"] for p in points]
    lines = {power: [ys[0] * (x / xs[0]) ** power for x in xs] for power in powers}
    every = ys + [y for line in lines.values() for y in line] + [s for p in points for s in p["seconds"]]
    low, high = min(every) / 1.15, max(every) * 1.15
    span = math.log(xs[-1] / xs[0]) or 1.0
    place_x = lambda x: left + MARGIN + (WIDTH - 2 * MARGIN) * math.log(x / xs[0]) / span
    place_y = lambda y: top + HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * math.log(y / low) / math.log(high / low)
    parts = [f'<text x="{left + WIDTH / 2:.0f}" y="{top + 28}" class="title">{title}</text>']
    for x in xs:
        parts.append(f'<line x1="{place_x(x):.1f}" x2="{place_x(x):.1f}" y1="{place_y(high):.1f}" y2="{place_y(low):.1f}" class="grid"/>'
                     f'<text x="{place_x(x):.1f}" y="{place_y(low) + 16:.1f}" class="x">{x}</text>')
    for tick in axis_ticks(low, high):
        parts.append(f'<line x1="{place_x(xs[0]):.1f}" x2="{place_x(xs[-1]):.1f}" y1="{place_y(tick):.1f}" y2="{place_y(tick):.1f}" class="grid"/>'
                     f'<text x="{place_x(xs[0]) - 8:.1f}" y="{place_y(tick) + 4:.1f}" class="y">{tick:g} s</text>')
    path = lambda values: " ".join(f"{place_x(x):.1f},{place_y(y):.1f}" for x, y in zip(xs, values))
    for power, line in lines.items():
        parts.append(f'<polyline points="{path(line)}" class="arithmetic"/>')
    parts.append(f'<polyline points="{path(ys)}" class="measured"/>')
    for p in points:
        x = place_x(p["value"])
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{place_y(min(p["seconds"])):.1f}" y2="{place_y(max(p["seconds"])):.1f}" class="spread"/>'
                     f'<circle cx="{x:.1f}" cy="{place_y(p["median_s"]):.1f}" r="3.5" class="point"/>')
    return "\n".join(parts)


STYLE = """
text { font: 12px sans-serif; fill: #333 } .title { font-weight: 600; font-size: 14px; text-anchor: middle }
.x { text-anchor: middle } .y { text-anchor: end } .grid { stroke: #e4e4e4 } .spread { stroke: #4450d0; stroke-width: 1 }
.measured { fill: none; stroke: #4450d0; stroke-width: 2 } .point { fill: #4450d0 }
.arithmetic { fill: none; stroke: #999; stroke-dasharray: 5 4 } .note { fill: #666 }
"""


def picture(options, result, about):
    across = 2 if len(result) > 1 else 1
    down = math.ceil(len(result) / across)
    parts = [chart(name, points, i % across * WIDTH, i // across * HEIGHT) for i, (name, points) in enumerate(result.items())]
    notes = [f"{about}: medians, smallest and largest;", "dashed: what the arithmetic gives"]
    notes = notes if across == 1 else [" ".join(notes)]  # one chart is too narrow for the line
    width, height = across * WIDTH, down * HEIGHT + 12 + 18 * len(notes)
    parts += [f'<text x="{MARGIN}" y="{height - 12 - 18 * (len(notes) - 1 - i)}" class="note">{note}</text>'
              for i, note in enumerate(notes)]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
            f'<style>{STYLE}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n")


def table(result):
    lines = ["| | | a run, s: median (least to most) | times the first | peak, MiB |", "|---|---|---|---|---|"]
    for name, points in result.items():
        for i, p in enumerate(points):
            lines.append(f"| {name if i == 0 else ''} | {p['value']} | {p['median_s']:.3g} ({min(p['seconds']):.3g} to {max(p['seconds']):.3g}) | "
                         f"{p['median_s'] / points[0]['median_s']:.2f} | {p['peak_bytes'] / 2**20:.0f} |")
    return "\n".join(lines)


def write(path, text):
    part = path.with_suffix(path.suffix + ".part")
    part.write_text(text, encoding="utf-8")
    part.rename(path)


def main():
    options = parse()
    report = measure(options, options.charts[0], CHARTS[options.charts[0]][2][0])
    about = f"{report['model']}, {report['cpu']}"
    result = measure_all(options)
    options.out.mkdir(parents=True, exist_ok=True)
    write(options.out / "growth.json", json.dumps({"about": about, "points": result}, indent=1))
    write(options.out / "growth.svg", picture(options, result, about))
    print(table(result))
    print(f"\n{about}, {options.rounds} processes of {options.runs} runs by turns.\n{options.out / 'growth.svg'}")


if __name__ == "__main__":
    main()
