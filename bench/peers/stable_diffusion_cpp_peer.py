#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""stable-diffusion.cpp through its Python binding, with the float16 weights as they are in the file.

The library offers whole pictures only, so the times of the parts are taken from outside: a step is what lies between two
calls of its progress callback, the text and the decoding are what its log says (to 10 ms). Guidance is two passes, one
after the other, as it always does. Its sampler `euler` at DDIM's noise levels is DDIM, so the picture is nearly that of the
others.
"""
import os
import re
import sys
import time

import numpy
from PIL import Image
import stable_diffusion_cpp
import stable_diffusion_cpp.stable_diffusion_cpp as library

import common

VERSION = "0.4.7"


class Watch:
    """What the library says while it works: the moments at which steps ended, the seconds in its log."""

    def __init__(self):
        self.steps, self.text, self.decode, self.errors = [], [], [], []
        self.ready_s = None  # seconds of the process at the beginning of the first step
        self.on_step = lambda: None
        self.callback = library.sd_log_callback(self.log)  # the library keeps no reference
        library.sd_set_log_callback(self.callback, None)

    def log(self, level, text, data):
        line = text.decode("utf-8", "replace").strip()
        if level == 3:
            self.errors.append(line)
            print(line, file=sys.stderr)
        for word, seconds in (("get_learned_condition", self.text), ("decode_first_stage", self.decode)):
            if found := re.search(word + r" completed, taking ([\d.]+) ?(m?)s", line):
                seconds.append(float(found[1]) / (1000 if found[2] else 1))

    def progress(self, step, steps, seconds):
        if step == 0:  # said once, before the networks of the first step
            self.ready_s = common.seconds_of_process()
        else:
            self.steps.append(time.perf_counter())
            self.on_step()


def sigmas(steps):
    """DDIM's noise levels in the parametrisation x = x_0 + sigma * noise, with the one at which it ends."""
    product = common.alphas()[[*common.ddim_timesteps(steps), 0]]
    return ",".join(f"{sigma:.6f}" for sigma in ((1 - product) / product) ** 0.5)


def load(options):
    return stable_diffusion_cpp.StableDiffusion(
        model_path=str(options.weights / "sd15.safetensors"), control_net_path=str(options.weights / "control.safetensors"),
        n_threads=options.threads, rng_type="cpu", sampler_rng_type="cpu", vae_decode_only=True, verbose=True)


def make_picture(model, watch, size, steps):
    return model.generate_image(
        prompt=common.PROMPT, negative_prompt="", width=size, height=size, cfg_scale=common.CFG, sample_method="euler",
        sample_steps=steps, sigmas=sigmas(steps), seed=common.SEED, control_strength=1.0,
        control_image=Image.fromarray(common.control_map(size)), progress_callback=watch.progress)[0]


def finish(options, seconds, **more):
    """Prints the result and ends at once: the library cannot be told to leave out what would follow."""
    common.report(options, seconds, {"stable-diffusion.cpp (binding)": VERSION}, **more)
    os._exit(0)


def measure_startup(options, watch):
    watch.on_step = lambda: finish(options, [common.seconds_of_process()], ready_s=watch.ready_s,
                                   note="the map is encoded in the step")
    make_picture(load(options), watch, options.size, 2)


def measure_step(options, watch):
    """The first step, which encodes the map too, warms up."""
    def on_step():
        if len(watch.steps) > options.runs:
            finish(options, numpy.diff(watch.steps).tolist())
    watch.on_step = on_step
    make_picture(load(options), watch, options.size, options.runs + 2)


def measure_text(options, watch):
    model = load(options)
    for _ in range(options.runs + 1):
        make_picture(model, watch, 64, 1)
    finish(options, watch.text[1:], note="a prompt of three words; rounded to 10 ms")


def measure_vae(options, watch):
    model = load(options)
    for _ in range(options.runs):
        make_picture(model, watch, options.size, 1)
    finish(options, watch.decode, note="nothing warms up; the memory is that of a whole picture")


def measure_image(options, watch):
    model = load(options)
    begin = time.perf_counter()
    picture = make_picture(model, watch, options.size, options.steps)
    seconds = time.perf_counter() - begin
    if options.output:
        picture.save(options.output)
    finish(options, [seconds], total_s=common.seconds_of_process())


def main():
    options = common.parse(__doc__)
    # Its own messages go to the error stream, so that the last line of the output is the result.
    watch = Watch()
    globals()[f"measure_{options.what}"](options, watch)
    raise SystemExit(f"stable-diffusion.cpp ended without a result: {' '.join(watch.errors)}")


if __name__ == "__main__":
    main()
