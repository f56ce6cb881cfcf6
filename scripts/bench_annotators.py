#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the annotators with controlnet_aux, the Python package: same synthetic weights, picture and number of threads.

Both programs run by turns, each in a fresh process for each round; reading the weights and one run that warms up are not
in the times. Prints a Markdown table. The maps are compared as well: they show that both did the same work.
The Python environment (0.6 GB) and the weights (1.3 GB for the default kinds) are made on first use, in .deps/venv-bench
and out/bench-annotators.

With synthetic weights OpenPose sees joints all over the picture and puts hundreds of them together, which real pictures
do not ask for. `openpose_nobody` has the same weights but for one bias, so that it looks everywhere and finds nobody.
"""
import argparse
import json
import os
import pathlib
import statistics
import sys

import bench_env as env
from bench_env import output_of

FOLDER = env.ROOT / "out/bench-annotators"
AUX = env.ROOT / "scripts/bench_annotators_aux.py"

# Row of the table -> key table of its weights: all that controlnet_aux has too.
TABLES = {"hed": "ControlNetHED", "mlsd": "mlsd_large_512_fp32", "openpose": "body_pose_model",
          "openpose_nobody": "body_pose_model", "depth": "dpt_hybrid-midas-501f0c75", "normalbae": "scannet",
          "lineart": "sk_model", "lineart_anime": "netG", "pidinet": "table5_pidinet", "teed": "teed_7_model",
          "depth_zoe": "ZoeD_M12_N"}
DEFAULT_KINDS = ["hed", "mlsd", "openpose", "openpose_nobody", "depth", "normalbae", "lineart"]
# What is not the default of both sides: controlnet_aux draws people as the web UI does.
PARAMETERS = {"openpose": [("rules", "webui")]}


def annotator(kind):
    return kind.removesuffix("_nobody")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", default=",".join(DEFAULT_KINDS), help="annotators, with commas between them, or all")
    parser.add_argument("--size", default="512x512", metavar="WIDTHxHEIGHT", help="multiples of 64 (512x512)")
    parser.add_argument("--image", default=env.ROOT / "tests/parity/data/annotators/images/astronaut.png", metavar="FILE",
                        type=pathlib.Path, help="photograph, scaled to the size (the parity data's astronaut.png)")
    parser.add_argument("--rounds", type=int, default=5, help="fresh processes of each side (5)")
    parser.add_argument("--runs", type=int, default=3, help="timed runs in each process (3)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: one for each core")
    parser.add_argument("--programs", default=env.ROOT / "build/release/bin", metavar="DIR", type=pathlib.Path,
                        help="folder with zeroconv and synthetic_annotators (build/release/bin)")
    parser.add_argument("--json", metavar="FILE", help="write all results there too")
    options = parser.parse_args()
    options.kinds = list(TABLES) if options.kind == "all" else options.kind.split(",")
    for kind in options.kinds:
        if kind not in TABLES:
            parser.error(f"controlnet_aux is not measured for {kind}; there are {', '.join(TABLES)}")
    width, cross, height = options.size.partition("x")
    if not cross or not (width + height).isdecimal() or int(width) % 64 or int(height) % 64 or "0" in (width, height):
        parser.error(f"--size is {options.size}, wanted WIDTHxHEIGHT in multiples of 64, so that neither side scales")
    options.size = (int(width), int(height))
    for program in ("zeroconv", "synthetic_annotators"):
        if not (options.programs / program).is_file():
            parser.error(f"{program} is not in {options.programs}; `scripts/build.sh release zeroconv synthetic_annotators`"
                         " builds it")
    return options


def make_weights(options, kind):
    """The folder with the files of that kind, as published: both sides read these."""
    weights = FOLDER / ("weights-nobody" if kind == "openpose_nobody" else "weights")
    raw = FOLDER / "safetensors"
    weights.mkdir(parents=True, exist_ok=True)
    done = weights / f"{TABLES[kind]}.complete"  # several kinds may share it
    if not done.exists():
        print(f"==> writing synthetic weights for {kind}", file=sys.stderr)
        files = output_of([options.programs / "synthetic_annotators", raw, TABLES[kind]]).split()
        names = [pathlib.Path(file).name for file in files]
        output_of([env.PYTHON, AUX, "convert", raw, weights, kind, *names], options.threads)
        for name in names:
            (raw / name).unlink()
        done.touch()
    return weights


def make_picture(options):
    import cv2
    picture = FOLDER / "picture.png"
    FOLDER.mkdir(parents=True, exist_ok=True)
    photo = cv2.imread(str(options.image))
    if photo is None:
        sys.exit(f"bench_annotators.py: {options.image} cannot be read as a picture")
    if (photo.shape[1], photo.shape[0]) != options.size:
        photo = cv2.resize(photo, options.size, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(picture), photo)
    return picture


def measure_ours(options, kind, weights, picture):
    command = [options.programs / "zeroconv", "bench", "annotators", "--kind", annotator(kind), "--image", picture,
               "--weights", weights, "--runs", options.runs, "--threads", options.threads, "--json"]
    for name, value in PARAMETERS.get(annotator(kind), []):
        command += ["--parameter", f"{name}={value}"]
    report = json.loads(output_of(command))
    return {**report["annotators"][0], "cpu": report["cpu"]}


def measure_theirs(options, kind, weights, picture):
    command = [env.PYTHON, AUX, "measure", annotator(kind), weights, picture, FOLDER / f"{kind}.theirs.png",
               options.runs, options.threads]
    lines = output_of(command, options.threads)
    return json.loads(lines.splitlines()[-1])  # the package prints remarks of its own


def compare_maps(options, kind, weights, picture):
    import cv2
    import numpy
    ours = FOLDER / f"{kind}.ours.png"
    command = [options.programs / "zeroconv", "annotate", annotator(kind), picture, ours, "--resolution", 0,
               "--weights", weights]
    for name, value in PARAMETERS.get(annotator(kind), []):
        command += [f"--{name}", value]
    output_of(command)
    a, b = (cv2.imread(str(file)).astype(numpy.int16) for file in (ours, FOLDER / f"{kind}.theirs.png"))
    if a.shape != b.shape:
        sys.exit(f"bench_annotators.py: the {kind} maps are {a.shape} and {b.shape}")
    difference = numpy.abs(a - b)
    return {"mean": float(difference.mean()), "largest": int(difference.max()),
            "pixels_that_differ": float((difference.max(axis=2) > 0).mean()), "mean_of_map": float(b.mean())}


def summary(rounds):
    return {"median_s": statistics.median(r["median_s"] for r in rounds), "min_s": min(r["min_s"] for r in rounds),
            "max_s": max(r["max_s"] for r in rounds), "load_s": statistics.median(r["load_s"] for r in rounds),
            "peak_bytes": max(r["peak_bytes"] for r in rounds)}


def measure(options, kind, picture):
    weights = make_weights(options, kind)
    sides = {"ours": measure_ours, "theirs": measure_theirs}
    rounds = {side: [] for side in sides}
    for number in range(options.rounds):
        print(f"{kind}: round {number + 1} of {options.rounds}", file=sys.stderr)
        # Each goes first in every other round, so that a machine that warms up favours neither.
        for side in sorted(sides, reverse=number % 2 == 1):
            rounds[side].append(sides[side](options, kind, weights, picture))
    result = {"kind": kind, **{side: summary(rounds[side]) for side in sides}}
    result["theirs_by_ours"] = result["theirs"]["median_s"] / result["ours"]["median_s"]
    result["difference"] = compare_maps(options, kind, weights, picture)
    return result, {"cpu": rounds["ours"][0]["cpu"], **rounds["theirs"][0]["versions"],
                    "peak_bytes_after_import": rounds["theirs"][0]["peak_bytes_after_import"]}


def print_table(report):
    def time(side):
        return f"{side['median_s']:.3f} ({side['min_s']:.3f} to {side['max_s']:.3f})"

    def mib(side):
        return f"{side['peak_bytes'] / 2**20:.0f}"

    print("| kind | zeroconv, s | controlnet_aux, s | theirs / ours | memory, MiB | theirs, MiB | "
          "maps differ: mean, most |")
    print("|---|---|---|---|---|---|---|")
    for r in report["annotators"]:
        print(f"| {r['kind']} | {time(r['ours'])} | {time(r['theirs'])} | {r['theirs_by_ours']:.2f} | {mib(r['ours'])} | "
              f"{mib(r['theirs'])} | {r['difference']['mean']:.4f}, {r['difference']['largest']} |")
    about = report["about"]
    print(f"\n{report['width']}x{report['height']}, {report['threads']} threads, {report['rounds']} rounds of "
          f"{report['runs']} runs by turns; {about['cpu']}; controlnet_aux {about['controlnet_aux']}, "
          f"torch {about['torch']}, OpenCV {about['cv2']}. After its imports alone the Python process has taken "
          f"{about['peak_bytes_after_import'] / 2**20:.0f} MiB.")


def main():
    options = parse()
    env.prepare()
    if pathlib.Path(sys.prefix) != env.VENV:  # NumPy and OpenCV are there
        os.execv(env.PYTHON, [str(env.PYTHON), *sys.argv])
    picture = make_picture(options)
    report = {"width": options.size[0], "height": options.size[1], "threads": options.threads, "rounds": options.rounds,
              "runs": options.runs, "annotators": []}
    for kind in options.kinds:
        result, report["about"] = measure(options, kind, picture)
        report["annotators"].append(result)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(report, indent=2) + "\n")
    print_table(report)


if __name__ == "__main__":
    main()
