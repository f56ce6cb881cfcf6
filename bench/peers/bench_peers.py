#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares zeroconv with the programs that people use today to run a ControlNet for SD1.5 on a CPU: same made-up weights,
same inputs, same machine, same number of threads; fresh processes by turns.

What is measured: `step`, one denoising step with guidance (UNet and ControlNet, batch of two); `vae`, decoding one latent;
`text`, encoding two prompts of 77 tokens; `startup`, from the start of a process whose files are in the cache to the
beginning of its first step, where its networks begin, and to the end of that step; `image`, a whole picture. The peak memory
is that of the process.

Results are kept in build/bench/peers.json as they come, so that a run may be stopped and started again; the table is in
build/bench/peers.md. On first use the programs are installed and the weights made (install.py: 12 GB).
"""
import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys

import install
import table

HERE = pathlib.Path(__file__).parent
# Name in the table -> program and its own options.
PEERS = {
    "diffusers": ("diffusers_peer.py", []),
    "diffusers-compile": ("diffusers_peer.py", ["--compile"]),
    "openvino": ("openvino_peer.py", []),
    "openvino-own-precision": ("openvino_peer.py", ["--own-precision"]),
    "stable-diffusion.cpp": ("stable_diffusion_cpp_peer.py", []),
    "zeroconv": ("zeroconv_peer.py", []),
}
DEFAULT_PEERS = [name for name in PEERS if name != "openvino-own-precision"]
WHAT = ("step", "vae", "text", "startup", "image")


def names(known):
    def split(text):
        chosen = text.split(",")
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(f"`{name}` is not known; there are {', '.join(known)}")
        return chosen
    return split


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=names(PEERS), default=DEFAULT_PEERS, metavar="A,B",
                        help=f"of {', '.join(PEERS)}; default: all but openvino-own-precision")
    parser.add_argument("--what", type=names(WHAT), default=list(WHAT), metavar="A,B", help=f"of {', '.join(WHAT)}; default: all")
    parser.add_argument("--rounds", type=int, default=3, help="fresh processes of each peer (3)")
    parser.add_argument("--runs", type=int, default=3, help="timed runs in each process (3); one for startup and image")
    parser.add_argument("--size", type=int, default=512, help="side of the picture, a multiple of 64 (512)")
    parser.add_argument("--steps", type=int, default=20, help="denoising steps of image (20)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: one for each core")
    parser.add_argument("--timeout", type=float, default=3600, metavar="SECONDS", help="for one process (3600)")
    parser.add_argument("--rehearse", action="store_true",
                        help="try everything quickly: 64x64, two steps, one run, one round; results in peers-rehearsal.*")
    parser.add_argument("--fresh", action="store_true", help="forget what was measured before")
    parser.add_argument("--table", action="store_true", help="measure nothing, only write the table of what is there")
    parser.add_argument("--programs", type=pathlib.Path, default=install.ROOT / "build/release/bin", metavar="DIR",
                        help="folder with zeroconv and synthetic_checkpoint (build/release/bin)")
    parser.add_argument("--zeroconv-options", default="", metavar="WORDS", help="more options for zeroconv, in one word")
    parser.add_argument("--out", type=pathlib.Path, default=install.ROOT / "build/bench", metavar="DIR")
    options = parser.parse_args()
    if options.rehearse:
        options.size, options.steps, options.runs, options.rounds = 64, 2, 1, 1
    if options.size < 64 or options.size % 64:
        parser.error(f"--size is {options.size}, wanted a multiple of 64")
    for program in ("zeroconv", "synthetic_checkpoint"):
        if not (options.programs / program).is_file():
            parser.error(f"{program} is not in {options.programs}; `scripts/build.sh release zeroconv synthetic_checkpoint`"
                         " builds it")
    return options


class Results:
    """What was measured, in a file that is whole at any time."""

    def __init__(self, options):
        name = "peers-rehearsal" if options.rehearse else "peers"
        self.file, self.table = options.out / f"{name}.json", options.out / f"{name}.md"
        self.outputs = options.out / f"{name}-outputs"
        self.outputs.mkdir(parents=True, exist_ok=True)
        settings = {key: getattr(options, key) for key in ("size", "steps", "threads", "zeroconv_options")}
        self.data = {"settings": settings, "machine": machine(), "results": []}
        if self.file.exists() and not options.fresh:
            before = json.loads(self.file.read_text())
            if (before["settings"], before["machine"]) != (settings, self.data["machine"]):
                sys.exit(f"{self.file} holds results of {before['settings']} on {before['machine']['cpu']}, now it is "
                         f"{settings} on {self.data['machine']['cpu']}; --fresh forgets them, --out DIR keeps both")
            self.data = before

    def has(self, what, peer, number):
        return any((r["what"], r["peer"], r["round"]) == (what, peer, number) and "error" not in r
                   for r in self.data["results"])

    def add(self, result):
        key = [result[k] for k in ("what", "peer", "round")]
        kept = [r for r in self.data["results"] if [r[k] for k in ("what", "peer", "round")] != key]
        self.data["results"] = [*kept, result]
        self.save()

    def save(self):
        part = self.file.with_suffix(".part")
        part.write_text(json.dumps(self.data, indent=1) + "\n")
        part.rename(self.file)
        self.table.write_text(table.table_of(self.data))


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        lines = file.read().splitlines()
    cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    return {"cpu": cpu, "cores": os.cpu_count(),
            "extensions": [f for f in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f in flags]}


def command_of(options, what, peer, output):
    program, more = PEERS[peer]
    python = install.CPP_PYTHON if peer == "stable-diffusion.cpp" else install.PYTHON
    command = [python, HERE / program, "--weights", install.WEIGHTS, "--what", what, "--runs", options.runs, "--size",
               options.size, "--steps", options.steps, "--threads", options.threads, "--json", *more]
    if output:
        command += ["--output", output]
    if peer == "zeroconv":
        command += ["--program", options.programs / "zeroconv", f"--extra={options.zeroconv_options}"]
    return [str(word) for word in command]


def run_peer(command, options):
    """The result that it prints, or {"error": its last words}. It is a group of its own, so that its children end with it."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                          cwd=install.ROOT, env=install.environment(options.threads)) as child:
        try:
            out, complaints = child.communicate(timeout=options.timeout)
        except BaseException as stopped:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            if isinstance(stopped, subprocess.TimeoutExpired):
                return {"error": f"not done after {options.timeout:.0f} s"}
            raise
    try:
        if child.returncode == 0:
            return json.loads(out.strip().splitlines()[-1])
    except (ValueError, IndexError):
        complaints += "\nit printed no result"
    last = [line for line in complaints.strip().splitlines() if line.strip()][-1:] or ["it said nothing"]
    return {"error": f"status {child.returncode}: {last[0][:300]}", "complaints": complaints[-4000:]}


def output_file(results, what, peer):
    suffix = {"step": ".npy", "vae": ".npy", "text": ".npy", "image": ".png"}.get(what)
    return results.outputs / f"{what}-{peer}{suffix}" if suffix else None


def measure(options, results, what, peer, number):
    if results.has(what, peer, number):
        return
    if what == "startup" and number == 1:  # files into the cache; what compilers keep for the next time
        print(f"{what} {peer}: once to warm up", file=sys.stderr, flush=True)
        run_peer(command_of(options, what, peer, None), options)
    print(f"{what} {peer}: round {number} of {options.rounds}", file=sys.stderr, flush=True)
    result = run_peer(command_of(options, what, peer, output_file(results, what, peer)), options)
    said = result.get("error") or f"{statistics.median(result['seconds']):.3f} s, {result['peak_bytes'] / 2**30:.2f} GiB"
    print(f"    {said}", file=sys.stderr, flush=True)
    results.add({"what": what, "peer": peer, "round": number, **result})


def compare_outputs(results):
    """How far each output is from zeroconv's, or from diffusers' where zeroconv wrote none."""
    differences = {}
    for what in ("step", "vae", "text", "image"):
        files = {peer: output_file(results, what, peer) for peer in PEERS}
        files = {peer: file for peer, file in files.items() if file.exists()}
        reference = next((peer for peer in ("zeroconv", "diffusers") if peer in files), None)
        for peer, file in files.items():
            if peer != reference:
                differences[f"{what} {peer}"] = {"from": reference, "text": table.difference(file, files[reference])}
    results.data["differences"] = differences


def prepare(options):
    install.prepare_torch()
    if pathlib.Path(sys.prefix) != install.TORCH_VENV:  # NumPy and Pillow are there
        os.execve(install.PYTHON, [str(install.PYTHON), *sys.argv], install.environment(options.threads))
    if "stable-diffusion.cpp" in options.peers:
        try:
            install.prepare_cpp()
        except subprocess.CalledProcessError as error:
            print(f"stable-diffusion.cpp is left out, it could not be installed: {error}", file=sys.stderr)
            options.peers.remove("stable-diffusion.cpp")
    install.prepare_weights(options.programs, sorted({64, options.size}), any(p.startswith("openvino") for p in options.peers))


def main():
    options = parse()
    prepare(options)
    results = Results(options)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the peer ends too, results are kept
    try:
        for what in () if options.table else options.what:
            for number in range(1, options.rounds + 1):
                turn = number % len(options.peers)  # each is first in some round
                for peer in options.peers[turn:] + options.peers[:turn]:
                    measure(options, results, what, peer, number)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
    compare_outputs(results)
    results.save()
    print(results.table.read_text(), end="")
    print(f"{results.table}\n{results.file}", file=sys.stderr)


if __name__ == "__main__":
    main()
