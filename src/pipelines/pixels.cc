// SPDX-License-Identifier: Apache-2.0
#include "pipelines/pixels.h"

#include <cstring>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include "base/error.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

// [1,C,H,W] float32, 0..255.
at::Tensor planes(const Image& image) {
  at::Tensor bytes = at::empty({1, image.height, image.width, image.channels}, at::kByte);
  std::memcpy(bytes.mutable_data_ptr(), image.pixels.data(), image.pixels.size());
  return bytes.permute({0, 3, 1, 2}).to(at::kFloat).contiguous();
}

}  // namespace

at::Tensor hint_tensor(const Image& map) {
  ZC_BUG_IF(map.channels != 3);
  return planes(map) / 255.0;
}

at::Tensor vae_input(const Image& image, double half_range) {
  ZC_BUG_IF(image.channels != 3);
  return planes(image) / half_range - 1.0;
}

at::Tensor mask_tensor(const Image& mask) {
  return planes(mask).narrow(1, 0, 1) / 255.0;
}

Image picture(const at::Tensor& x) {
  check_shape(x, "picture", {3, "H", "W"});
  const at::Tensor bytes = (x.to(at::kFloat) * 127.5 + 127.5)
                               .clamp(0, 255)
                               .to(at::kByte)
                               .permute({1, 2, 0})
                               .contiguous();
  Image image(static_cast<int>(x.size(2)), static_cast<int>(x.size(1)), 3);
  std::memcpy(image.pixels.data(), bytes.const_data_ptr(), image.pixels.size());
  return image;
}

}  // namespace zc
