# SPDX-License-Identifier: Apache-2.0
"""The Python side of scripts/bench_training.py, which runs it in an environment of its own (bench_env.py):

bench_training_peer.py FOLDER INPUTS RUNS THREADS [DEVICE PRECISION BATCH]
    diffusers' recipe (examples/controlnet/train_controlnet.py): locked UNet, AdamW, gradients clipped at 1; prints a line
    of JSON. FOLDER holds unet/ and controlnet/, or is `made-up`, as INPUTS may be: then weights and inputs are random.
    DEVICE cpu or cuda, PRECISION fp32, bf16 or fp16 (autocast; the locked base is cast to it, as the recipe does).
"""
import contextlib
import json
import pathlib
import statistics
import sys
import time

import diffusers
import torch

from bench_annotators_aux import peak_bytes

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
SD15 = {"sample_size": 64, "block_out_channels": (320, 640, 1280, 1280), "cross_attention_dim": 768, "attention_head_dim": 8,
        "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3}


def read_models(folder):
    if folder == "made-up":
        unet = diffusers.UNet2DConditionModel(**SD15)
        return unet, diffusers.ControlNetModel.from_unet(unet)
    folder = pathlib.Path(folder)
    return (diffusers.UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32),
            diffusers.ControlNetModel.from_pretrained(folder / "controlnet", torch_dtype=torch.float32))


def read_inputs(file, steps, batch):
    if file != "made-up":
        import safetensors.torch
        return safetensors.torch.load_file(file)
    return {"z0": torch.randn(steps, batch, 4, 64, 64), "noise": torch.randn(steps, batch, 4, 64, 64),
            "t": torch.randint(0, 1000, (steps, batch)), "context": torch.randn(steps, batch, 77, 768),
            "hint": torch.rand(steps, batch, 3, 512, 512)}


def main(folder, file, runs, threads, device="cpu", precision="fp32", batch=1):
    torch.set_num_threads(threads)
    unet, control = read_models(folder)
    unet.requires_grad_(False)
    unet.to(device, TYPES[precision])
    control.to(device).train()
    optimizer = torch.optim.AdamW(control.parameters(), lr=1e-5, betas=(0.9, 0.999), weight_decay=1e-2, eps=1e-8)
    scaler = torch.amp.GradScaler(device, enabled=precision == "fp16")
    schedule = diffusers.DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
                                       num_train_timesteps=1000)
    data = {key: value.to(device) for key, value in read_inputs(file, runs + 1, batch).items()}
    times = {"forward_s": [], "backward_s": [], "update_s": [], "total_s": []}
    losses = []

    def now():
        if device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter()

    for step in range(runs + 1):
        noise, t = data["noise"][step], data["t"][step]
        start = now()
        with contextlib.nullcontext() if precision == "fp32" else torch.autocast(device, TYPES[precision]):
            x_t = schedule.add_noise(data["z0"][step], noise, t)
            context = data["context"][step]
            down, middle = control(x_t, t, encoder_hidden_states=context, controlnet_cond=data["hint"][step],
                                   return_dict=False)
            output = unet(x_t.to(unet.dtype), t, encoder_hidden_states=context.to(unet.dtype),
                          down_block_additional_residuals=[d.to(unet.dtype) for d in down],
                          mid_block_additional_residual=middle.to(unet.dtype), return_dict=False)[0]
            loss = torch.nn.functional.mse_loss(output.float(), noise.float(), reduction="mean")
        losses.append(loss.item())
        forward = now()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(control.parameters(), 1.0)
        backward = now()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)
        end = now()
        if step > 0:
            for key, value in zip(times, (forward - start, backward - forward, end - backward, end - start)):
                times[key].append(value)
    total = times.pop("total_s")
    print(json.dumps({**{key: statistics.median(values) for key, values in times.items()},
                      "median_s": statistics.median(total), "min_s": min(total), "max_s": max(total), "losses": losses,
                      "peak_bytes": peak_bytes(),
                      "device_peak_bytes": torch.cuda.max_memory_reserved() if device != "cpu" else 0,
                      "versions": {"diffusers": diffusers.__version__, "torch": torch.__version__}}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), *sys.argv[5:7], *map(int, sys.argv[7:8]))
