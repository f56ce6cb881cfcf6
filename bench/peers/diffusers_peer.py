#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""diffusers on the CPU in float32 or on a GPU in float16: eager, or through torch.compile with --compile.

--compile uses inductor, on a CPU with frozen weights, on a GPU with `max-autotune`: the fastest way there is. What it compiles
is compiled before the clock starts, except in `startup`. On a GPU weights and pictures are channels-last, and a run ends when
its result is on the host.
"""
import time

import common


def read_networks(options, *names):
    """Only those that are measured, so that the peak memory is theirs."""
    import diffusers
    import torch
    import transformers
    classes = {"unet": diffusers.UNet2DConditionModel, "controlnet": diffusers.ControlNetModel,
               "vae": diffusers.AutoencoderKL, "text_encoder": transformers.CLIPTextModel}
    folder = options.weights / "diffusers"
    networks = []
    for name in names:
        keyword = "dtype" if name == "text_encoder" else "torch_dtype"
        network = classes[name].from_pretrained(folder / name, **{keyword: data_type(options)}).eval().to(options.device)
        if options.device == "cuda" and name != "text_encoder":
            network = network.to(memory_format=torch.channels_last)
        networks.append(compiled(network, options) if options.compile and name != "vae" else network)
    return networks


def data_type(options):
    import torch
    return torch.float16 if options.device == "cuda" else torch.float32


def compiled(network, options):
    import torch
    return torch.compile(network, mode="max-autotune" if options.device == "cuda" else None)


def placed(array, options):
    import torch
    return torch.from_numpy(array).to(options.device, data_type(options))


def stepper(unet, control):
    """step(x, t, context, hint) -> guided noise: one denoising step with guidance as one batch of two."""
    import torch

    def step(x, t, context, hint):
        both, when, maps = torch.cat([x, x]), torch.tensor(t, device=x.device), torch.cat([hint, hint])
        down, middle = control(both, when, encoder_hidden_states=context, controlnet_cond=maps, return_dict=False)
        return common.guided(unet(both, when, encoder_hidden_states=context, down_block_additional_residuals=down,
                                  mid_block_additional_residual=middle, return_dict=False)[0])
    return step


def step_tensors(options):
    """Of a batch as of one picture, whose two contexts are each repeated for all."""
    inputs = {key: placed(value, options) for key, value in common.step_inputs(options.size).items()}
    return {key: value.repeat_interleave(options.batch, 0).contiguous() for key, value in inputs.items()}


def measure_step(options):
    step, inputs = stepper(*read_networks(options, "unet", "controlnet")), step_tensors(options)
    seconds, eps = common.timed(lambda: step(t=common.TIMESTEP, **inputs).float().cpu(), options.runs,
                                warm_up=3 if options.device == "cuda" else 1)
    return seconds, eps.numpy()


def measure_vae(options):
    vae, = read_networks(options, "vae")
    decode = compiled(vae.decode, options) if options.compile else vae.decode
    z = placed(common.vae_input(options.size), options)
    seconds, decoded = common.timed(lambda: decode(z, return_dict=False)[0].float().cpu(), options.runs)
    return seconds, decoded.numpy()


def measure_text(options):
    import torch
    encoder, = read_networks(options, "text_encoder")
    ids = torch.from_numpy(common.token_ids()).to(options.device)
    seconds, hidden = common.timed(lambda: encoder(ids)[0].float().cpu(), options.runs)
    return seconds, hidden.numpy()


def read_pipeline(options):
    import diffusers
    import torch
    pipe = diffusers.StableDiffusionControlNetPipeline.from_pretrained(
        options.weights / "diffusers", torch_dtype=data_type(options), safety_checker=None,
        requires_safety_checker=False).to(options.device)
    pipe.set_progress_bar_config(disable=True)
    if options.device == "cuda":
        for network in (pipe.unet, pipe.controlnet, pipe.vae):
            network.to(memory_format=torch.channels_last)
    if options.compile:
        pipe.unet, pipe.controlnet = compiled(pipe.unet, options), compiled(pipe.controlnet, options)
        pipe.text_encoder = compiled(pipe.text_encoder, options)
        pipe.vae.decode = compiled(pipe.vae.decode, options)
    return pipe


def make_picture(pipe, options, steps, on_step=None):
    import numpy
    from PIL import Image
    noise = placed(numpy.load(options.weights / f"noise_{options.size}.npy"), options)
    return pipe(prompt=common.PROMPT, negative_prompt="", image=Image.fromarray(common.control_map(options.size)),
                num_inference_steps=steps, guidance_scale=common.CFG, latents=noise, height=options.size,
                width=options.size, callback_on_step_end=on_step).images[0]


def note_calls(network, moments):
    """Adds to `moments` when each call of the network begins."""
    forward = network.forward

    def noted(*arguments, **named):
        moments.append(common.seconds_of_process())
        return forward(*arguments, **named)
    network.forward = noted


def measure_startup(options):
    """Everything that a user waits for: imports, weights, text, map, and then one step, which the ControlNet begins."""
    pipe = read_pipeline(options)
    begun, seconds = [], []
    note_calls(pipe.controlnet, begun)

    def on_step(pipe, step, t, tensors):
        seconds.append(common.seconds_of_process())
        pipe._interrupt = True
        return tensors
    make_picture(pipe, options, 2, on_step)
    note = "the map is encoded in the step"
    if options.compile:
        note += ", and UNet and ControlNet are compiled there (the text encoder before)"
    return seconds[:1], {"ready_s": begun[0], "note": note}


def measure_image(options):
    pipe = read_pipeline(options)
    waited = 0.0
    if options.compile:
        begin = time.perf_counter()
        make_picture(pipe, options, 1)
        waited = time.perf_counter() - begin
    seconds, picture = common.timed(lambda: make_picture(pipe, options, options.steps), 1, warm_up=0)
    if options.output:
        picture.save(options.output)
    note = f"of the whole process {waited:.0f} s are compiling and a first step" if options.compile else ""
    return seconds, {"total_s": common.seconds_of_process(), "note": note}


def add_options(parser):
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")


def main():
    options = common.parse(__doc__, add_options)
    import diffusers
    import torch
    torch.set_num_threads(options.threads)
    if options.compile and options.device == "cpu":
        import torch._inductor.config
        torch._inductor.config.freezing = True
    versions = {"diffusers": diffusers.__version__, "torch": torch.__version__}
    with torch.no_grad():
        seconds, result = globals()[f"measure_{options.what}"](options)
    if options.what in ("startup", "image"):
        common.report(options, seconds, versions, **result)
        return
    if options.output:
        import numpy
        numpy.save(options.output, result)
    common.report(options, seconds, versions)


if __name__ == "__main__":
    main()
