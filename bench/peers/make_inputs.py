# SPDX-License-Identifier: Apache-2.0
"""make_inputs.py WEIGHTS SIZE...: what install.py cannot make without NumPy and torch: parts of the checkpoint in files of
their own, noise, control maps, tokens.

The noise is that of torch's CPU generator with the seed of common.py, which zeroconv draws by itself in the profile
`diffusers`, so that all make the same picture.
"""
import pathlib
import sys

import numpy
from PIL import Image
import safetensors
import safetensors.numpy
import torch
import transformers

import common

TEXT_PREFIX = "cond_stage_model.transformer."


def split_checkpoint(folder):
    wanted = {folder / "diffusers/text_encoder/model.safetensors": TEXT_PREFIX,
              folder / "control.safetensors": "control_model."}
    for file, prefix in wanted.items():
        if file.exists():
            continue
        with safetensors.safe_open(folder / "sd15.safetensors", "numpy") as weights:
            # stable-diffusion.cpp takes the prefix off by itself
            cut = len(prefix) if prefix == TEXT_PREFIX else 0
            part = {name[cut:]: weights.get_tensor(name) for name in weights.keys()
                    if name.startswith(prefix) and not name.endswith("position_ids")}
        safetensors.numpy.save_file(part, file.with_suffix(".part"), {"format": "pt"})
        file.with_suffix(".part").rename(file)


def write_tokens(folder):
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder / "diffusers/tokenizer")
    ids = tokenizer(["", common.PROMPT], padding="max_length", max_length=77, truncation=True)["input_ids"]
    numpy.save(folder / "prompt_ids.npy", numpy.array(ids, numpy.int64))


def main(folder, sizes):
    split_checkpoint(folder)
    if not (folder / "prompt_ids.npy").exists():
        write_tokens(folder)
    for size in sizes:
        noise = torch.randn(1, 4, size // 8, size // 8, generator=torch.Generator().manual_seed(common.SEED))
        numpy.save(folder / f"noise_{size}.npy", noise.numpy())
        Image.fromarray(common.control_map(size)).save(folder / f"map_{size}.png")
        safetensors.numpy.save_file({**common.step_inputs(size), "t": numpy.array([common.TIMESTEP])},
                                    folder / f"step_{size}.safetensors")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), [int(size) for size in sys.argv[2:]])
