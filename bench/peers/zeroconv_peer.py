#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""zeroconv, the program as it is built: `zeroconv bench` and `zeroconv generate` with the options that a user would give."""
import json
import subprocess
import time

import common

STARTUP_NOTE = ("the map is encoded before the step; on the CPU the denoising networks' weights stay in the mapped file until "
                "the step, which reads and converts each at its first use and packs small filters")


def words(options, *more):
    checkpoint = options.weights / "sd15.safetensors"
    command = [options.program, *more, "--model", checkpoint, "--controlnet", f"canny={checkpoint}", "--size",
               f"{options.size}x{options.size}", "--threads", options.threads, *options.extra.split()]
    if options.batch > 1:
        command += ["--batch", options.batch]
    return [str(word) for word in command]


def generate_words(options, steps, *more):
    return words(options, "generate", "--control", f"canny={options.weights}/map_{options.size}.png,map", "--prompt",
                 common.PROMPT, "--a-prompt", "", "--n-prompt", "", "--profile", "diffusers", "--sampler", "ddim", "--seed",
                 common.SEED, "--cfg", common.CFG, "--steps", steps, "-o",
                 options.output if options.what == "image" and options.output else options.weights / "zeroconv.png", *more)


def output_of(command):
    ran = subprocess.run(command, capture_output=True, text=True, cwd=common.ROOT)
    if ran.returncode:
        raise SystemExit(f"status {ran.returncode} of {' '.join(command)}\n{ran.stdout}{ran.stderr}")
    return ran.stdout


def knows(options, word):
    """Does `zeroconv bench` have this option or subject? Older builds lack some."""
    return word in output_of([str(options.program), "bench", "--help"])


def measure_bench(options):
    more = []
    if options.what == "step" and knows(options, "--inputs"):
        more = ["--inputs", options.weights / f"step_{options.size}.safetensors"]
        if options.output:
            more += ["--output", options.output.with_suffix(".safetensors")]
    result = json.loads(output_of(words(options, "bench", options.what, "--runs", options.runs, "--json", *more)))
    if options.output and more:
        import numpy
        import safetensors.numpy
        file = options.output.with_suffix(".safetensors")
        numpy.save(options.output, safetensors.numpy.load_file(file)["eps"])
        file.unlink()
    # Each of the runs where they are told, else what is known of them.
    seconds = result.get("seconds") or sorted({result[key] for key in ("min_s", "median_s", "max_s")})
    return seconds, {"peak": result["peak_bytes"]}


def measure_text(options):
    if knows(options, "text:"):
        return measure_bench(options)
    options.size = 64
    result = json.loads(output_of(generate_words(options, 1, "--json")))
    return [result["seconds"]["text"]], {"peak": result["peak_bytes"],
                                         "note": "the first text of a fresh process; others' second or later"}


def measure_startup(options):
    """Until the program says that the first step begins (models, text, map and hint are done then), and that it is done."""
    begin = time.perf_counter()
    child = subprocess.Popen(generate_words(options, 1), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                             cwd=common.ROOT)
    try:
        said, ready = "", None
        for line in child.stderr:
            said += line
            if line.startswith("sample 0/1"):
                ready = time.perf_counter() - begin
            if line.startswith("sample 1/1"):
                seconds = time.perf_counter() - begin
                with open(f"/proc/{child.pid}/status", encoding="utf-8") as file:
                    peak = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))
                return [seconds], {"peak": peak, "ready_s": ready, "note": STARTUP_NOTE}
        raise SystemExit(f"zeroconv ended before its first step:\n{said}")
    finally:
        child.kill()
        child.wait()


def measure_image(options):
    begin = time.perf_counter()
    result = json.loads(output_of(generate_words(options, options.steps, "--json")))
    total = time.perf_counter() - begin
    return [result["seconds"]["total"] - result["seconds"]["load"]], {"peak": result["peak_bytes"], "total_s": total}


def add_options(parser):
    parser.add_argument("--program", default=common.ROOT / "build/release/bin/zeroconv", metavar="FILE")
    parser.add_argument("--extra", default="", metavar="WORDS", help="more options for zeroconv")


def main():
    options = common.parse(__doc__, add_options)
    measure = {"text": measure_text, "startup": measure_startup, "image": measure_image}.get(options.what, measure_bench)
    seconds, more = measure(options)
    version = output_of([str(options.program), "--version"]).split()[-1]
    common.report(options, seconds, {"zeroconv": version}, **more)


if __name__ == "__main__":
    main()
