// SPDX-License-Identifier: Apache-2.0
// The annotators without a network, and the steps that all share.
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "annotator_case.h"
#include "annotators/canny.h"
#include "annotators/inpaint_maps.h"
#include "annotators/numpy_random.h"
#include "annotators/scribble.h"
#include "annotators/shuffle.h"
#include "annotators/simple.h"
#include "base/error.h"
#include "image/resize.h"
#include "pipelines/pixels.h"

namespace zc::parity {
namespace {

using nlohmann::json;

constexpr double kInpaintHalfRange = 127.0;

CannyOptions canny_options(const json& params) {
  return {.low_threshold = params.at("low"), .high_threshold = params.at("high")};
}

AnnotatorOutputs canny_op(const AnnotatorCase& c) {
  Image photo = hwc3(c.image("image"));
  const json& resolution = c.params().at("resolution");
  if (!resolution.is_null()) photo = resize_image(photo, resolution);
  return {.images = {{"edges", canny(photo, canny_options(c.params()))}}};
}

AnnotatorOutputs canny_two_resolutions(const AnnotatorCase& c) {
  const Image photo = hwc3(c.image("image"));
  const Image map = hwc3(
      canny(resize_image(photo, c.params().at("detect_resolution")), canny_options(c.params())));
  const ImageSize size =
      resize_image_size({photo.width, photo.height}, c.params().at("image_resolution"));
  const bool nearest = c.params().at("map_resize") == "nearest";
  return {.images = {{"map", resize(map, size,
                                    nearest ? Interpolation::nearest : Interpolation::linear)}}};
}

AnnotatorOutputs control_tensor(const AnnotatorCase& c) {
  const at::Tensor plain = hint_tensor(hwc3(c.image("map"))).squeeze(0);
  return {.tensors = {{"plain", plain}, {"inverted", 1.0 - plain}, {"bgr", plain.flip({0})}}};
}

AnnotatorOutputs hwc3_op(const AnnotatorCase& c) {
  return {.images = {{"rgb", hwc3(c.image("image"))}}};
}

AnnotatorOutputs resize_image_op(const AnnotatorCase& c) {
  return {
      .images = {{"resized", resize_image(hwc3(c.image("image")), c.params().at("resolution"))}}};
}

// The questions stand only in the rows of the answer: height, width, resolution, and the result.
AnnotatorOutputs resize_image_sizes(const AnnotatorCase& c) {
  const std::string name = "h_w_resolution_outh_outw";
  json rows = json::array();
  for (const json& row : c.json.at("outputs").at(name).at("value")) {
    const ImageSize size = resize_image_size({row[1], row[0]}, row[2]);
    rows.push_back({row[0], row[1], row[2], size.height, size.width});
  }
  return {.values = {{name, rows}}};
}

AnnotatorOutputs scribble_threshold(const AnnotatorCase& c) {
  const Image drawing = resize_image(hwc3(c.image("image")), c.params().at("resolution"));
  return {.images = {{"map", scribble(drawing)}}};
}

AnnotatorOutputs scribble_interactive_op(const AnnotatorCase& c) {
  const Image mask = resize_image(hwc3(c.image("mask")), c.params().at("resolution"));
  return {.images = {{"map", scribble_interactive(mask)}}};
}

AnnotatorOutputs tile(const AnnotatorCase& c) {
  const Image map = tile_map(c.image("image"), c.params().at("resolution"));
  return {.images = {{"map", map}}, .values = {{"size", {map.height, map.width}}}};
}

AnnotatorOutputs downsample_op(const AnnotatorCase& c) {
  const DownsampleOptions options{
      .level = c.params().at("level"), .k = c.params().at("k"), .seed = 0};
  return {.images = {{"map", downsample(c.image("image"), options)}}};
}

AnnotatorOutputs gray_random(const AnnotatorCase& c) {
  const auto draws = c.params().at("draws").get<std::array<double, 3>>();
  return {.images = {{"map", hwc3(random_gray(c.image("image"), draws))}}};
}

at::Tensor tensor_of(const FloatMap& map) {
  at::Tensor tensor = at::empty({map.height, map.width}, at::kFloat);
  std::ranges::copy(map.values, tensor.mutable_data_ptr<float>());
  return tensor;
}

AnnotatorOutputs inpaint(const AnnotatorCase& c) {
  const InpaintMaps maps =
      inpaint_maps(c.image("image"), c.image("mask"), c.params().at("resolution"),
                   {.mask_blur = c.params().at("mask_blur")});
  return {.tensors = {{"mask_pixel", tensor_of(maps.mask_pixel)},
                      {"mask_latent", tensor_of(maps.mask_latent)},
                      {"control", maps.control},
                      {"x0", vae_input(maps.picture, kInpaintHalfRange).squeeze(0)}}};
}

// Seeds and counts are those of the answer.
AnnotatorOutputs numpy_legacy_rng(const AnnotatorCase& c) {
  json by_seed = json::object();
  for (const auto& [seed, wanted] : c.json.at("outputs").at("by_seed").at("value").items()) {
    const auto number = static_cast<uint32_t>(std::stoul(seed));
    NumpyRandom uniform(number), normal(number);
    json& numbers = by_seed[seed];
    for (size_t i = 0; i < wanted.at("uniform").size(); ++i)
      numbers["uniform"].push_back(uniform.uniform());
    for (size_t i = 0; i < wanted.at("normal").size(); ++i)
      numbers["normal"].push_back(normal.normal());
  }
  return {.values = {{"by_seed", by_seed}}};
}

NoiseField noise_of(const at::Tensor& noise) {
  const at::Tensor packed = noise.to(at::kDouble).contiguous();
  const auto* begin = packed.const_data_ptr<double>();
  return {static_cast<int>(noise.size(1)),
          static_cast<int>(noise.size(0)),
          static_cast<int>(noise.size(2)),
          {begin, begin + packed.numel()}};
}

at::Tensor tensor_of(const NoiseField& field) {
  at::Tensor tensor = at::empty({field.height, field.width, field.channels}, at::kDouble);
  std::ranges::copy(field.values, tensor.mutable_data_ptr<double>());
  return tensor;
}

AnnotatorOutputs content_shuffle_op(const AnnotatorCase& c) {
  const ImageSize size{c.params().at("w"), c.params().at("h")};
  const int spacing = c.params().at("f");
  const NoiseField x = noise_disk(noise_of(c.tensor("noise_x")), size, spacing);
  const NoiseField y = noise_disk(noise_of(c.tensor("noise_y")), size, spacing);
  return {.images = {{"map", content_shuffle(c.image("image"), x, y)}},
          .tensors = {{"disk_x", tensor_of(x)}}};
}

AnnotatorOutputs color_shuffle_op(const AnnotatorCase& c) {
  const Image image = hwc3(c.image("image"));
  const ImageSize size{image.width, image.height};
  const int spacing = c.params().at("f");
  const NoiseField a = noise_disk(noise_of(c.tensor("noise_a")), size, spacing);
  const NoiseField b = noise_disk(noise_of(c.tensor("noise_b")), size, spacing);
  return {.images = {{"map", color_shuffle(image, a, b)}}};
}

}  // namespace

const AnnotatorOpTable& annotator_simple_ops() {
  static const AnnotatorOpTable table = {
      {"canny", canny_op},
      {"canny_two_resolutions", canny_two_resolutions},
      {"control_tensor", control_tensor},
      {"hwc3", hwc3_op},
      {"resize_image", resize_image_op},
      {"resize_image_size", resize_image_sizes},
      {"scribble_threshold", scribble_threshold},
      {"scribble_interactive", scribble_interactive_op},
      {"tile", tile},
      {"downsample", downsample_op},
      {"gray_random", gray_random},
      {"inpaint", inpaint},
      {"numpy_legacy_rng", numpy_legacy_rng},
      {"content_shuffle", content_shuffle_op},
      {"color_shuffle", color_shuffle_op},
  };
  return table;
}

}  // namespace zc::parity
