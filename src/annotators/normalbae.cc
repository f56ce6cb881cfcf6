// SPDX-License-Identifier: Apache-2.0
#include "annotators/normalbae.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/elu.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/sqrt.h>
#include <c10/core/GradMode.h>

#include <string>

#include "annotators/network_image.h"
#include "base/error.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr int kMultiple = 32;
constexpr int64_t kHidden = 128;
constexpr double kMinKappa = 0.01;

at::Tensor twice(const at::Tensor& x) {
  return bilinear(x, 2 * x.size(2), 2 * x.size(3), /*align_corners=*/true);
}

// norm_normalize of the reference: direction of length 1, certainty above kMinKappa.
at::Tensor unit_normals(const at::Tensor& raw) {
  const at::Tensor direction = raw.slice(1, 0, 3);
  const at::Tensor length =
      at::sqrt((direction * direction).sum(at::OptionalIntArrayRef({1}), /*keepdim=*/true)) + 1e-10;
  return at::cat({direction / length, at::elu(raw.slice(1, 3)) + 1.0 + kMinKappa}, 1);
}

}  // namespace

NormalBaeUp::NormalBaeUp(Module& parent, std::string_view key, int64_t in, int64_t out)
    : Module(parent, key),
      conv1_(*this, {"_net.0", "_net.1"}, {.in = in, .out = out, .conv = {.padding = 1}}),
      conv2_(*this, {"_net.3", "_net.4"}, {.in = out, .out = out, .conv = {.padding = 1}}) {}

at::Tensor NormalBaeUp::forward(const at::Tensor& x, const at::Tensor& skip) const {
  const at::Tensor enlarged = bilinear(x, skip.size(2), skip.size(3), /*align_corners=*/true);
  at::Tensor h = conv1_(at::cat({enlarged, skip}, 1));
  at::leaky_relu_(h);
  h = conv2_(h);
  return at::leaky_relu_(h);
}

NormalBaeRefiner::PointConv::PointConv(Module& parent, std::string_view key, int64_t in,
                                       int64_t out)
    : Module(parent, key), weight_(*this, "weight", {out, in, 1}), bias_(*this, "bias", {out}) {}

at::Tensor NormalBaeRefiner::PointConv::operator()(const at::Tensor& x) const {
  return at::conv2d(x, weight_.as(x.scalar_type()).unsqueeze(-1), bias_.as(x.scalar_type()));
}

NormalBaeRefiner::NormalBaeRefiner(Module& parent, std::string_view key, int64_t channels)
    : Module(parent, key),
      conv1_(*this, "0", channels + 4, kHidden),
      conv2_(*this, "2", kHidden, kHidden),
      conv3_(*this, "4", kHidden, kHidden),
      conv4_(*this, "6", kHidden, 4) {}

at::Tensor NormalBaeRefiner::forward(const at::Tensor& features, const at::Tensor& guess) const {
  // The reference enlarges first. A 1x1 convolution and an interpolation commute, and this order is
  // a quarter of the work.
  at::Tensor h = twice(conv1_(at::cat({features, guess}, 1))).relu_();
  h = conv2_(h).relu_();
  h = conv3_(h).relu_();
  return unit_normals(conv4_(h));
}

NormalBaeNetwork::NormalBaeNetwork()
    : encoder_(*this, "encoder.original_model"),
      bottleneck_(*this, "decoder.conv2", 2048, 2048, 1),
      up1_(*this, "decoder.up1", 2048 + 176, 1024),
      up2_(*this, "decoder.up2", 1024 + 64, 512),
      up3_(*this, "decoder.up3", 512 + 40, 256),
      up4_(*this, "decoder.up4", 256 + 24, 128),
      out8_(*this, "decoder.out_conv_res8", 512, 4, 3, {.padding = 1}),
      refine4_(*this, "decoder.out_conv_res4", 512),
      refine2_(*this, "decoder.out_conv_res2", 256),
      refine1_(*this, "decoder.out_conv_res1", 128) {}

NormalBaeNetwork::Output NormalBaeNetwork::forward(const at::Tensor& x, Taps* taps) const {
  check_shape(x, "normalbae", {"B", 3, "H", "W"});
  check_sides(x, "normalbae", kMultiple);
  record(taps, "net_input", x);
  const auto levels = encoder_.forward(x, taps, "layer.encoder.original_model.");
  const at::Tensor h0 = bottleneck_(levels[4]);       // [B,2048,H/32,W/32]
  const at::Tensor h1 = up1_.forward(h0, levels[3]);  // [B,1024,H/16,W/16]
  const at::Tensor h2 = up2_.forward(h1, levels[2]);  // [B,512,H/8,W/8]
  const at::Tensor h3 = up3_.forward(h2, levels[1]);  // [B,256,H/4,W/4]
  const at::Tensor h4 = up4_.forward(h3, levels[0]);  // [B,128,H/2,W/2]
  const at::Tensor raw8 = out8_(h2);

  Output out;
  out.res8 = unit_normals(raw8);
  out.res4 = refine4_.forward(h2, out.res8);
  out.res2 = refine2_.forward(h3, out.res4);
  out.res1 = refine1_.forward(h4, out.res2);

  record(taps, "layer.decoder.conv2", h0);
  record(taps, "layer.decoder.up1", h1);
  record(taps, "layer.decoder.up2", h2);
  record(taps, "layer.decoder.up3", h3);
  record(taps, "layer.decoder.up4", h4);
  record(taps, "layer.decoder.out_conv_res8", raw8);
  record(taps, "res8", out.res8);
  record(taps, "res4", out.res4);
  record(taps, "res2", out.res2);
  record(taps, "res1", out.res1);
  return out;
}

at::Tensor normalbae_normals(const NormalBaeNetwork& network, const Image& rgb, Taps* taps) {
  const c10::NoGradGuard no_grad;
  const at::Tensor x = imagenet_normalized(rgb_tensor(scaled_to_multiple(rgb, kMultiple)) / 255.0);
  const at::Tensor normals = network.forward(x, taps).res1;
  if (normals.size(2) == rgb.height && normals.size(3) == rgb.width) return normals;
  return bilinear(normals, rgb.height, rgb.width, /*align_corners=*/false);
}

Image normalbae_picture(const at::Tensor& normals) {
  ZC_BUG_IF(normals.dim() != 3 || normals.size(0) < 3);
  return to_bytes(((normals.slice(0, 0, 3) + 1.0) * 0.5).clamp(0.0, 1.0));
}

Image normalbae_map(const NormalBaeNetwork& network, const Image& rgb) {
  return normalbae_picture(normalbae_normals(network, rgb)[0]);
}

}  // namespace zc
