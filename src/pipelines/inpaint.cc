// SPDX-License-Identifier: Apache-2.0
#include "pipelines/inpaint.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/reflection_pad2d.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "pipelines/pixels.h"

namespace zc {
namespace {

// Gaussian of deviation sigma over [1,1,H,W], mirrored at the borders.
at::Tensor blur(const at::Tensor& x, double sigma) {
  if (sigma <= 0) return x;
  const int64_t limit = std::min(x.size(2), x.size(3)) - 1;
  const int64_t radius = std::min<int64_t>(static_cast<int64_t>(std::ceil(3 * sigma)), limit);
  const at::Tensor offsets = at::arange(-radius, radius + 1, at::kFloat);
  at::Tensor kernel = at::exp(offsets * offsets / (-2.0 * sigma * sigma));
  kernel = kernel / kernel.sum();
  const at::Tensor padded = at::reflection_pad2d(x, {radius, radius, radius, radius});
  return at::conv2d(at::conv2d(padded, kernel.view({1, 1, 1, -1})), kernel.view({1, 1, -1, 1}));
}

}  // namespace

StartPicture prepare_start(const Image& init, const Image* mask, const StartPictureOptions& o,
                           const Vae& vae, std::vector<std::string>& warnings) {
  StartPicture start;
  const double wanted = static_cast<double>(o.size.width) / o.size.height;
  if (std::abs(static_cast<double>(init.width) / init.height - wanted) > 0.01 * wanted) {
    warnings.push_back(fmt::format(
        "the start picture ({}x{}) has another aspect than {}x{}: its edges were cut off",
        init.width, init.height, o.size.width, o.size.height));
  }
  start.picture = center_crop_fill(hwc3(init), o.size);
  start.latent = vae.encode(vae_input(start.picture, o.half_range), o.rows);
  if (mask == nullptr) return start;
  // The mask belongs to the picture, so it is cut like it.
  const Image like_init = resize(hwc3(*mask), {init.width, init.height}, Interpolation::linear);
  start.mask = blur(mask_tensor(center_crop_fill(like_init, o.size)), o.mask_blur).clamp(0, 1);
  return start;
}

at::Tensor sample_latent(const Vae::Moments& moments, const at::Tensor& noise,
                         double scale_factor) {
  return (moments.mean + at::exp(0.5 * moments.logvar) * noise) * scale_factor;
}

at::Tensor keep_in_latent(const StartPicture& start, int64_t downscale) {
  if (!start.mask.defined()) return {};
  return 1.0 - at::avg_pool2d(start.mask, {downscale, downscale});
}

Image blend_with_start(const StartPicture& start, const Image& result) {
  if (!start.mask.defined()) return result;
  const at::Tensor mixed =
      vae_input(result) * start.mask + vae_input(start.picture) * (1.0 - start.mask);
  // Half a step up: the bytes come from bytes, and a rounding error must not take one off.
  return picture((mixed + 0.5 / 127.5).squeeze(0));
}

}  // namespace zc
