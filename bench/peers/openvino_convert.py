#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Converts diffusers' networks for OpenVINO: openvino_convert.py DIFFUSERS_FOLDER OUT_FOLDER [NAME...].

Weights are kept in float16, which loses nothing since the checkpoint holds float16 values. Shapes stay open; the peer
fixes them. NAME: controlnet, unet, vae_decoder, text_encoder; default: all that are not there yet.
"""
import pathlib
import sys

import diffusers
import openvino
import torch
import transformers


class TimeProjection(torch.nn.Module):
    """diffusers' `Timesteps` for SD1.5. The converter rounds constants to float16, which would turn the angles of late time
    steps by a quarter of a radian, so each frequency is the sum of two numbers that float16 holds."""

    def __init__(self):
        super().__init__()
        frequencies = 10000 ** (-torch.arange(160, dtype=torch.float64) / 160)
        self.high = frequencies.half().float()
        self.low = (frequencies - self.high).half().float()

    def forward(self, t):
        t = t[:, None].float()
        angles = t * self.high + t * self.low
        return torch.cat([torch.cos(angles), torch.sin(angles)], dim=1)


class ControlNet(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net
        net.time_proj = TimeProjection()

    def forward(self, x, t, context, hint):
        down, middle = self.net(x, t, encoder_hidden_states=context, controlnet_cond=hint, return_dict=False)
        return (*down, middle)


class UNet(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net
        net.time_proj = TimeProjection()

    def forward(self, x, t, context, *residuals):
        return self.net(x, t, encoder_hidden_states=context, down_block_additional_residuals=residuals[:-1],
                        mid_block_additional_residual=residuals[-1], return_dict=False)[0]


class VaeDecoder(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, z):
        return self.net.decode(z, return_dict=False)[0]


class TextEncoder(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, input_ids):
        return self.net(input_ids)[0]


def sizes_of_residuals(side):
    """[channels, side] of the thirteen of SD1.5."""
    levels = [(320, side)] * 3 + [(320, side // 2)] + [(640, side // 2)] * 2 + [(640, side // 4)]
    return levels + [(1280, side // 4)] * 2 + [(1280, side // 8)] * 4


def example_of(name, side=16):
    x, t, context = torch.randn(2, 4, side, side), torch.tensor(501), torch.randn(2, 77, 768)
    if name == "controlnet":
        return {"x": x, "t": t, "context": context, "hint": torch.rand(2, 3, 8 * side, 8 * side)}
    if name == "unet":
        residuals = [torch.zeros(2, channels, s, s) for channels, s in sizes_of_residuals(side)]
        return {"x": x, "t": t, "context": context, **{f"residual_{i}": r for i, r in enumerate(residuals)}}
    if name == "vae_decoder":
        return {"z": x[:1]}
    return {"input_ids": torch.full((2, 77), 49407)}


def read(folder, name):
    if name == "controlnet":
        return ControlNet(diffusers.ControlNetModel.from_pretrained(folder / name, torch_dtype=torch.float32))
    if name == "unet":
        return UNet(diffusers.UNet2DConditionModel.from_pretrained(folder / name, torch_dtype=torch.float32))
    if name == "vae_decoder":
        return VaeDecoder(diffusers.AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32))
    return TextEncoder(transformers.CLIPTextModel.from_pretrained(folder / name, dtype=torch.float32,
                                                                  attn_implementation="sdpa"))


def open_shape(tensor, batch):
    """Height and width of pictures may be anything; the rest is fixed."""
    return [batch, tensor.shape[1], -1, -1] if tensor.dim() == 4 else list(tensor.shape)


def convert(folder, out, name):
    example = example_of(name)
    with torch.no_grad():
        traced = torch.jit.trace(read(folder, name).eval(), tuple(example.values()), check_trace=False)
        network = openvino.convert_model(traced, example_input=tuple(example.values()))
    shapes = {}
    for port, (key, tensor) in zip(network.inputs, example.items(), strict=True):
        port.get_tensor().set_names({key})
        shapes[key] = open_shape(tensor, tensor.shape[0] if tensor.dim() else 0)
    network.reshape(shapes)
    openvino.save_model(network, out / f"{name}.part.xml", compress_to_fp16=True)
    (out / f"{name}.part.bin").rename(out / f"{name}.bin")
    (out / f"{name}.part.xml").rename(out / f"{name}.xml")


def main(folder, out, names):
    out.mkdir(parents=True, exist_ok=True)
    for name in names or ("text_encoder", "vae_decoder", "controlnet", "unet"):
        if not (out / f"{name}.xml").exists():
            print(f"==> converting {name} for OpenVINO", file=sys.stderr)
            convert(folder, out, name)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:])
