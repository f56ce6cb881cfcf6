# SPDX-License-Identifier: Apache-2.0
"""The results of bench_peers.py as a Markdown table, and how far two outputs are from each other."""
import statistics

TITLES = {"step": "a denoising step", "vae": "VAE decode", "text": "text encoding",
          "ready": "start of the program to its first step",
          "startup": "start of the program to the end of its first step",
          "image": "a whole picture, weights loaded", "total": "a whole picture, with start-up"}
BESIDES = {"ready_s": "ready", "total_s": "total"}  # values that have lines of their own


def difference(file, reference):
    """For people: arrays by their largest difference over the reference's largest value, pictures in grey levels."""
    import numpy
    from PIL import Image
    read = numpy.load if file.suffix == ".npy" else lambda f: numpy.asarray(Image.open(f).convert("RGB")).astype(float)
    a, b = read(file), read(reference)
    if a.shape != b.shape:
        return f"shape {a.shape}, not {b.shape}"
    if not numpy.isfinite(a).all():
        return "not finite"
    if file.suffix == ".npy":
        return f"{numpy.abs(a - b).max() / max(numpy.abs(b).max(), 1e-30):.1e}"
    return f"{numpy.abs(a - b).mean():.2f} levels, most {numpy.abs(a - b).max():.0f}"


def lines_of(data):
    """(what, peer) -> {seconds, peak_bytes, notes} over all rounds; `ready` stands beside `startup`, `total` beside `image`.

    Notes are with `startup` and `image` alone. `ready` has no peak: that of its process comes later."""
    lines = {}
    for r in data["results"]:
        if "error" in r:
            lines.setdefault((r["what"], r["peer"]), {}).setdefault("error", r["error"])
            continue
        kinds = {r["what"]: r["seconds"], **{what: [r[key]] for key, what in BESIDES.items() if key in r}}
        for what, seconds in kinds.items():
            line = lines.setdefault((what, r["peer"]), {})
            line.setdefault("seconds", []).extend(seconds)
            if what != "ready":
                line["peak_bytes"] = max(line.get("peak_bytes", 0), r["peak_bytes"])
            if what == r["what"]:
                line.setdefault("notes", set()).update({r["note"]} - {""})
    return lines


def digits(seconds):
    """Three figures: 0.0123, 0.123, 1.23, 12.3, 123."""
    return next(f"{seconds:.{places}f}" for places, top in ((4, 0.1), (3, 1), (2, 10), (1, 100), (0, float("inf")))
                if seconds < top)


def row_of(what, peer, line, ours, differs):
    if "seconds" not in line:
        return f"| {what} | {peer} | failed: {line['error'].replace('|', '/')} | | | | |"
    seconds, peak = line["seconds"], line.get("peak_bytes")
    median = statistics.median(seconds)
    gib = f"{peak / 2**30:.2f}" if peak else ""
    ratio = memory = ""
    if ours and "seconds" in ours:
        ratio = f"{median / statistics.median(ours['seconds']):.2f}"
        memory = f"{peak / ours['peak_bytes']:.2f}" if peak else ""
    spread = f" ({digits(min(seconds))} to {digits(max(seconds))})" if len(seconds) > 1 else ""
    return f"| {what} | {peer} | {digits(median)}{spread} | {ratio} | {gib} | {memory} | {differs} |"


def notes_of(data, lines):
    s, m = data["settings"], data["machine"]
    versions = {}
    for r in data["results"]:
        versions.update(r.get("versions", {}))
    rounds = max((r["round"] for r in data["results"]), default=0)
    yield (f"SD1.5 with one ControlNet, {s['size']}x{s['size']}, guidance as a batch of two, {s['steps']} steps of DDIM, "
           f"{s['threads']} threads, up to {rounds} rounds by turns; {m['cpu']}, {m['cores']} cores "
           f"({', '.join(m['extensions'])}); " + ", ".join(f"{name} {version}" for name, version in versions.items()) + ".")
    if s["zeroconv_options"]:
        yield f"zeroconv with `{s['zeroconv_options']}`."
    for (what, peer), line in lines.items():
        for note in sorted(line.get("notes", ())):
            yield f"{peer}, {TITLES[what]}: {note}."
        if "seconds" in line and "error" in line:
            yield f"{peer}, {TITLES[what]}: a round failed ({line['error']})."


def table_of(data):
    """Rows by what was measured, the fastest first; ratios are to zeroconv's median of the same and to its peak memory."""
    lines, differences = lines_of(data), data.get("differences", {})
    rows = ["| what | program | seconds: median (least to most) | of zeroconv's | peak, GiB | of zeroconv's | differs by |",
            "|---|---|---|---|---|---|---|"]
    for what, title in TITLES.items():
        peers = [(peer, line) for (w, peer), line in lines.items() if w == what]
        peers.sort(key=lambda pair: statistics.median(pair[1]["seconds"]) if "seconds" in pair[1] else float("inf"))
        for i, (peer, line) in enumerate(peers):
            differs = differences.get(f"{what} {peer}", {})
            text = differs.get("text", "") + (f" from {differs['from']}" if differs.get("from") == "diffusers" else "")
            rows.append(row_of(title if i == 0 else "", peer, line, lines.get((what, "zeroconv")), text))
    return "\n".join([*rows, "", *notes_of(data, lines)]) + "\n"
