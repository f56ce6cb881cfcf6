// SPDX-License-Identifier: Apache-2.0
#include "annotators/hed_bsds500.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include "annotators/float_map.h"
#include "annotators/network_image.h"
#include "annotators/padded_image.h"
#include "image/resize.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr int kLeastSide = 16;  // four times halved
constexpr int kStages = 5;
constexpr const char* kStageNames[kStages] = {"One", "Two", "Thr", "Fou", "Fiv"};

}  // namespace

HedBsds500Stage::HedBsds500Stage(Module& parent, std::string_view key, const Options& options)
    : Module(parent, key), shrink_(options.shrink) {
  for (int i = 0; i < options.convs; ++i) {
    convs_.emplace_back(*this, std::to_string((shrink_ ? 1 : 0) + 2 * i),
                        i == 0 ? options.in : options.out, options.out, 3,
                        NetConvOptions{.padding = 1});
  }
}

at::Tensor HedBsds500Stage::operator()(const at::Tensor& x) const {
  at::Tensor h = shrink_ ? at::max_pool2d(x, {2, 2}, {2, 2}) : x;
  for (const NetConv& conv : convs_) h = conv.relu(h);
  return h;
}

HedBsds500Network::HedBsds500Network() : combine_(*this, "moduleCombine.0", kStages, 1, 1) {
  using Options = HedBsds500Stage::Options;
  stages_.emplace_back(*this, "moduleVggOne",
                       Options{.in = 3, .out = 64, .convs = 2, .shrink = false});
  stages_.emplace_back(*this, "moduleVggTwo", Options{.in = 64, .out = 128, .convs = 2});
  stages_.emplace_back(*this, "moduleVggThr", Options{.in = 128, .out = 256, .convs = 3});
  stages_.emplace_back(*this, "moduleVggFou", Options{.in = 256, .out = 512, .convs = 3});
  stages_.emplace_back(*this, "moduleVggFiv", Options{.in = 512, .out = 512, .convs = 3});
  scores_.emplace_back(*this, "moduleScoreOne", 64, 1, 1);
  scores_.emplace_back(*this, "moduleScoreTwo", 128, 1, 1);
  scores_.emplace_back(*this, "moduleScoreThr", 256, 1, 1);
  scores_.emplace_back(*this, "moduleScoreFou", 512, 1, 1);
  scores_.emplace_back(*this, "moduleScoreFiv", 512, 1, 1);
}

at::Tensor HedBsds500Network::forward(const at::Tensor& x, Taps* taps) const {
  check_shape(x, "hed_bsds500", {"B", 3, "H", "W"});
  record(taps, "net_input", x);
  // Caffe's means of blue, green and red.
  const at::Tensor mean = at::tensor({104.00698793f, 116.66876762f, 122.67891434f}, x.options());
  at::Tensor h = x * 255.0 - mean.view({1, 3, 1, 1});
  std::vector<at::Tensor> scores;
  for (int i = 0; i < kStages; ++i) {
    h = stages_[i](h);
    record(taps, fmt::format("layer.netVgg{}", kStageNames[i]), h);
    const at::Tensor score = scores_[i](h);
    record(taps, fmt::format("layer.netScore{}", kStageNames[i]), score);
    scores.push_back(bilinear(score, x.size(2), x.size(3), /*align_corners=*/false));
  }
  const at::Tensor edge = at::sigmoid(combine_(at::cat(scores, 1)));
  record(taps, "edge", edge);
  return edge;
}

at::Tensor hed_bsds500_input(const Image& rgb) {
  return rgb_tensor(padded(rgb, kLeastSide)).flip(1) / 255.0;
}

Image hed_bsds500_map(const HedBsds500Network& network, const Image& rgb,
                      const HedBsds500Options&) {
  const c10::NoGradGuard no_grad;
  const Image edges = to_bytes(float_map(network.forward(hed_bsds500_input(rgb))));
  return crop(edges, 0, 0, {rgb.width, rgb.height});
}

}  // namespace zc
