// SPDX-License-Identifier: Apache-2.0
#include "annotators/hed.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/relu.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include "annotators/network_image.h"
#include "annotators/padded_image.h"
#include "image/resize.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr int kLeastSide = 16;  // four times halved
constexpr int kSafeSteps = 2;

}  // namespace

HedBlock::HedBlock(Module& parent, std::string_view key, const HedBlockOptions& options)
    : Module(parent, key),
      name_(key),
      shrink_(options.shrink),
      projection_(*this, "projection", options.out, 1, 1) {
  for (int i = 0; i < options.convs; ++i) {
    convs_.emplace_back(*this, fmt::format("convs.{}", i), i == 0 ? options.in : options.out,
                        options.out, 3, NetConvOptions{.padding = 1});
  }
}

HedBlock::Output HedBlock::forward(const at::Tensor& x, Taps* taps) const {
  at::Tensor h = shrink_ ? at::max_pool2d(x, {2, 2}, {2, 2}) : x;
  int index = 0;
  for (const NetConv& conv : convs_) {
    if (taps == nullptr) {
      h = conv.relu(h);
      continue;
    }
    h = conv(h);
    record(taps, fmt::format("layer.{}.convs.{}", name_, index++), h);
    h = at::relu(h);
  }
  return {h, projection_(h)};
}

HedNetwork::HedNetwork() : norm_(*this, "norm", {1, 3, 1, 1}) {
  blocks_.emplace_back(*this, "block1",
                       HedBlockOptions{.in = 3, .out = 64, .convs = 2, .shrink = false});
  blocks_.emplace_back(*this, "block2", HedBlockOptions{.in = 64, .out = 128, .convs = 2});
  blocks_.emplace_back(*this, "block3", HedBlockOptions{.in = 128, .out = 256, .convs = 3});
  blocks_.emplace_back(*this, "block4", HedBlockOptions{.in = 256, .out = 512, .convs = 3});
  blocks_.emplace_back(*this, "block5", HedBlockOptions{.in = 512, .out = 512, .convs = 3});
}

std::array<at::Tensor, 5> HedNetwork::forward(const at::Tensor& x, Taps* taps) const {
  check_shape(x, "hed", {"B", 3, "H", "W"});
  record(taps, "net_input", x);
  std::array<at::Tensor, 5> projections;
  at::Tensor h = x - norm_.as(x.scalar_type());
  for (size_t i = 0; i < projections.size(); ++i) {
    const HedBlock::Output output = blocks_[i].forward(h, taps);
    h = output.features;
    projections[i] = output.projection;
    record(taps, fmt::format("projection{}", i + 1), output.projection);
  }
  return projections;
}

at::Tensor hed_input(const Image& rgb) {
  return rgb_tensor(padded(rgb, kLeastSide));
}

Image hed_map(const HedNetwork& network, const Image& rgb, const SoftEdgeOptions& options) {
  const c10::NoGradGuard no_grad;
  const at::Tensor x = hed_input(rgb);
  const Image edges =
      soft_edges(network.forward(x), size_of_planes(x), options.safe ? kSafeSteps : 0);
  return crop(edges, 0, 0, {rgb.width, rgb.height});
}

}  // namespace zc
