// SPDX-License-Identifier: Apache-2.0
#include "annotators/lineart.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/reflection_pad2d.h>
#include <ATen/ops/sigmoid.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include "annotators/float_map.h"
#include "annotators/network_image.h"
#include "annotators/padded_image.h"
#include "base/error.h"
#include "image/resize.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr int kMultiple = 4;   // twice halved
constexpr int kLeastSide = 8;  // a reflection needs a second pixel at a quarter of the size

at::Tensor reflect(const at::Tensor& x, int64_t border) {
  return at::reflection_pad2d(x, {border, border, border, border});
}

at::Tensor norm_relu(const at::Tensor& x) {
  return instance_norm(x).relu_();
}

void check_sides(const at::Tensor& x) {
  for (const int64_t side : {x.size(2), x.size(3)}) {
    if (side >= kLeastSide && side % kMultiple == 0) continue;
    throw Error(ErrorKind::bad_request, "lineart",
                fmt::format("a side of the image is {}, wanted at least {} and a multiple of {}",
                            side, kLeastSide, kMultiple));
  }
}

}  // namespace

LineartResidual::LineartResidual(Module& parent, std::string_view key, int64_t channels)
    : Module(parent, key),
      conv1_(*this, "conv_block.1", channels, channels, 3),
      conv2_(*this, "conv_block.5", channels, channels, 3) {}

at::Tensor LineartResidual::operator()(const at::Tensor& x) const {
  const at::Tensor h = norm_relu(conv1_(reflect(x, 1)));
  return instance_norm(conv2_(reflect(h, 1))).add_(x);
}

LineartNetwork::LineartNetwork()
    : conv_in_(*this, "model0.1", 3, 64, 7),
      down1_(*this, "model1.0", 64, 128, 3, {.stride = 2, .padding = 1}),
      down2_(*this, "model1.3", 128, 256, 3, {.stride = 2, .padding = 1}),
      up1_(*this, "model3.0", 256, 128, 3, 2, 1, 1),
      up2_(*this, "model3.3", 128, 64, 3, 2, 1, 1),
      conv_out_(*this, "model4.1", 64, 1, 7) {
  for (int i = 0; i < 3; ++i) residuals_.emplace_back(*this, fmt::format("model2.{}", i), 256);
}

at::Tensor LineartNetwork::forward(const at::Tensor& x, Taps* taps) const {
  check_shape(x, "lineart", {"B", 3, "H", "W"});
  check_sides(x);
  record(taps, "net_input", x);
  at::Tensor h = norm_relu(conv_in_(reflect(x, 3)));  // [B,64,H,W]
  record(taps, "layer.model0", h);
  h = norm_relu(down2_(norm_relu(down1_(h))));  // [B,256,H/4,W/4]
  record(taps, "layer.model1", h);
  for (size_t i = 0; i < residuals_.size(); ++i) {
    h = residuals_[i](h);
    record(taps, fmt::format("layer.model2.{}", i), h);
  }
  record(taps, "layer.model2", h);
  h = norm_relu(up2_(norm_relu(up1_(h))));  // [B,64,H,W]
  record(taps, "layer.model3", h);
  const at::Tensor line = at::sigmoid(conv_out_(reflect(h, 3)));
  record(taps, "line", line);
  return line;
}

at::Tensor lineart_input(const Image& rgb) {
  return rgb_tensor(padded(rgb, kLeastSide, kMultiple)) / 255.0;
}

Image lineart_map(const LineartNetwork& network, const Image& rgb, const LineartOptions&) {
  const c10::NoGradGuard no_grad;
  const Image lines = to_bytes(float_map(network.forward(lineart_input(rgb))));
  return crop(lines, 0, 0, {rgb.width, rgb.height});
}

}  // namespace zc
