#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""OpenVINO's CPU plug-in, with the networks that openvino_convert.py made of diffusers' modules.

It is told to compute in float32: left to itself it takes bfloat16 where the processor has it (--own-precision).
For `startup` the compiled networks are kept in a folder beside the weights, as OpenVINO recommends; elsewhere they are not,
since reading them back takes more memory than compiling. The loop around the networks is plain NumPy, lighter than any
pipeline.
"""
import numpy
import openvino

import common

NOTES = {"startup": ["compiled networks are read back from where they are kept; the map is encoded in the step"],
         "image": ["compiles its networks anew; kept ones, as in start-up, begin sooner and take more memory"]}


def reader(options):
    """read(name, {input: shape}) -> the network compiled for shapes that do not change, its fastest form."""
    core = openvino.Core()
    if options.what == "startup":
        core.set_property({"CACHE_DIR": str(options.weights / "openvino/cache")})
    hints = {"INFERENCE_NUM_THREADS": options.threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    if not options.own_precision:
        hints["INFERENCE_PRECISION_HINT"] = "f32"

    def read(name, shapes):
        network = core.read_model(options.weights / f"openvino/{name}.xml")
        network.reshape(shapes)
        return core.compile_model(network, "CPU", hints).create_infer_request()
    return read


def read_text_encoder(read):
    encoder = read("text_encoder", {"input_ids": [2, 77]})
    return lambda ids: encoder.infer({"input_ids": ids})[0].copy()


def read_step(read, size):
    """step(x, t, context, hint) -> guided noise; the residuals go from one network to the other without a copy."""
    side = size // 8
    control = read("controlnet", {"x": [2, 4, side, side], "t": [], "context": [2, 77, 768], "hint": [2, 3, size, size]})
    shapes = {"x": [2, 4, side, side], "t": [], "context": [2, 77, 768]}
    outputs = control.get_compiled_model().outputs
    shapes.update({f"residual_{i}": list(output.shape) for i, output in enumerate(outputs)})
    unet = read("unet", shapes)
    for i in range(len(outputs)):
        unet.set_tensor(f"residual_{i}", control.get_output_tensor(i))

    def step(x, t, context, hint):
        inputs = {"x": numpy.concatenate([x, x]), "t": numpy.array(t, numpy.int64), "context": context}
        control.infer({**inputs, "hint": numpy.concatenate([hint, hint])})
        return common.guided(unet.infer(inputs)[0])
    return step


def read_decoder(read, size):
    decoder = read("vae_decoder", {"z": [1, 4, size // 8, size // 8]})
    return lambda z: decoder.infer({"z": z})[0].copy()


def prompt_ids(options):
    """The prompt's tokens, as install.py wrote them: [2,77], the empty prompt first."""
    return numpy.load(options.weights / "prompt_ids.npy")


def measure_startup(options):
    read = reader(options)
    context = read_text_encoder(read)(prompt_ids(options))
    step, inputs = read_step(read, options.size), common.step_inputs(options.size)
    ready = common.seconds_of_process()
    step(inputs["x"], common.TIMESTEP, context, inputs["hint"])
    return [common.seconds_of_process()], {"ready_s": ready}


def measure_image(options):
    read = reader(options)
    encode, step, decode = (read_text_encoder(read), read_step(read, options.size), read_decoder(read, options.size))
    hint = common.step_inputs(options.size)["hint"]
    noise = numpy.load(options.weights / f"noise_{options.size}.npy")

    def picture():
        context = encode(prompt_ids(options))
        z = common.ddim(noise, lambda x, t: step(x, t, context, hint), options.steps)
        return decode(z / numpy.float32(common.VAE_SCALE))
    seconds, decoded = common.timed(picture, 1, warm_up=0)
    if options.output:
        common.save_picture(options.output, decoded)
    return seconds, {"total_s": common.seconds_of_process()}


def measure_part(options):
    read = reader(options)
    if options.what == "step":
        step, inputs = read_step(read, options.size), common.step_inputs(options.size)
        return common.timed(lambda: step(t=common.TIMESTEP, **inputs), options.runs)
    if options.what == "vae":
        decode, z = read_decoder(read, options.size), common.vae_input(options.size)
        return common.timed(lambda: decode(z), options.runs)
    encode, ids = read_text_encoder(read), common.token_ids()
    return common.timed(lambda: encode(ids), options.runs)


def main():
    options = common.parse(__doc__, lambda parser: parser.add_argument("--own-precision", action="store_true"))
    more = {}
    if options.what in ("startup", "image"):
        seconds, more = globals()[f"measure_{options.what}"](options)
    else:
        seconds, output = measure_part(options)
        if options.output:
            numpy.save(options.output, output)
    notes = ["its own choice of precision"] if options.own_precision else []
    notes += NOTES.get(options.what, [])
    common.report(options, seconds, {"openvino": openvino.get_version().split("-")[0]}, note="; ".join(notes), **more)


if __name__ == "__main__":
    main()
