#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the folders of src/: who may include whom, where third-party headers may be seen, how a file begins.

Usage: scripts/check_layers.py [ROOT]    Prints one line for each offence; the status is 1 if there is any.
"""
import pathlib
import re
import sys

# The table of CONTRIBUTING.md: a folder may include itself and these.
BELOW_PIPELINES = {"base", "image", "kernels", "tensor", "formats", "models", "annotators", "sampling"}
MAY_INCLUDE = {
    "base": set(),
    "image": {"base"},
    "kernels": {"base"},
    "tensor": {"base", "image", "kernels"},
    "formats": {"base", "tensor"},
    "models": {"base", "tensor"},
    "annotators": {"base", "image", "tensor", "formats"},
    "sampling": {"base", "tensor"},
    "pipelines": BELOW_PIPELINES,
    "training": BELOW_PIPELINES | {"pipelines"},
    "store": {"base"},
    "server": {"base", "image", "pipelines", "training", "store"},
    "cli": BELOW_PIPELINES | {"pipelines", "training", "store", "server"},
}

# (pattern of the header, folders that may see it, whether headers may too, what to do instead)
THIRD_PARTY = [
    (r"(ATen|torch|c10|caffe2)/", {"tensor", "formats", "models", "annotators", "sampling", "pipelines", "training", "cli"},
     True, "torch stays out of this folder"),
    (r"torch/(torch|nn|all)\.h$", set(), False, "it costs 17 s of compiler time; include <ATen/ops/...>"),
    (r"torch/(optim|csrc/api/include/torch/optim)", {"training"}, False, "one .cc file of training/ sees it"),
    (r"opencv2/", {"image", "annotators"}, False, "OpenCV is seen by .cc files of image/ and annotators/ only"),
    (r"(hwy|highway)/", {"kernels"}, True, "Highway stays in kernels/"),
    (r"boost/", {"server"}, False, "Boost is seen by .cc files of server/ only, as few as can be; it costs seconds each"),
    (r"archive(_entry)?\.h$", {"server"}, False, "archives are read and written by server/zip_archive.cc only"),
    (r"(sqlite3|libpq-fe)\.h$", {"store"}, False, "databases are seen by .cc files of store/ only"),
]

# (pattern of the header, pattern of the only files that may see it, what to do instead)
ONLY_IN = [
    (r"((c10|ATen|torch)/cuda/|cuda(_runtime)?(_api)?\.h$|nvrtc\.h$|cu(dnn|blas)\w*\.h$)", r"tensor/gpu_\w+\.cc$",
     "CUDA's headers are seen by libzeroconv_cuda.so only (tensor/gpu_*.cc); call tensor/gpu.h"),
]

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')
LINKS = re.compile(r"zc_library\(\s*(\w+)([^)]*)\)", re.DOTALL)
MAX_LINES = 1000  # files aim at 500; this is where review stops


def check_project_include(folder, target):
    """The offence of `#include "target"` in a file of folder, or None."""
    if "/" not in target:
        return f'"{target}": paths start at src/, as in "{folder}/{target}"'
    head = target.split("/")[0]
    if head not in MAY_INCLUDE:
        return f'"{target}": there is no folder {head} in the table'
    if head != folder and head not in MAY_INCLUDE[folder]:
        allowed = ", ".join(sorted(MAY_INCLUDE[folder])) or "nothing"
        return f'"{target}": {folder} may include {allowed}'
    return None


def check_third_party(folder, name, target):
    for pattern, folders, headers_too, advice in THIRD_PARTY:
        if not re.match(pattern, target):
            continue
        if folder not in folders or (name.endswith(".h") and not headers_too):
            yield f"<{target}>: {advice}"
    for pattern, files, advice in ONLY_IN:
        if re.match(pattern, target) and not re.match(files, f"{folder}/{name}"):
            yield f"<{target}>: {advice}"


def check_file(path, folder):
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if not lines or "SPDX-License-Identifier: Apache-2.0" not in lines[0]:
        yield 1, "the first line is not the SPDX licence line"
    if path.suffix == ".h" and "#pragma once" not in lines:
        yield 1, "#pragma once is missing"
    if len(lines) > MAX_LINES:
        yield MAX_LINES, f"{len(lines)} lines; split the file"
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        if path.suffix == ".cu":
            yield number, "a .cu file includes nothing: NVRTC compiles it where no headers are"
            continue
        if match.group(1):
            offence = check_project_include(folder, match.group(1))
            if offence:
                yield number, offence
        else:
            for offence in check_third_party(folder, path.name, match.group(2)):
                yield number, offence


def check_links(path, folder):
    """A library links only the folders that it may include."""
    for match in LINKS.finditer(path.read_text(encoding="utf-8")):
        if match.group(1) != folder:
            yield 1, f"zc_library({match.group(1)}) belongs into src/{match.group(1)}"
        for target in re.findall(r"\bzc_(\w+)", match.group(2)):
            if target in MAY_INCLUDE and target not in MAY_INCLUDE[folder]:
                yield 1, f"links zc_{target}, which {folder} may not include"


def offences(src):
    for entry in sorted(src.iterdir()):
        if not entry.is_dir():
            continue
        folder = entry.name
        if folder not in MAY_INCLUDE:
            yield entry, 0, "this folder is not in the table"
            continue
        for path in sorted(entry.rglob("*")):
            if path.is_dir():
                if (folder, path.name) != ("kernels", "cuda"):
                    yield path, 0, "no folder nests"
            elif path.suffix in (".cc", ".h", ".cu"):
                for number, text in check_file(path, folder):
                    yield path, number, text
            elif path.name == "CMakeLists.txt":
                for number, text in check_links(path, folder):
                    yield path, number, text


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    count = 0
    for path, number, text in offences(root / "src"):
        print(f"{path.relative_to(root)}:{number}: {text}")
        count += 1
    print(f"layers: {count} offences")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
