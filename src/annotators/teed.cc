// SPDX-License-Identifier: Apache-2.0
#include "annotators/teed.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/log1p.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/tanh.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include "annotators/network_image.h"
#include "annotators/padded_image.h"
#include "annotators/soft_edge.h"
#include "base/error.h"
#include "image/resize.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr int kMultiple = 4;  // twice halved
constexpr int64_t kUpFeatures = 16;
constexpr int64_t kFuseFeatures = 24;

at::Tensor smish(const at::Tensor& x) {
  return x * at::tanh(at::log1p(at::sigmoid(x)));
}

}  // namespace

TeedBlock::TeedBlock(Module& parent, std::string_view key, const Options& o)
    : Module(parent, key),
      activate_(o.activate),
      conv1_(*this, "conv1", o.in, o.out, 3, {.stride = o.stride, .padding = 1}),
      conv2_(*this, "conv2", o.out, o.out, 3, {.padding = 1}) {}

at::Tensor TeedBlock::operator()(const at::Tensor& x) const {
  const at::Tensor h = conv2_(smish(conv1_(x)));
  return activate_ ? smish(h) : h;
}

TeedUpsample::TeedUpsample(Module& parent, std::string_view key, int64_t in, int steps)
    : Module(parent, key) {
  ZC_BUG_IF(steps != 1 && steps != 2);
  const int64_t kernel = int64_t{1} << steps;
  const int64_t padding = steps - 1;
  for (int i = 0; i < steps; ++i) {
    const int64_t out = i == steps - 1 ? 1 : kUpFeatures;
    // Of each three places one is the activation, which has no weights.
    convs_.emplace_back(*this, fmt::format("features.{}", 3 * i), i == 0 ? in : kUpFeatures, out,
                        1);
    enlarge_.emplace_back(*this, fmt::format("features.{}", 3 * i + 2), out, out, kernel, 2,
                          padding);
  }
}

at::Tensor TeedUpsample::operator()(const at::Tensor& x) const {
  at::Tensor h = x;
  for (size_t i = 0; i < convs_.size(); ++i) h = enlarge_[i](smish(convs_[i](h)));
  return h;
}

TeedNetwork::TeedNetwork()
    : block_1_(*this, "block_1", {.in = 3, .out = 16, .stride = 2}),
      block_2_(*this, "block_2", {.in = 16, .out = 32, .activate = false}),
      dense_conv1_(*this, "dblock_3.denselayer1.conv1", 32, 48, 3, {.padding = 2}),
      dense_conv2_(*this, "dblock_3.denselayer1.conv2", 48, 48, 3),
      side_1_(*this, "side_1.conv", 16, 32, 1, {.stride = 2}),
      pre_dense_3_(*this, "pre_dense_3.conv", 32, 48, 1),
      up_1_(*this, "up_block_1", 16, 1),
      up_2_(*this, "up_block_2", 32, 1),
      up_3_(*this, "up_block_3", 48, 2),
      fuse_conv1_(*this, "block_cat.DWconv1", 3, kFuseFeatures, 3, {.padding = 1, .groups = 3}),
      fuse_conv2_(*this, "block_cat.DWconv2", kFuseFeatures, kFuseFeatures, 3,
                  {.padding = 1, .groups = kFuseFeatures}) {}

// x [B,32,h,w], shortcut [B,48,h,w] -> [B,48,h,w]. The first convolution adds the border that the
// second one takes away.
at::Tensor TeedNetwork::dense(const at::Tensor& x, const at::Tensor& shortcut) const {
  const at::Tensor h = dense_conv2_(smish(dense_conv1_(smish(x))));
  return 0.5 * (h + shortcut);
}

// [B,3,H,W] -> [B,1,H,W].
at::Tensor TeedNetwork::fuse(const at::Tensor& maps) const {
  const at::Tensor a = fuse_conv1_(smish(maps));
  const at::Tensor b = fuse_conv2_(smish(a));
  return smish((a + b).sum(1, /*keepdim=*/true));
}

std::array<at::Tensor, 4> TeedNetwork::forward(const at::Tensor& x, Taps* taps) const {
  check_shape(x, "teed", {"B", 3, "H", "W"});
  check_sides(x, "teed", kMultiple);
  record(taps, "net_input", x);
  const at::Tensor block_1 = block_1_(x);  // [B,16,H/2,W/2]
  record(taps, "layer.block_1", block_1);
  const at::Tensor side = side_1_(block_1);  // [B,32,H/4,W/4]
  record(taps, "layer.side_1", side);
  const at::Tensor block_2 = block_2_(block_1);  // [B,32,H/2,W/2]
  record(taps, "layer.block_2", block_2);
  const at::Tensor down = at::max_pool2d(block_2, {3, 3}, {2, 2}, {1, 1});
  record(taps, "layer.maxpool", down);
  const at::Tensor pre_dense = pre_dense_3_(down);  // [B,48,H/4,W/4]
  record(taps, "layer.pre_dense_3", pre_dense);

  const at::Tensor out_1 = up_1_(block_1);
  const at::Tensor out_2 = up_2_(block_2);
  const at::Tensor out_3 = up_3_(dense(down + side, pre_dense));
  const at::Tensor fused = fuse(at::cat({out_1, out_2, out_3}, 1));
  record(taps, "layer.block_cat", fused);
  record(taps, "out_1", out_1);
  record(taps, "out_2", out_2);
  record(taps, "out_3", out_3);
  record(taps, "fused", fused);
  return {out_1, out_2, out_3, fused};
}

at::Tensor teed_input(const Image& rgb) {
  return rgb_tensor(padded(rgb, kMultiple, kMultiple));
}

Image teed_map(const TeedNetwork& network, const Image& rgb, const TeedOptions& options) {
  check_options(options, "teed");
  const c10::NoGradGuard no_grad;
  const at::Tensor x = teed_input(rgb);
  const Image edges = soft_edges(network.forward(x), size_of_planes(x), options.safe_steps);
  return crop(edges, 0, 0, {rgb.width, rgb.height});
}

}  // namespace zc
