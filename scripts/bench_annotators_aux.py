# SPDX-License-Identifier: Apache-2.0
"""The Python side of scripts/bench_annotators.py, which runs it in an environment of its own (bench_env.py):

convert FROM TO KIND FILE...       files of weights: safetensors -> torch.save, as published
measure KIND WEIGHTS PICTURE MAP RUNS THREADS
                                   times controlnet_aux's detector, writes its map, prints a line of JSON
"""
import json
import pathlib
import sys
import time

# What the published files wrap around their tensors.
WRAPPERS = {"scannet.pt": "model", "ZoeD_M12_N.pt": "model", "table5_pidinet.pth": "state_dict",
            "upernet_global_small.pth": "state_dict"}


def peak_bytes():
    """As zeroconv measures it. Unlike getrusage's, this figure is not inherited from the process that started us."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM")


def convert(source, target, kind, *names):
    import safetensors.torch
    import torch
    for name in names:
        weights = safetensors.torch.load_file(pathlib.Path(source) / name)
        if kind == "openpose_nobody":
            weights["Mconv7_stage6_L2.bias"] -= 100  # no joint anywhere
        wrapper = WRAPPERS.get(name)
        part = pathlib.Path(target) / (name + ".part")
        torch.save({wrapper: weights} if wrapper else weights, part)
        part.rename(pathlib.Path(target) / name)


def load(kind, weights):
    """The detector of that name in controlnet_aux, with the files of the folder `weights`."""
    import controlnet_aux as aux
    if kind == "openpose":  # the body's network alone, as neither side looks for hands and faces by default
        from controlnet_aux.open_pose.body import Body
        return aux.OpenposeDetector(Body(f"{weights}/body_pose_model.pth"))
    if kind == "teed":
        return aux.TEEDdetector.from_pretrained(weights, filename="7_model.pth")
    detectors = {"hed": aux.HEDdetector, "mlsd": aux.MLSDdetector, "pidinet": aux.PidiNetDetector,
                 "depth": aux.MidasDetector, "depth_zoe": aux.ZoeDetector, "normalbae": aux.NormalBaeDetector,
                 "lineart": aux.LineartDetector, "lineart_anime": aux.LineartAnimeDetector}
    return detectors[kind].from_pretrained(weights)


def measure(kind, weights, picture, map_file, runs, threads):
    import cv2
    import torch
    import controlnet_aux
    torch.set_num_threads(int(threads))
    cv2.setNumThreads(int(threads))
    imported = peak_bytes()
    rgb = cv2.imread(picture)[:, :, ::-1].copy()
    # The sides are multiples of 64, so that the package's own scaling changes nothing.
    side = min(rgb.shape[:2])
    resolutions = {"detect_resolution": side} if kind == "teed" else {"detect_resolution": side, "image_resolution": side}
    begin = time.perf_counter()
    detector = load(kind, weights)
    load_s = time.perf_counter() - begin
    seconds = []
    with torch.no_grad():
        found = detector(rgb, output_type="np", **resolutions)  # warms up
        for _ in range(int(runs)):
            begin = time.perf_counter()
            found = detector(rgb, output_type="np", **resolutions)
            seconds.append(time.perf_counter() - begin)
    peak = peak_bytes()
    cv2.imwrite(map_file, found[:, :, ::-1])
    seconds.sort()
    return {"kind": kind, "load_s": load_s, "median_s": seconds[len(seconds) // 2], "min_s": seconds[0],
            "max_s": seconds[-1], "peak_bytes": peak, "peak_bytes_after_import": imported,
            "versions": {"controlnet_aux": controlnet_aux.__version__, "torch": torch.__version__, "cv2": cv2.__version__}}


if __name__ == "__main__":
    if sys.argv[1] == "convert":
        convert(*sys.argv[2:])
    else:
        print(json.dumps(measure(*sys.argv[2:])))
