#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real Python client of the web UI's API (PyPI: webuiapi) against the real program with the tiny model.

Usage: webuiapi_client.py ZEROCONV WRITE_TINY_MODEL    Status 0: all went well; 77: the package cannot be had.
"""
import os
import sys
import threading
import time

sys.dont_write_bytecode = True  # no __pycache__ among the sources
from server_process import Server, python_with

PACKAGES = ["webuiapi==0.9.17", "pillow==11.0.0", "requests==2.32.3"]
SIZE = {"width": 64, "height": 64}


def photo(side=96):
    from PIL import Image, ImageDraw
    picture = Image.new("RGB", (side, side), (40, 40, 40))
    ImageDraw.Draw(picture).rectangle((side // 3, side // 4, 2 * side // 3, 3 * side // 4), fill=(220, 220, 220))
    return picture


def half_mask(side=96):
    from PIL import Image
    mask = Image.new("RGB", (side, side))
    mask.paste((255, 255, 255), (0, 0, side // 2, side))
    return mask


def check_lists(api):
    assert api.has_controlnet, "the client does not see the ControlNet extension"
    titles = api.util_get_model_names()
    assert api.util_get_current_model() in titles, (api.util_get_current_model(), titles)
    assert "DPM++ 2M" in api.util_get_sampler_names() and "karras" in api.util_get_scheduler_names()
    assert api.get_upscalers()[0]["name"] == "None" and api.get_latent_upscale_modes()
    for each in (api.get_sd_vae, api.get_loras, api.get_hypernetworks, api.get_face_restorers, api.get_realesrgan_models,
                 api.get_prompt_styles):
        assert each() == [], each
    assert api.get_embeddings() == {"loaded": {}, "skipped": {}}
    assert api.get_memory()["ram"]["total"] > 0 and api.get_cmd_flags()["api"]
    assert api.controlnet_version() == 3
    assert any(name.startswith("builtin-canny [") for name in api.controlnet_model_list()), api.controlnet_model_list()
    assert "canny" in api.controlnet_module_list()


def check_nothings(api):
    assert api.interrupt() == {} and api.skip() is None and api.refresh_checkpoints() is None
    api.util_wait_for_ready(check_interval=0.05)


def check_options(api):
    options = api.get_options()
    assert api.set_options(options) is None
    assert api.get_options() == options
    api.set_options({"samples_format": "jpg"})
    assert api.get_options()["samples_format"] == "jpg"
    assert api.txt2img(prompt="a red house", steps=1, **SIZE).image.format == "JPEG"
    api.set_options({"samples_format": "png"})
    api.util_set_model("base")
    assert api.util_get_current_model() == options["sd_model_checkpoint"]


def check_txt2img(api):
    first = api.txt2img(prompt="a red house", negative_prompt="sea", seed=5, steps=3, cfg_scale=3, batch_size=2, **SIZE)
    assert len(first.images) == 2 and first.image.size == (64, 64)
    assert first.info["all_seeds"] == [5, 6], first.info
    assert first.info["prompt"] == "a red house" and first.info["sampler_name"] == "Euler a"
    assert first.parameters["cfg_scale"] == 3
    again = api.txt2img(prompt="a red house", negative_prompt="sea", seed=6, steps=3, cfg_scale=3, **SIZE)
    assert again.image.tobytes() == first.images[1].tobytes(), "the second picture of a batch is not that of its seed"
    read = api.png_info(first.images[1])
    assert "Seed: 6" in read.info, read.info
    assert read.parameters["Seed"] == "6" and read.parameters["Size-1"] == "64", read.parameters
    assert "Steps: 3" in first.images[0].info["parameters"]
    other = api.txt2img(prompt="a red house", seed=6, steps=3, sampler_name="DPM++ 2M", scheduler="Karras", **SIZE)
    assert "DPM++ 2M" in other.info["infotexts"][0]
    large = api.txt2img(prompt="a house", steps=2, enable_hr=True, hr_scale=2, denoising_strength=0.6, **SIZE)
    assert large.image.size == (128, 128), large.image.size


def check_img2img(api):
    api.img2img(images=[photo()], prompt="a house", steps=2, denoising_strength=0.5, **SIZE)
    whole = api.img2img(images=[photo(64)], mask_image=half_mask(64), inpaint_full_res=False, inpainting_fill=1, mask_blur=0,
                        prompt="a house", seed=1, steps=3, denoising_strength=0.9, **SIZE)
    assert whole.image.getpixel((60, 30)) == photo(64).getpixel((60, 30)), "what the mask keeps has changed"
    part = api.img2img(images=[photo()], mask_image=half_mask(), inpaint_full_res=True, inpaint_full_res_padding=8,
                       prompt="a house", seed=1, steps=3, **SIZE)
    assert part.image.size == (96, 96) and part.image.getpixel((90, 50)) == photo().getpixel((90, 50))


def check_controlnet(api, webuiapi):
    unit = webuiapi.ControlNetUnit(image=photo(), module="canny", model="builtin-canny", processor_res=64, threshold_a=100,
                                   threshold_b=200, weight=0.8, resize_mode="Crop and Resize")
    made = api.txt2img(prompt="a house", seed=3, steps=2, controlnet_units=[unit], **SIZE)
    assert len(made.images) == 2, "a picture and its map were wanted"
    edges = made.images[1].convert("L")
    assert set(edges.getdata()) == {0, 255}, "the second picture is no map of edges"
    assert "ControlNet 0" in made.info["infotexts"][0]
    without = api.txt2img(prompt="a house", seed=3, steps=2, **SIZE)
    assert made.image.tobytes() != without.image.tobytes(), "the unit has no effect"
    ready_map = webuiapi.ControlNetUnit(image=edges, module="none", model="builtin-canny", weight=0.8)
    same = api.txt2img(prompt="a house", seed=3, steps=2, controlnet_units=[ready_map], **SIZE)
    assert same.image.tobytes() == made.image.tobytes(), "a finished map gives another picture"
    api.img2img(images=[photo()], prompt="a house", steps=2,
                controlnet_units=[webuiapi.ControlNetUnit(module="canny", model="builtin-canny")], **SIZE)
    found = api.controlnet_detect(images=[photo()], module="canny", processor_res=128, threshold_a=100, threshold_b=200)
    assert found.images[0].size == (128, 128) and found.info == "Success"


def check_errors(api, webuiapi):
    for wrong in ({"sampler_name": "No such sampler"}, {"steps": 0}, {"width": 100000},
                  {"controlnet_units": [webuiapi.ControlNetUnit(image=photo(), module="canny", model="nothing like it")]}):
        try:
            api.txt2img(**{"prompt": "x", **SIZE, **wrong})
        except RuntimeError as error:
            assert error.args[0] in (404, 422), (wrong, error)
        else:
            raise AssertionError(f"{wrong} was taken")


def check_progress_and_interrupt(api, webuiapi, port):
    result = []
    other = webuiapi.WebUIApi(port=port)
    thread = threading.Thread(target=lambda: result.append(other.txt2img(prompt="a house", steps=150, n_iter=20, **SIZE)))
    thread.start()
    deadline = time.monotonic() + 60
    while True:
        progress = api.get_progress()
        if progress["state"]["job_count"] == 20 and progress["progress"] > 0.01:
            break
        assert time.monotonic() < deadline and not result, "no progress was seen"
        time.sleep(0.02)
    assert 0 < progress["progress"] <= 1 and progress["state"]["sampling_steps"] == 150, progress
    api.interrupt()
    thread.join(timeout=60)
    assert result and len(result[0].images) < 20, "interrupt did not end the request"
    api.util_wait_for_ready(check_interval=0.05)


def check_extras(api):
    assert api.extra_single_image(photo(), upscaler_1="Lanczos", upscaling_resize=2).image.size == (192, 192)
    made = api.extra_batch_images([photo(), photo()], upscaler_1="Nearest", upscaling_resize=1.5)
    assert [image.size for image in made.images] == [(144, 144)] * 2


def run(port):
    import webuiapi
    api = webuiapi.WebUIApi(host="127.0.0.1", port=port, steps=2)
    for check in (check_lists, check_nothings, check_options, check_txt2img, check_img2img, check_extras):
        check(api)
        print("ok", check.__name__, flush=True)
    for check in (check_controlnet, check_errors):
        check(api, webuiapi)
        print("ok", check.__name__, flush=True)
    check_progress_and_interrupt(api, webuiapi, port)
    print("ok check_progress_and_interrupt")


def main():
    if sys.argv[1] == "--run":
        return run(int(sys.argv[2]))
    python = python_with(PACKAGES, "venv-api")
    with Server(sys.argv[1], sys.argv[2]) as server:
        status = os.spawnv(os.P_WAIT, python, [python, __file__, "--run", str(server.port)])
        if status != 0:
            print("".join(server.lines[-50:]))
    sys.exit(status)


if __name__ == "__main__":
    main()
