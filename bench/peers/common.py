# SPDX-License-Identifier: Apache-2.0
"""What the peers share: their command line, the inputs that all of them get, timing and peak memory.

Each peer is a program `X_peer.py --weights DIR --what step|vae|text|startup|image --runs N --json` that prints one line of
JSON at the end:
    seconds     the timed runs; those that warm up are left out. startup: from the start of the process to the end of its
                first step
    ready_s     startup: from the start of the process to where the networks of its first step begin
    total_s     image: from the start of the process to the finished picture
    peak_bytes  the largest resident memory of the process (VmHWM)
    versions    of the libraries that computed
    note        what a reader of the figures must know, or nothing
"""
import argparse
import json
import os
import pathlib
import time

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
WHAT = ("step", "vae", "text", "startup", "image")
PROMPT = "a house"
CFG = 9.0
SEED = 1
TIMESTEP = 501
VAE_SCALE = 0.18215


def parse(description, extra=None):
    """The options of a peer; `extra` adds its own to the parser. The thread counts of numpy's and torch's libraries are
    set by the driver's environment; peers that have a switch of their own use `threads`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--weights", required=True, type=pathlib.Path, help="folder that install.py made")
    parser.add_argument("--what", required=True, choices=WHAT)
    parser.add_argument("--runs", type=int, default=3, help="timed runs in this process (3); image and startup have one")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: one for each core")
    parser.add_argument("--size", type=int, default=512, help="side of the picture (512)")
    parser.add_argument("--steps", type=int, default=20, help="denoising steps of image (20)")
    parser.add_argument("--batch", type=int, default=1, help="pictures of step at once (1)")
    parser.add_argument("--json", action="store_true", help="print JSON; otherwise a line for people")
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE",
                        help="where to write what was computed: step as .npy [1,4,H,W], image as .png")
    if extra:
        extra(parser)
    return parser.parse_args()


def step_inputs(size):
    """x [1,4,H,W], context [2,77,768] (negative prompt first), hint [1,3,8H,8W] in 0 to 1: made-up, the same every time."""
    random = numpy.random.default_rng(1)
    x = random.standard_normal((1, 4, size // 8, size // 8), dtype=numpy.float32)
    context = random.standard_normal((2, 77, 768), dtype=numpy.float32)
    hint = control_map(size).transpose(2, 0, 1)[None].astype(numpy.float32) / 255
    return {"x": x, "context": context, "hint": numpy.ascontiguousarray(hint)}


def vae_input(size):
    """A latent [1,4,H,W] as the decoder takes it: of unit variance, the scale of the noise divided out."""
    return numpy.random.default_rng(2).standard_normal((1, 4, size // 8, size // 8), dtype=numpy.float32)


def token_ids():
    """[2,77]: the empty prompt and one of 75 made-up words, in CLIP's numbers."""
    ids = numpy.full((2, 77), 49407, numpy.int64)
    ids[:, 0] = 49406
    ids[1, 1:76] = numpy.random.default_rng(3).integers(300, 49000, 75)
    return ids


def control_map(size):
    """White lines on black [H,W,3], as the map of an edge detector."""
    y, x = numpy.mgrid[:size, :size]
    lines = (x % 32 == 0) | ((x + y) % 48 == 0)
    return numpy.repeat((lines * 255).astype(numpy.uint8)[..., None], 3, axis=2)


def guided(eps):
    """[2,4,H,W] -> [1,4,H,W] by classifier-free guidance; works on arrays and tensors alike."""
    return eps[:1] + CFG * (eps[1:] - eps[:1])


def alphas():
    """The products of 1 - beta of SD1.5, [1000] in float64."""
    return numpy.cumprod(1 - numpy.linspace(0.00085 ** 0.5, 0.012 ** 0.5, 1000) ** 2)


def ddim_timesteps(steps):
    """From noise to picture, as the original and diffusers (spacing `leading`, offset 1) choose them."""
    return (numpy.arange(steps) * (1000 // steps) + 1)[::-1]


def ddim(x, predict, steps):
    """DDIM without added noise (arXiv 2010.02502, equation 12): x [1,4,H,W], predict(x, t) -> guided noise like x."""
    product = alphas()
    for t in ddim_timesteps(steps):
        before = t - 1000 // steps
        a, a_next = product[t], product[before] if before >= 0 else product[0]
        eps = predict(x.astype(numpy.float32), int(t))
        x = a_next ** 0.5 * (x - (1 - a) ** 0.5 * eps) / a ** 0.5 + (1 - a_next) ** 0.5 * eps
    return x.astype(numpy.float32)


def save_picture(file, decoded):
    """decoded [1,3,H,W] in -1 to 1."""
    from PIL import Image
    pixels = numpy.clip((decoded[0].transpose(1, 2, 0) + 1) * 127.5, 0, 255).round().astype(numpy.uint8)
    Image.fromarray(pixels).save(file)


def timed(work, runs, warm_up=1):
    """(seconds of each run, what the last one gave)"""
    for _ in range(warm_up):
        work()
    seconds = []
    for _ in range(runs):
        begin = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - begin)
    return seconds, result


def seconds_of_process():
    """Since this process was started, the interpreter's own start included (to 10 ms)."""
    with open("/proc/self/stat", encoding="utf-8") as file:
        ticks = int(file.read().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def peak_bytes():
    with open("/proc/self/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


def report(options, seconds, versions, *, peak=None, note="", **more):
    """Prints the result; peak: of the process that computed, if it was another one; more: ready_s, total_s (None: not known)."""
    more = {key: value for key, value in more.items() if value is not None}
    what = options.what if options.batch == 1 else f"{options.what} of {options.batch} pictures"
    result = {"what": what, "seconds": seconds, "peak_bytes": peak or peak_bytes(), "versions": versions,
              "note": note, **more}
    if options.json:
        print(json.dumps(result), flush=True)
    else:
        others = "".join(f"; {key} {value:.3f}" for key, value in more.items())
        print(f"{options.what}: {', '.join(f'{s:.3f}' for s in seconds)} s{others}; peak "
              f"{result['peak_bytes'] / 2**30:.2f} GiB; {versions} {note}", flush=True)
