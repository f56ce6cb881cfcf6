// SPDX-License-Identifier: Apache-2.0
#include "annotators/inpaint_maps.h"

#include <ATen/ops/empty.h>

#include "base/error.h"
#include "image/resize.h"

namespace zc {
namespace {

constexpr int kLatentScale = 8;
constexpr float kInside = 0.5f;

// Stretched as bytes, then [0,1].
FloatMap first_channel(const Image& mask, ImageSize size) {
  Image channel(mask.width, mask.height, 1);
  for (size_t i = 0; i < channel.pixels.size(); ++i)
    channel.pixels[i] = mask.pixels[i * static_cast<size_t>(mask.channels)];
  const Image stretched = resize(channel, size, Interpolation::linear);
  FloatMap map{size.width, size.height, {}};
  map.values.reserve(stretched.pixels.size());
  for (const uint8_t value : stretched.pixels)
    map.values.push_back(static_cast<float>(value) / 255.0f);
  return map;
}

}  // namespace

at::Tensor inpaint_control(const Image& picture, const FloatMap& mask) {
  ZC_BUG_IF(picture.channels != 3 || picture.width != mask.width || picture.height != mask.height);
  at::Tensor control = at::empty({3, picture.height, picture.width}, at::kFloat);
  const size_t plane = mask.values.size();
  auto* out = control.mutable_data_ptr<float>();
  for (size_t i = 0; i < plane; ++i) {
    const bool inside = mask.values[i] > kInside;
    for (size_t c = 0; c < 3; ++c) {
      out[c * plane + i] = inside ? -1.0f : static_cast<float>(picture.pixels[3 * i + c]) / 255.0f;
    }
  }
  return control;
}

InpaintMaps inpaint_maps(const Image& image, const Image& mask, int resolution,
                         const InpaintOptions& options) {
  ZC_BUG_IF(image.empty() || mask.empty());
  check_options(options, "inpaint");
  InpaintMaps maps;
  maps.picture = resize_image(hwc3(image), resolution);
  const ImageSize size{maps.picture.width, maps.picture.height};
  maps.mask_pixel = first_channel(mask, size);
  if (options.mask_blur > 0) maps.mask_pixel = gaussian_blur(maps.mask_pixel, options.mask_blur);
  maps.mask_latent =
      resize(maps.mask_pixel, {size.width / kLatentScale, size.height / kLatentScale},
             Interpolation::area);
  maps.control = inpaint_control(maps.picture, maps.mask_pixel);
  return maps;
}

}  // namespace zc
