#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints what scripts/quality_gates.sh measured as Markdown tables.

Usage: scripts/quality_gates_table.py OUT SEED...
OUT/seed_N holds a run and its evaluation.json, or a run that failed. The status is 0 only when every run follows its control and
their means do.
"""
import json
import pathlib
import statistics
import sys

ROWS = [("without", "no control"), ("shuffled", "another ring"), ("control", "its own ring"), ("ceiling", "ceiling")]
CLAIM = 3.0  # standard deviations over the runs


def json_of(path):
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def lines_of(path):
    """The objects of a file of JSON lines; what a crash cut short is left out."""
    try:
        text = path.read_text()
    except OSError:
        return []
    objects = []
    for line in text.splitlines():
        try:
            objects.append(json.loads(line))
        except ValueError:
            pass
    return objects


def table(head, rows):
    lines = [head, ["---"] * len(head)] + rows
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value, decimals):
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text


def mean_and_range(values, decimals=3, unit=""):
    mean = number(statistics.fmean(values), decimals) + unit
    low, high = number(min(values), decimals), number(max(values), decimals)
    return mean if low == high else f"{mean} ({low} to {high})"


class Run:
    def __init__(self, folder, seed):
        self.seed = seed
        self.circles = (json_of(folder / "evaluation.json") or {}).get("circles")
        self.status = None
        if self.circles is None:
            status = folder / "status"
            self.status = status.read_text().strip() if status.is_file() else "unfinished"
        self.facts = json_of(folder / "run.json") or {}
        self.log = [line for line in lines_of(folder / "log.jsonl") if "step" in line]

    def metric(self, name):
        return next(m for m in self.circles["metrics"] if m["name"] == name)

    def minutes(self):
        """Of its steps alone, without measurements and encoding; None when the log does not say."""
        seconds, last = 0.0, 0
        for line in self.log:
            if line.get("seconds_per_step") is None or line["step"] <= last:
                continue
            seconds += line["seconds_per_step"] * (line["step"] - last)
            last = line["step"]
        return seconds / 60 if last else None

    def row(self):
        step = str(self.log[-1]["step"]) if self.log else "0"
        minutes = self.minutes()
        common = [self.seed, step, "-" if minutes is None else number(minutes, 1), str(self.facts.get("converged_step") or "-")]
        if self.circles is None:
            return common + ["-"] * 3 + [f"training failed ({self.status})"]
        iou = self.metric("iou")
        return common + [number(iou["control"], 3), number(100 * iou["share"], 0) + " %",
                         f"{number(iou['gain'], 3)} ± {number(iou['error']['gain'], 3)}",
                         "follows" if self.circles["follows"] else "does not follow"]


def metric_row(runs, name):
    metrics = [run.metric(name) for run in runs]
    decimals = 3 if metrics[0]["more_is_better"] else 1
    cells = [mean_and_range([m[key] for m in metrics], decimals) for key, _ in ROWS]
    share = mean_and_range([100 * m["share"] for m in metrics], 0, " %")
    return [metrics[0]["metric"]] + cells + [share, mean_and_range([m["gain"] for m in metrics], decimals)]


def swapped_rows(runs):
    def values(name):
        return [100 * run.circles["swapped_prompt"][name] for run in runs]

    rows = [[label, mean_and_range(values(name), 0, " %")]
            for name, label in [("as_said", "colours are what the other prompt says"),
                                ("as_own", "colours are what the ring's own prompt says (chance)"),
                                ("iou", "disc IoU, in the colours that the prompt names"),
                                ("shape_iou", "disc IoU, whatever the colours")]]
    uses = sum(run.circles["swapped_prompt"]["uses_prompt"] for run in runs)
    return rows + [["runs that use the prompt (3 errors)", f"{uses} of {len(runs)}"]]


def means_follow(runs):
    """Whether the runs' gain over another ring is more than three deviations over the runs."""
    gains = [run.metric("iou")["gain"] for run in runs]
    return len(gains) > 1 and statistics.fmean(gains) > CLAIM * statistics.stdev(gains)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[1])
    runs = [Run(out / f"seed_{seed}", seed) for seed in sys.argv[2:]]
    measured = [run for run in runs if run.circles is not None]
    asked = out / "asked.txt"
    print(f"{len(runs)} runs: {asked.read_text().strip() if asked.is_file() else out}\n")
    print(table(["seed", "steps", "minutes of steps", "follows since step (held-out pairs)", "disc IoU", "share", "over another ring",
                 "verdict (3 errors)"], [run.row() for run in runs]))
    if not measured:
        return 1
    circles = measured[0].circles
    print(f"\nMean (range) over the {len(measured)} runs that could be measured, on {circles['scenes']} unseen circles of "
          f"{circles['size']}x{circles['size']} pixels:\n")
    print(table(["measure"] + [label for _, label in ROWS] + ["share", "over another ring"],
                [metric_row(measured, m["name"]) for m in circles["metrics"]]))
    print("\nEach ring with the prompt of another scene:\n")
    print(table(["measure", "mean (range)"], swapped_rows(measured)))
    follows = len(measured) == len(runs) and all(run.circles["follows"] for run in runs) and means_follow(measured)
    print(f"\n{'All runs follow' if follows else 'Not all runs follow'} the control: its own ring over another one by more than three "
          "standard errors in every run, and by more than three standard deviations over the runs.")
    return 0 if follows else 1


if __name__ == "__main__":
    sys.exit(main())
