# SPDX-License-Identifier: Apache-2.0
"""The Python side of scripts/bench_training.py, which runs it in an environment of its own (bench_env.py):

bench_training_peer.py FOLDER INPUTS RUNS THREADS   diffusers' recipe (examples/controlnet/train_controlnet.py): locked
UNet, AdamW, gradients clipped at 1; prints a line of JSON. FOLDER holds unet/ and controlnet/.
"""
import json
import pathlib
import statistics
import sys
import time

import diffusers
import safetensors.torch
import torch

from bench_annotators_aux import peak_bytes


def main(folder, inputs, runs, threads):
    torch.set_num_threads(threads)
    unet = diffusers.UNet2DConditionModel.from_pretrained(pathlib.Path(folder) / "unet", torch_dtype=torch.float32)
    control = diffusers.ControlNetModel.from_pretrained(pathlib.Path(folder) / "controlnet", torch_dtype=torch.float32)
    unet.requires_grad_(False)
    control.train()
    optimizer = torch.optim.AdamW(control.parameters(), lr=1e-5, betas=(0.9, 0.999), weight_decay=1e-2, eps=1e-8)
    schedule = diffusers.DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
                                       num_train_timesteps=1000)
    data = safetensors.torch.load_file(inputs)
    times = {"forward_s": [], "backward_s": [], "update_s": [], "total_s": []}
    losses = []
    for step in range(runs + 1):
        noise, t = data["noise"][step], data["t"][step]
        start = time.perf_counter()
        x_t = schedule.add_noise(data["z0"][step], noise, t)
        context = data["context"][step]
        down, middle = control(x_t, t, encoder_hidden_states=context, controlnet_cond=data["hint"][step], return_dict=False)
        output = unet(x_t, t, encoder_hidden_states=context, down_block_additional_residuals=down,
                      mid_block_additional_residual=middle, return_dict=False)[0]
        loss = torch.nn.functional.mse_loss(output.float(), noise.float(), reduction="mean")
        losses.append(loss.item())
        forward = time.perf_counter()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(control.parameters(), 1.0)
        backward = time.perf_counter()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        end = time.perf_counter()
        if step > 0:
            for key, value in zip(times, (forward - start, backward - forward, end - backward, end - start)):
                times[key].append(value)
    total = times.pop("total_s")
    print(json.dumps({**{key: statistics.median(values) for key, values in times.items()},
                      "median_s": statistics.median(total), "min_s": min(total), "max_s": max(total), "losses": losses,
                      "peak_bytes": peak_bytes(),
                      "versions": {"diffusers": diffusers.__version__, "torch": torch.__version__}}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
