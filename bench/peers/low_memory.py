#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pictures within limits of a GPU's memory, where weights that do not fit pass through it.

The aim: a step takes little longer than the larger of its computation alone (that of the largest limit, which should hold all
weights) and of its copies alone (the bytes that pass through in a step, at the rate that pinned memory is copied with).
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("limits", nargs="+", metavar="LIMIT", help="as 2GiB, the largest last")
    parser.add_argument("--program", default=ROOT / "build/release/bin/zeroconv", metavar="FILE")
    parser.add_argument("--weights", required=True, type=pathlib.Path, help="folder that install.py made")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="where all runs are kept")
    return parser.parse_args()


def make_picture(options, limit):
    model = str(options.weights / "sd15.safetensors")
    words = [str(options.program), "generate", "--model", model, "--controlnet", f"canny={model}", "--control",
             f"canny={options.weights / f'map_{options.size}.png'},map", "--prompt", "a house", "--seed", "1", "--size",
             f"{options.size}x{options.size}", "--steps", str(options.steps), "--device", options.device, "--memory", limit,
             "-o", str(options.weights / "low_memory.png"), "--json"]
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def copied_bytes_a_second(device):
    """Of pinned memory to the device, as weights are copied: 32 MiB at a time."""
    import torch
    if device == "cpu":
        return float("inf")
    host = torch.empty(32 << 20, dtype=torch.uint8).pin_memory()
    there = torch.empty_like(host, device=device)
    rates = []
    for _ in range(5):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(20):
            there.copy_(host, non_blocking=True)
        torch.cuda.synchronize()
        rates.append(20 * host.numel() / (time.perf_counter() - begin))
    return statistics.median(rates)


def row_of(limit, runs, options, computing, rate):
    weights = runs[0]["memory_plan"]["weights"]
    passing = weights["all"] - weights["kept"]
    seconds = [run["seconds"]["sample"] / options.steps for run in runs]
    step, copying = statistics.median(seconds), passing / rate
    peak = max(run["device_peak_bytes"] for run in runs)
    return (f"| {limit} | {1e3 * step:.1f} ({1e3 * min(seconds):.1f} to {1e3 * max(seconds):.1f}) | {passing / 2**20:.0f} | "
            f"{1e3 * copying:.1f} | {step / max(computing, copying):.2f} | {peak / 2**20:.0f} |")


def main():
    options = parse()
    runs = {limit: [] for limit in options.limits}
    for _ in range(options.rounds):
        for limit in options.limits:
            runs[limit].append(make_picture(options, limit))
    if options.json:
        options.json.write_text(json.dumps(runs, indent=1), encoding="utf-8")
    rate = copied_bytes_a_second(options.device)
    largest = runs[options.limits[-1]]
    computing = statistics.median(run["seconds"]["sample"] / options.steps for run in largest)
    print(f"Pinned memory is copied at {rate / 1e9:.1f} GB/s.\n")
    print("| limit | a step, ms: median (least to most) | weights that pass, MiB | copies alone, ms | of the larger of both | "
          "peak of the allocator, MiB |\n|---|---|---|---|---|---|")
    for limit in options.limits:
        print(row_of(limit, runs[limit], options, computing, rate))


if __name__ == "__main__":
    main()
