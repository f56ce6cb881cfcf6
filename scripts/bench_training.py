#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares one optimizer step of a ControlNet for SD1.5 with diffusers' training recipe (train_controlnet.py): same
made-up weights, latents, noise, time steps, maps and texts, same machine, same number of threads.

Both programs run by turns, each in a fresh process for each round; reading the weights and one step that warms up are not
in the times. Prints a Markdown table, the losses of both beside each other, and how far they are apart.
The Python environment and the weights (6 GB) are made on first use, in .deps/venv-bench and out/bench-training.
"""
import argparse
import json
import os
import pathlib
import statistics
import sys

import bench_env as env
from bench_env import output_of

FOLDER = env.ROOT / "out/bench-training"
PEER = env.ROOT / "scripts/bench_training_peer.py"
# Rows of the table: options of `zeroconv bench train`. The weights are float16 values, as most published files hold them, so
# a base that stays in float16 and is converted at each use gives the numbers of one in float32.
OURS = {"zeroconv": [],
        "zeroconv, base kept in fp16": ["--base-precision", "fp16"],
        "zeroconv, base kept in fp16, checkpointing": ["--base-precision", "fp16", "--gradient-checkpointing"],
        "zeroconv, base kept in fp16, checkpointing, 8-bit AdamW": ["--base-precision", "fp16", "--gradient-checkpointing",
                                                                    "--optimizer", "adamw8bit"]}


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512, help="side of the pictures (512)")
    parser.add_argument("--batch", type=int, default=1, help="pictures in a step (1)")
    parser.add_argument("--rounds", type=int, default=2, help="fresh processes of each side (2)")
    parser.add_argument("--runs", type=int, default=3, help="timed steps in each process (3)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: one for each core")
    parser.add_argument("--rows", default=",".join(str(i) for i in range(len(OURS))), help="which of our rows, as 0,2")
    parser.add_argument("--programs", default=env.ROOT / "build/release/bin", metavar="DIR", type=pathlib.Path,
                        help="folder with zeroconv and synthetic_checkpoint (build/release/bin)")
    parser.add_argument("--json", metavar="FILE", help="write all results there too")
    options = parser.parse_args()
    for program in ("zeroconv", "synthetic_checkpoint"):
        if not (options.programs / program).is_file():
            parser.error(f"{program} is not in {options.programs}; `scripts/build.sh release zeroconv synthetic_checkpoint`"
                         " builds it")
    return options


def make_weights(options):
    """A checkpoint with a ControlNet for us, the same as a diffusers folder for the peer."""
    checkpoint, folder = FOLDER / "sd15.safetensors", FOLDER / "diffusers"
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not checkpoint.exists():
        print("==> writing a checkpoint with made-up weights", file=sys.stderr)
        part = FOLDER / "part.safetensors"
        output_of([options.programs / "synthetic_checkpoint", part])
        part.rename(checkpoint)
    if not (folder / "complete").exists():
        print("==> converting it for diffusers", file=sys.stderr)
        output_of([options.programs / "zeroconv", "convert", checkpoint, folder, "--to", "diffusers"])
        (folder / "complete").touch()
    return checkpoint, folder


def make_inputs(options):
    import numpy
    import safetensors.numpy
    steps, batch, side = options.runs + 1, options.batch, options.size // 8
    random = numpy.random.default_rng(1)

    def normal(*shape):
        return random.standard_normal((steps, batch, *shape), dtype=numpy.float32)
    file = FOLDER / "inputs.safetensors"
    safetensors.numpy.save_file({
        "z0": normal(4, side, side), "noise": normal(4, side, side), "context": normal(77, 768),
        "t": random.integers(0, 1000, (steps, batch)),
        "hint": random.random((steps, batch, 3, options.size, options.size), dtype=numpy.float32)}, file)
    return file


def measure_ours(options, row, checkpoint, inputs):
    command = [options.programs / "zeroconv", "bench", "train", "--model", checkpoint, "--control", checkpoint,
               "--inputs", inputs, "--size", options.size, "--batch", options.batch, "--runs", options.runs,
               "--threads", options.threads, "--json", *OURS[row]]
    return json.loads(output_of(command))


def measure_theirs(options, folder, inputs):
    return json.loads(output_of([env.PYTHON, PEER, folder, inputs, options.runs, options.threads],
                                options.threads).splitlines()[-1])


def summary(rounds):
    keys = ("median_s", "forward_s", "backward_s", "update_s")
    return {**{key: statistics.median(r[key] for r in rounds) for key in keys},
            "min_s": min(r["min_s"] for r in rounds), "max_s": max(r["max_s"] for r in rounds),
            "peak_bytes": max(r["peak_bytes"] for r in rounds), "losses": rounds[0]["losses"]}


def print_table(theirs, ours, about):
    print("| | a step, s | forward | backward | update | diffusers / ours | peak, GiB | of diffusers' |")
    print("|---|---|---|---|---|---|---|---|")
    for name, r in {f"diffusers {about['diffusers']}": theirs, **ours}.items():
        print(f"| {name} | {r['median_s']:.2f} ({r['min_s']:.2f} to {r['max_s']:.2f}) | {r['forward_s']:.2f} | "
              f"{r['backward_s']:.2f} | {r['update_s']:.2f} | {theirs['median_s'] / r['median_s']:.2f} | "
              f"{r['peak_bytes'] / 2**30:.2f} | {100 * r['peak_bytes'] / theirs['peak_bytes']:.0f} % |")
    print()
    for name, r in ours.items():
        apart = max(abs(a - b) / abs(b) for a, b in zip(r["losses"], theirs["losses"]))
        print(f"{name}: losses {', '.join(f'{x:.7f}' for x in r['losses'])}; at most {apart:.1e} from diffusers'")


def main():
    options = parse()
    env.prepare()
    if pathlib.Path(sys.prefix) != env.VENV:  # NumPy and safetensors are there
        os.execv(env.PYTHON, [str(env.PYTHON), *sys.argv])
    checkpoint, folder = make_weights(options)
    inputs = make_inputs(options)
    rows = [list(OURS)[int(i)] for i in options.rows.split(",")]
    theirs, ours = [], {row: [] for row in rows}
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        theirs.append(measure_theirs(options, folder, inputs))
        for row in rows:
            ours[row].append(measure_ours(options, row, checkpoint, inputs))
    about = {"diffusers": theirs[0]["versions"]["diffusers"], "torch": theirs[0]["versions"]["torch"],
             "cpu": ours[rows[0]][0]["cpu"]}
    theirs, ours = summary(theirs), {row: summary(r) for row, r in ours.items()}
    print_table(theirs, ours, about)
    print(f"\nSD1.5, {options.size}x{options.size}, batch {options.batch}, {options.threads} threads, {options.rounds} rounds "
          f"of {options.runs} steps by turns; {about['cpu']}; torch {about['torch']}.")
    if options.json:
        report = {"about": about, "theirs": theirs, "ours": ours}
        pathlib.Path(options.json).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
