// SPDX-License-Identifier: Apache-2.0
#include "annotators/pidinet.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <vector>

#include "annotators/float_map.h"
#include "annotators/network_image.h"
#include "annotators/padded_image.h"
#include "base/error.h"
#include "image/resize.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr int kLeastSide = 8;  // three times halved
constexpr int64_t kDilated = 24;
constexpr int64_t kAttention = 4;

at::Tensor positions(std::initializer_list<int64_t> indices, const at::Tensor& like) {
  return at::tensor(std::vector<int64_t>(indices), like.options().dtype(at::kLong));
}

// conv(x, w) - sum(w) x: the sum comes off the weight of the middle.
at::Tensor central(const at::Tensor& flat) {
  at::Tensor result = flat.clone(at::MemoryFormat::Contiguous);
  result.select(2, 4).sub_(flat.sum(2));
  return result;
}

// Each weight of the ring also counts the pixel before it, negatively.
at::Tensor angular(const at::Tensor& flat) {
  return flat - flat.index_select(2, positions({3, 0, 1, 6, 4, 2, 7, 8, 5}, flat));
}

// The outer ring of 5x5 minus the inner one; the weight of the middle is not used.
at::Tensor radial(const at::Tensor& flat) {
  const at::Tensor ring = flat.narrow(2, 1, 8);
  at::Tensor result = at::zeros({flat.size(0), flat.size(1), 25}, flat.options());
  result.index_copy_(2, positions({0, 2, 4, 10, 14, 20, 22, 24}, flat), ring);
  result.index_copy_(2, positions({6, 7, 8, 11, 13, 16, 17, 18}, flat), -ring);
  return result;
}

// The reference repeats one pattern over all sixteen layers; the first one is init_block.
PixelDifference difference_of_layer(int layer) {
  constexpr PixelDifference pattern[] = {PixelDifference::central, PixelDifference::angular,
                                         PixelDifference::radial, PixelDifference::vanilla};
  return pattern[layer % 4];
}

}  // namespace

at::Tensor difference_weights(const at::Tensor& weights, PixelDifference kind) {
  const at::Tensor flat = weights.flatten(2);
  switch (kind) {
    case PixelDifference::vanilla:
      return weights;
    case PixelDifference::central:
      return central(flat).reshape(weights.sizes());
    case PixelDifference::angular:
      return angular(flat).reshape(weights.sizes());
    case PixelDifference::radial:
      return radial(flat).view({weights.size(0), weights.size(1), 5, 5});
  }
  throw_bug("kind", __FILE__, __LINE__);
}

PidinetBlock::PidinetBlock(Module& parent, std::string_view key, const Options& o)
    : Module(parent, key),
      difference_(o.difference),
      conv1_(*this, "conv1", o.in, o.in, 3,
             {.padding = o.difference == PixelDifference::radial ? 2 : 1,
              .groups = o.in,
              .bias = false}),
      conv2_(*this, "conv2", o.in, o.out, 1, {.bias = false}) {
  if (o.shrink) shortcut_.emplace(*this, "shortcut", o.in, o.out, 1);
}

at::Tensor PidinetBlock::operator()(const at::Tensor& input) const {
  const at::Tensor x = shortcut_ ? at::max_pool2d(input, {2, 2}, {2, 2}) : input;
  const at::Tensor weights = difference_weights(conv1_.weight().as(x.scalar_type()), difference_);
  const at::Tensor y = conv2_(at::relu(conv1_.apply(x, weights)));
  return y + (shortcut_ ? (*shortcut_)(x) : x);
}

PidinetDilation::PidinetDilation(Module& parent, std::string_view key, int64_t in)
    : Module(parent, key), conv1_(*this, "conv1", in, kDilated, 1) {
  for (int i = 0; i < 4; ++i) {
    const int64_t dilation = 5 + 2 * i;
    conv2_.emplace_back(*this, fmt::format("conv2_{}", i + 1), kDilated, kDilated, 3,
                        NetConvOptions{.padding = dilation, .dilation = dilation, .bias = false});
  }
}

at::Tensor PidinetDilation::operator()(const at::Tensor& x) const {
  const at::Tensor h = conv1_(at::relu(x));
  return conv2_[0](h) + conv2_[1](h) + conv2_[2](h) + conv2_[3](h);
}

PidinetAttention::PidinetAttention(Module& parent, std::string_view key)
    : Module(parent, key),
      conv1_(*this, "conv1", kDilated, kAttention, 1),
      conv2_(*this, "conv2", kAttention, 1, 3, {.padding = 1, .bias = false}) {}

at::Tensor PidinetAttention::operator()(const at::Tensor& x) const {
  return x * at::sigmoid(conv2_(conv1_(at::relu(x))));
}

PidinetNetwork::PidinetNetwork()
    : init_(*this, "init_block", 3, 60, 3, {.padding = 1, .bias = false}),
      classifier_(*this, "classifier", 4, 1, 1) {
  add_stage(0, 60, 60);
  add_stage(1, 60, 120);
  add_stage(2, 120, 240);
  add_stage(3, 240, 240);
}

void PidinetNetwork::add_stage(int number, int64_t in, int64_t out) {
  const bool first = number == 0;
  const int blocks = first ? 3 : 4;
  for (int i = 0; i < blocks; ++i) {
    const int layer = 4 * number + i + (first ? 1 : 0);
    stages_[number].emplace_back(*this, fmt::format("block{}_{}", number + 1, i + 1),
                                 PidinetBlock::Options{.in = i == 0 ? in : out,
                                                       .out = out,
                                                       .difference = difference_of_layer(layer),
                                                       .shrink = !first && i == 0});
  }
  reduces_.emplace_back(*this, fmt::format("conv_reduces.{}.conv", number), kDilated, 1, 1);
  attentions_.emplace_back(*this, fmt::format("attentions.{}", number));
  dilations_.emplace_back(*this, fmt::format("dilations.{}", number), out);
}

std::array<at::Tensor, 5> PidinetNetwork::forward(const at::Tensor& x, Taps* taps) const {
  check_shape(x, "pidinet", {"B", 3, "H", "W"});
  record(taps, "net_input", x);
  at::Tensor h = init_.apply(
      x, difference_weights(init_.weight().as(x.scalar_type()), difference_of_layer(0)));
  record(taps, "layer.init_block", h);
  std::array<at::Tensor, 5> edges;
  std::vector<at::Tensor> maps;
  for (size_t i = 0; i < stages_.size(); ++i) {
    for (const NamedBlock& named : stages_[i]) {
      h = named.block(h);
      record(taps, "layer." + named.name, h);
    }
    const at::Tensor dilated = dilations_[i](h);
    record(taps, fmt::format("layer.dilations.{}", i), dilated);
    const at::Tensor attended = attentions_[i](dilated);
    record(taps, fmt::format("layer.attentions.{}", i), attended);
    const at::Tensor reduced = reduces_[i](attended);
    record(taps, fmt::format("layer.conv_reduces.{}", i), reduced);
    maps.push_back(bilinear(reduced, x.size(2), x.size(3), /*align_corners=*/false));
    edges[i] = at::sigmoid(maps.back());
    record(taps, fmt::format("e{}", i + 1), edges[i]);
  }
  edges[4] = at::sigmoid(classifier_(at::cat(maps, 1)));
  record(taps, "fused", edges[4]);
  return edges;
}

at::Tensor pidinet_input(const Image& rgb) {
  return rgb_tensor(padded(rgb, kLeastSide)).flip(1) / 255.0;
}

Image pidinet_map(const PidinetNetwork& network, const Image& rgb, const SoftEdgeOptions& options) {
  const c10::NoGradGuard no_grad;
  FloatMap edges = float_map(network.forward(pidinet_input(rgb)).back());
  if (options.safe) safe_step(edges);
  return crop(to_bytes(edges), 0, 0, {rgb.width, rgb.height});
}

}  // namespace zc
