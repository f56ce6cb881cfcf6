# SPDX-License-Identifier: Apache-2.0
"""The Python environment in which the benchmarks run controlnet_aux and diffusers: .deps/venv-bench, made on first use.

torch is not installed a second time: .deps/torch, out of which zeroconv links, is a whole Python package that lacks only
NVIDIA's libraries, so both sides compute with the same libtorch. Python's part of it loads the CUDA part too, therefore
the missing libraries are stood in for by small ones whose functions are never called on a CPU.
"""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / ".deps/venv-bench"
TORCH = ROOT / ".deps/torch"
STAND_INS = VENV / "cuda-stand-ins"
PYTHON = VENV / "bin/python"

# controlnet_aux itself without its dependencies, which would bring another torch; timm as it was when MiDaS's network was
# written for it.
PACKAGES = ["controlnet_aux==0.0.10", "timm==0.6.13", "torchvision==0.26.0", "diffusers==0.35.2"]
NEEDED = ["numpy==1.26.4", "scipy==1.13.1", "opencv-python-headless==4.11.0.86", "scikit-image==0.24.0", "pillow",
          "einops==0.8.1", "huggingface_hub==0.27.1", "safetensors==0.5.3", "filelock", "importlib-metadata", "regex", "typing-extensions", "sympy",
          "networkx", "jinja2", "fsspec", "setuptools<81"]


def pip(*arguments):
    subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", *arguments],
                   check=True)


def lines_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def undefined_symbols(libraries):
    """Version ("" for none) -> names that these libraries expect from others."""
    symbols = {}
    for library in libraries:
        for line in lines_of("nm", "-D", "--undefined-only", library):
            name, _, version = line.split()[-1].partition("@")
            symbols.setdefault(version.lstrip("@"), set()).add(name)
    return symbols


def defined_symbols(libraries):
    return {line.split()[-1].partition("@")[0] for library in libraries
            for line in lines_of("nm", "-D", "--defined-only", library)}


def needed_versions(libraries):
    """Library -> the symbol versions that `libraries` ask of it."""
    versions = {}
    for library in libraries:
        wanted = None
        for line in lines_of("readelf", "--version-info", "--wide", library):
            if match := re.search(r"\bFile: (\S+)", line):
                wanted = match[1]
            elif wanted and (match := re.search(r"\bName: (\S+)\s+Flags", line)):
                versions.setdefault(wanted, set()).add(match[1])
    return versions


def make_stand_ins():
    """Empty functions under the names that torch's CUDA part expects of the libraries that are not there."""
    libraries = sorted((TORCH / "torch/lib").glob("*.so"))
    present = libraries + sorted((TORCH / "nvidia").glob("**/lib*.so.*"))
    missing = sorted({line.split()[0] for line in lines_of("ldd", TORCH / "torch/lib/libtorch_python.so")
                      if "not found" in line})
    symbols = undefined_symbols(libraries)
    unversioned = symbols.get("", set()) - defined_symbols(present)
    versions = needed_versions(libraries)
    STAND_INS.mkdir(exist_ok=True)
    for number, library in enumerate(missing):
        names = {version: symbols.get(version, set()) for version in versions.get(library, ())}
        plain = unversioned if number == 0 else set()  # whichever library has them is found
        source, script = STAND_INS / "stand_in.c", STAND_INS / "stand_in.map"
        source.write_text("".join(f"void {name}(void) {{}}\n" for name in sorted(plain.union(*names.values()))))
        script.write_text("".join(f"{version} {{ {' '.join(f'{name};' for name in sorted(group))} }};\n"
                                  for version, group in names.items()))
        subprocess.run(["gcc", "-w", "-fno-builtin", "-shared", "-fPIC", "-o", STAND_INS / library, source,
                        f"-Wl,-soname,{library}", *([f"-Wl,--version-script={script}"] if names else [])], check=True)


def prepare():
    """Makes the environment unless it is there. Ends the program with a message when torch is not there."""
    stamp = VENV / "complete"
    if not (TORCH / "torch/lib/libtorch_python.so").exists():
        sys.exit(".deps/torch is not there; run scripts/bootstrap.sh first")
    recipe = "\n".join([(TORCH / "complete").read_text(), *PACKAGES, *NEEDED])
    if stamp.exists() and stamp.read_text() == recipe:
        return
    print(f"==> making a Python environment for the peers in {VENV.relative_to(ROOT)}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    pip(*NEEDED)
    pip("--no-deps", *PACKAGES)
    site = next(VENV.glob("lib/python*/site-packages"))
    (site / "torch_of_the_build.pth").write_text(f"{TORCH}\n")
    make_stand_ins()
    stamp.write_text(recipe)


def environment(threads):
    """Variables for a process that imports torch: threads, the stand-ins, no network."""
    return {**os.environ, "LD_LIBRARY_PATH": str(STAND_INS), "OMP_NUM_THREADS": str(threads), "CUDA_VISIBLE_DEVICES": "",
            "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}


def output_of(command, threads=None):
    """What it prints; its complaints are shown when it fails. threads: it imports torch, and shall use so many."""
    ran = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                         env=environment(threads) if threads else None)
    if ran.returncode:
        words = " ".join(map(str, command))
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: status {ran.returncode} of {words}\n{ran.stdout}{ran.stderr}")
    return ran.stdout
