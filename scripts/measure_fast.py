#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What work that is left out, and few steps, cost a picture: the table of docs/fast.md.

Pictures of unseen scenes of toy world, with their canny maps and prompts, are made with each setting. Written are the time
of the sampling, the peak signal-to-noise ratio against the picture of the same seed with nothing left out (median, least), and
what `zeroconv evaluate` finds: how well edges, object colours and times of day are those that were asked for.
The Python environment is the benchmarks' (scripts/bench_env.py).
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import bench_env

ROOT = pathlib.Path(__file__).resolve().parents[1]
FIRST_SCENE = 7_000_000  # nothing was trained on these
USUAL = []
SETTINGS = [  # what it is called, options
    ("20 steps of DDIM", USUAL),
    ("`--fast`", ["--fast"]),
    ("`--skip.steps 0.5`", ["--skip.steps", "0.5"]),
    ("`--skip.steps 0.75`", ["--skip.steps", "0.75"]),
    ("`--skip.deep 0.5`", ["--skip.deep", "0.5"]),
    ("`--skip.deep 0.65`", ["--skip.deep", "0.65"]),
    ("`--skip.control 0.5`", ["--skip.control", "0.5"]),
    ("`--skip.guidance 0.3`", ["--skip.guidance", "0.3"]),
    ("`--skip.steps 0.6 --skip.guidance 0.2`", ["--skip.steps", "0.6", "--skip.guidance", "0.2"]),
    ("`--skip.tokens 0.5`", ["--skip.tokens", "0.5"]),
    ("`--precision int16`", ["--precision", "int16"]),
    ("`--precision int8`", ["--precision", "int8"]),
    ("8 steps of DDIM", ["--steps", "8"]),
    ("8 steps of DPM++ 2M", ["--steps", "8", "--sampler", "dpmpp_2m"]),
    ("8 steps of UniPC", ["--steps", "8", "--sampler", "unipc"]),
    ("8 steps of LCM", ["--steps", "8", "--sampler", "lcm"]),
    ("5 steps of DDIM", ["--steps", "5"]),
    ("5 steps of DPM++ 2M", ["--steps", "5", "--sampler", "dpmpp_2m"]),
    ("5 steps of UniPC", ["--steps", "5", "--sampler", "unipc"]),
    ("5 steps of LCM", ["--steps", "5", "--sampler", "lcm"]),
]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=16, help="for times and ratios (16)")
    parser.add_argument("--scenes", type=int, default=64, help="for edges, colours and times of day (64)")
    parser.add_argument("--only", default="", metavar="A,B", help="settings with one of these in their name, and the usual one")
    parser.add_argument("--program", default=ROOT / "build/release/bin/zeroconv", type=pathlib.Path)
    parser.add_argument("--out", default=ROOT / "build/bench", type=pathlib.Path, metavar="DIR")
    return parser.parse_args()


def answer(options, *arguments):
    done = subprocess.run([options.program, *map(str, arguments), "--json"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments))}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def scenes_of(options, folder):
    subprocess.run([options.program, "dataset", "toyworld", "--count", str(options.pictures), "--seed", str(FIRST_SCENE),
                    "--out", folder], check=True, capture_output=True)
    return [json.loads(line) for line in (folder / "prompt.json").read_text().splitlines()]


def psnr(first, second):
    import numpy
    from PIL import Image
    a, b = (numpy.asarray(Image.open(path).convert("RGB"), float) for path in (first, second))
    error = ((a - b) ** 2).mean()
    return 99.0 if error == 0 else 10 * float(numpy.log10(255 ** 2 / error))


def make_pictures(options, folder, scenes, settings):
    """Each picture in all settings by turns, so that all of them meet the machine in the same moods."""
    made = {name: {"seconds": [], "psnr": []} for name, _ in settings}
    for i, scene in enumerate(scenes):
        for number, (name, setting) in enumerate(settings):
            out = folder / f"{number}_{i}.png"
            report = answer(options, "generate", "--prompt", scene["prompt"], "--control",
                            f"canny={folder / scene['source']},map", "--seed", i, "--out", out, *setting)
            made[name]["seconds"].append(report["seconds"]["sample"])
            if number > 0:
                made[name]["psnr"].append(psnr(folder / f"0_{i}.png", out))
    return made


def agreement(options, setting):
    found = answer(options, "evaluate", "--control", "canny", "--count", options.scenes, *setting)
    edges, prompt = found["conditions"][0], found["prompt"]
    return {"edges": edges["value"], "edges_error": edges["error"]["value"],
            "colour": prompt["colour_right"], "time": prompt["time_right"], "baseline": edges["baseline"],
            "ceiling": edges["ceiling"]}


def row(name, m, usual):
    seconds, whole = statistics.median(m["seconds"]), statistics.median(usual["seconds"])
    ratio = f"{statistics.median(m['psnr']):.1f} ({min(m['psnr']):.1f})" if m["psnr"] else ""
    return [name, f"{seconds:.3f}", f"{whole / seconds:.2f}", ratio, f"{m['edges']:.3f} ± {m['edges_error']:.3f}",
            f"{100 * m['colour']:.0f} %", f"{100 * m['time']:.0f} %"]


def main():
    options = parse()
    if pathlib.Path(sys.executable) != bench_env.PYTHON:
        bench_env.prepare()
        os.execv(bench_env.PYTHON, [str(bench_env.PYTHON), *sys.argv])
    options.out.mkdir(parents=True, exist_ok=True)
    wanted = [setting for number, setting in enumerate(SETTINGS)
              if number == 0 or any(part in setting[0] for part in options.only.split(","))]
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary) / "scenes"
        scenes = scenes_of(options, folder)
        results = make_pictures(options, folder, scenes, wanted)
    for name, setting in wanted:
        results[name] |= agreement(options, setting)
        print(" | ".join(row(name, results[name], results[SETTINGS[0][0]])), flush=True)
    (options.out / "fast.json").write_text(json.dumps(results, indent=1))
    head = ["setting", "sampling, s", "times as fast", "PSNR, dB: median (least)", "edge F1", "object colours", "times of day"]
    usual = results[SETTINGS[0][0]]
    lines = [head, ["---"] * len(head)] + [row(name, m, usual) for name, m in results.items()]
    (options.out / "fast.md").write_text("\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n")
    print(f"{options.pictures} pictures, {options.scenes} scenes; edge F1 without control {usual['baseline']:.3f}, "
          f"of the scenes themselves {usual['ceiling']:.3f}; {options.out / 'fast.md'}")


if __name__ == "__main__":
    main()
