# SPDX-License-Identifier: Apache-2.0
"""Puts the peers in place, on first use: their programs under .deps/peers, the weights that all share in out/bench-peers.

    .deps/peers/torch                  diffusers and OpenVINO; torch itself is .deps/torch, out of which zeroconv links
    .deps/peers/stable-diffusion.cpp   compiled here from its source archive, for this processor
    out/bench-peers/sd15.safetensors   made-up weights of SD1.5 with a ControlNet, float16, original layout (zeroconv)
        control.safetensors            the ControlNet of it alone (stable-diffusion.cpp)
        diffusers/                     the same for diffusers, with tokenizer and scheduler
        openvino/                      the same for OpenVINO
        noise_SIZE.npy, map_SIZE.png   what a picture begins with, and its control map

What is there already is not made again. 12 GB of disk are needed.
"""
import gzip
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import bench_env  # noqa: E402  (the torch of the build without NVIDIA's libraries)

PEERS = ROOT / ".deps/peers"
TORCH_VENV, CPP_VENV = PEERS / "torch", PEERS / "stable-diffusion.cpp"
PYTHON, CPP_PYTHON = TORCH_VENV / "bin/python", CPP_VENV / "bin/python"
STAND_INS = TORCH_VENV / "cuda-stand-ins"
WEIGHTS = ROOT / "out/bench-peers"
VOCABULARY = ROOT / ".deps/clip/bpe_simple_vocab_16e6.txt.gz"

PACKAGES = ["openvino==2026.4.1", "diffusers==0.42.1", "transformers==5.24.0", "huggingface_hub==2.4.0",
            "tokenizers==0.23.3", "safetensors==0.8.0", "numpy==2.4.6", "pillow", "psutil", "setuptools<82",
            "sympy", "networkx", "jinja2", "fsspec", "filelock", "typing-extensions"]
WITHOUT_TORCH = ["accelerate==1.15.0"]  # would bring another torch
CPP_PACKAGES = ["stable-diffusion-cpp-python==0.4.7", "numpy==2.4.6"]
TEXT_ENCODER = {"architectures": ["CLIPTextModel"], "model_type": "clip_text_model", "hidden_act": "quick_gelu",
                "hidden_size": 768, "intermediate_size": 3072, "max_position_embeddings": 77, "num_attention_heads": 12,
                "num_hidden_layers": 12, "projection_dim": 768, "vocab_size": 49408, "bos_token_id": 49406,
                "eos_token_id": 49407, "pad_token_id": 49407, "layer_norm_eps": 1e-5}
SCHEDULER = {"_class_name": "DDIMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
             "clip_sample": False, "num_train_timesteps": 1000, "prediction_type": "epsilon", "set_alpha_to_one": False,
             "steps_offset": 1, "timestep_spacing": "leading"}
PIPELINE = {"_class_name": "StableDiffusionControlNetPipeline", "_diffusers_version": "0.42.1",
            "controlnet": ["diffusers", "ControlNetModel"], "feature_extractor": [None, None],
            "image_encoder": [None, None], "requires_safety_checker": False, "safety_checker": [None, None],
            "scheduler": ["diffusers", "DDIMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"]}


def say(text):
    print(f"==> {text}", file=sys.stderr, flush=True)


def run(*command, **more):
    subprocess.run([str(part) for part in command], check=True, **more)


def pip(python, *arguments):
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--progress-bar", "off",
        *arguments)


def make_venv(folder, recipe, fill):
    """recipe: of the whole environment; when it is another one than last time, all is made anew."""
    stamp = folder / "complete"
    if stamp.exists() and stamp.read_text() == recipe:
        return
    say(f"making a Python environment in {folder.relative_to(ROOT)}")
    run(sys.executable, "-m", "venv", "--clear", folder)
    fill()
    stamp.write_text(recipe)


def fill_torch_venv():
    pip(PYTHON, *PACKAGES)
    pip(PYTHON, "--no-deps", *WITHOUT_TORCH)
    site = next(TORCH_VENV.glob("lib/python*/site-packages"))
    (site / "torch_of_the_build.pth").write_text(f"{bench_env.TORCH}\n")
    bench_env.STAND_INS = STAND_INS
    bench_env.make_stand_ins()


def fill_cpp_venv():
    say("compiling stable-diffusion.cpp (five to thirty minutes)")
    pip(CPP_PYTHON, "--no-binary", "stable-diffusion-cpp-python", *CPP_PACKAGES)


def prepare_torch():
    """Ends the program with a message when .deps/torch is not there."""
    if not (bench_env.TORCH / "torch/lib/libtorch_python.so").exists():
        sys.exit(".deps/torch is not there; run scripts/bootstrap.sh first")
    recipe = "\n".join([(bench_env.TORCH / "complete").read_text(), *PACKAGES, *WITHOUT_TORCH])
    make_venv(TORCH_VENV, recipe, fill_torch_venv)


def prepare_cpp():
    make_venv(CPP_VENV, "\n".join(CPP_PACKAGES), fill_cpp_venv)


def environment(threads):
    """Variables for a peer: its threads, no network, torch's stand-ins, the code that inductor compiles."""
    return {**os.environ, "LD_LIBRARY_PATH": str(STAND_INS), "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads),
            "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore", "TOKENIZERS_PARALLELISM": "false",
            "TORCHINDUCTOR_CACHE_DIR": str(PEERS / "inductor-cache"), "OPENVINO_TELEMETRY_DISABLE": "1"}


def link_tree(source, target):
    """A copy that takes no space where the file system allows it."""
    def link(a, b):
        try:
            os.link(a, b)
        except OSError:
            shutil.copy2(a, b)
    shutil.copytree(source, target, copy_function=link)


def make_checkpoint(programs):
    """sd15.safetensors and the networks in diffusers/; those of scripts/bench_training.py, which are the same, are used."""
    checkpoint, folder, other = WEIGHTS / "sd15.safetensors", WEIGHTS / "diffusers", ROOT / "out/bench-training"
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    part = WEIGHTS / "part.safetensors"
    if not checkpoint.exists():
        if (other / "sd15.safetensors").exists():
            os.link(other / "sd15.safetensors", checkpoint)
        else:
            say("writing a checkpoint with made-up weights")
            run(programs / "synthetic_checkpoint", part)
            part.rename(checkpoint)
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        if (other / "diffusers/complete").exists():
            link_tree(other / "diffusers", folder)
        else:
            say("converting it for diffusers")
            run(programs / "zeroconv", "convert", checkpoint, folder, "--to", "diffusers")
            (folder / "complete").touch()


def make_tokenizer(folder):
    """CLIP's vocabulary in the two files that transformers reads: bytes, bytes that end a word, merges, two marks."""
    if (folder / "merges.txt").exists():
        return
    folder.mkdir(exist_ok=True)
    with gzip.open(VOCABULARY, "rt", encoding="utf-8") as file:
        merges = file.read().split("\n")[1:49152 - 256 - 2 + 1]
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    letters = [chr(b) for b in printable] + [chr(256 + i) for i in range(len(others))]
    words = letters + [letter + "</w>" for letter in letters] + [merge.replace(" ", "") for merge in merges]
    words += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "bos_token": "<|startoftext|>",
         "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")


def make_configs():
    folder = WEIGHTS / "diffusers"
    for part, name, content in (("text_encoder", "config.json", TEXT_ENCODER),
                                ("scheduler", "scheduler_config.json", SCHEDULER), ("", "model_index.json", PIPELINE)):
        (folder / part).mkdir(exist_ok=True)
        (folder / part / name).write_text(json.dumps(content, indent=2) + "\n")
    make_tokenizer(folder / "tokenizer")


def prepare_weights(programs, sizes, with_openvino):
    """programs: folder with zeroconv and synthetic_checkpoint. sizes: sides of the pictures."""
    make_checkpoint(programs)
    make_configs()
    threads = len(os.sched_getaffinity(0))
    here = pathlib.Path(__file__).parent
    run(PYTHON, here / "make_inputs.py", WEIGHTS, *sizes, env=environment(threads))
    if with_openvino:
        run(PYTHON, here / "openvino_convert.py", WEIGHTS / "diffusers", WEIGHTS / "openvino", env=environment(threads))
