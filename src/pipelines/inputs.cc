// SPDX-License-Identifier: Apache-2.0
#include "pipelines/inputs.h"

#include <fmt/format.h>

#include "annotators/label_map.h"
#include "base/error.h"
#include "image/codec.h"
#include "pipelines/maps.h"

namespace zc {
namespace {

void check_image_count(const std::vector<Image>& images, const GenerateRequest& request) {
  if (images.size() == request.controls.size()) return;
  throw Error(
      ErrorKind::bad_request, "controls",
      fmt::format("{} images for {} control units", images.size(), request.controls.size()));
}

// What an earlier run made; of another size it cannot be that.
ControlMap recorded_map(const ControlUnit& unit, const Image& image, ImageSize size) {
  if (image.width != size.width || image.height != size.height) {
    throw Error(ErrorKind::bad_request, "maps",
                fmt::format("a finished map is {}x{}, wanted {}x{}", image.width, image.height,
                            size.width, size.height));
  }
  return {hwc3(image), people_on_map(unit.kind, hwc3(image))};
}

}  // namespace

GenerateInputs load_inputs(const GenerateRequest& request) {
  GenerateInputs inputs;
  for (const ControlUnit& unit : request.controls) {
    if (unit.image.empty())
      throw Error(ErrorKind::bad_request, "control", fmt::format("`{}` has no image", unit.kind));
    if (is_pose_file(unit.image)) {
      inputs.poses[inputs.images.size()] = load_pose(unit.image);
      inputs.images.emplace_back();
    } else {
      inputs.images.push_back(reads_labels(unit) ? load_label_map(unit.image)
                                                 : load_image(unit.image));
    }
    if (!unit.mask.empty()) inputs.unit_masks[inputs.images.size() - 1] = load_image(unit.mask);
  }
  if (!request.init.empty()) inputs.init = load_image(request.init);
  if (!request.mask.empty()) inputs.mask = load_image(request.mask);
  return inputs;
}

GenerateInputs replay_inputs(const Replay& replay) {
  GenerateInputs inputs;
  inputs.images = replay.maps;
  inputs.unit_masks = replay.masks;
  inputs.hires_maps = replay.hires_maps;
  inputs.finished_maps = true;
  inputs.only = replay.index;
  if (!replay.request.init.empty()) inputs.init = load_image(replay.request.init);
  if (!replay.request.mask.empty()) inputs.mask = load_image(replay.request.mask);
  return inputs;
}

std::vector<ControlMap> make_maps(const GenerateRequest& request, const GenerateInputs& inputs,
                                  ImageSize size, bool toy_world,
                                  std::vector<std::string>& warnings) {
  check_image_count(inputs.images, request);
  std::vector<ControlMap> maps;
  for (size_t i = 0; i < inputs.images.size(); ++i) {
    const Image& image = inputs.images[i];
    const ControlUnit& unit = request.controls[i];
    if (const auto people = inputs.poses.find(i); people != inputs.poses.end()) {
      maps.push_back({make_pose_map(unit, people->second, size, toy_world, warnings),
                      fitted_people(unit, people->second, size)});
      continue;
    }
    if (!inputs.finished_maps) {
      maps.push_back(make_control_map(unit, image, size, warnings));
      continue;
    }
    maps.push_back(recorded_map(unit, image, size));
  }
  return maps;
}

std::vector<ControlMap> make_hires_maps(const GenerateRequest& request,
                                        const GenerateInputs& inputs, ImageSize size,
                                        bool toy_world) {
  std::vector<std::string> said_before;
  if (!inputs.finished_maps) return make_maps(request, inputs, size, toy_world, said_before);
  GenerateInputs recorded;
  recorded.images = inputs.hires_maps;
  recorded.finished_maps = true;
  return make_maps(request, recorded, size, toy_world, said_before);
}

std::optional<StartPicture> prepare_start_picture(const Vae& vae, VaeRows rows,
                                                  const GenerateRequest& request,
                                                  const GenerateInputs& inputs, ImageSize size,
                                                  std::vector<std::string>& warnings) {
  if (!inputs.init) return std::nullopt;
  // gradio_tile.py and gradio_inpaint.py divide by 127.0.
  const double half_range = request.profile == "seed11" ? 127.0 : 127.5;
  return prepare_start(
      *inputs.init, inputs.mask ? &*inputs.mask : nullptr,
      {.size = size, .mask_blur = request.mask_blur, .half_range = half_range, .rows = rows}, vae,
      warnings);
}

PictureSize size_of_first_control(const GenerateInputs& inputs, int64_t image_size) {
  const Image& image = inputs.images.at(0);
  const auto people = inputs.poses.find(0);
  const ImageSize whole =
      people != inputs.poses.end() ? people->second.canvas : ImageSize{image.width, image.height};
  const ImageSize size = resize_image_size(whole, static_cast<int>(image_size));
  return {size.width, size.height};
}

}  // namespace zc
