// SPDX-License-Identifier: Apache-2.0
#include "annotators/openpose_networks.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/relu.h>

#include <fmt/format.h>

#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr int64_t kAffinityMaps = 38, kHeatMaps = 19, kFeatures = 128;
constexpr int kStages = 6;

// conv1_1 to conv4_2 of VGG-19, which all three begin with.
std::vector<ConvChain::Layer> vgg_layers() {
  return {{"conv1_1", 64},           {"conv1_2", 64},  {"conv2_1", 128, 3, true}, {"conv2_2", 128},
          {"conv3_1", 256, 3, true}, {"conv3_2", 256}, {"conv3_3", 256},          {"conv3_4", 256},
          {"conv4_1", 512, 3, true}, {"conv4_2", 512}};
}

std::vector<ConvChain::Layer> with(std::vector<ConvChain::Layer> layers,
                                   const std::vector<ConvChain::Layer>& more) {
  layers.insert(layers.end(), more.begin(), more.end());
  return layers;
}

// Stages 2 to 6 of all three; `suffix` tells the body's branches apart.
std::vector<ConvChain::Layer> refining_stage(int stage, const std::string& suffix, int64_t maps) {
  std::vector<ConvChain::Layer> layers;
  for (int i = 1; i <= 7; ++i) {
    layers.push_back(
        {fmt::format("Mconv{}_stage{}{}", i, stage, suffix), i < 7 ? 128 : maps, i < 6 ? 7 : 1});
  }
  return layers;
}

std::vector<ConvChain::Layer> first_body_stage(const std::string& branch, int64_t maps) {
  return {{"conv5_1_CPM_" + branch, 128},
          {"conv5_2_CPM_" + branch, 128},
          {"conv5_3_CPM_" + branch, 128},
          {"conv5_4_CPM_" + branch, 512, 1},
          {"conv5_5_CPM_" + branch, maps, 1}};
}

void check_input(const at::Tensor& x, const char* where) {
  check_shape(x, where, {1, 3, "H", "W"});
  check_sides(x, where, 8);
}

}  // namespace

ConvChain::Step::Step(Module& owner, const Layer& layer, int64_t in)
    : conv(owner, layer.key, in, layer.channels, layer.kernel, {.padding = layer.kernel / 2}),
      halve_first(layer.halve_first) {}

ConvChain::ConvChain(Module& owner, int64_t in, const std::vector<Layer>& layers, bool last_relu)
    : last_relu_(last_relu) {
  for (const Layer& layer : layers) {
    steps_.emplace_back(owner, layer, in);
    in = layer.channels;
  }
}

at::Tensor ConvChain::operator()(const at::Tensor& x) const {
  at::Tensor h = x;
  for (size_t i = 0; i < steps_.size(); ++i) {
    if (steps_[i].halve_first) h = at::max_pool2d(h, {2, 2}, {2, 2});
    const bool relu = i + 1 < steps_.size() || last_relu_;
    h = relu ? steps_[i].conv.relu(h) : steps_[i].conv(h);
  }
  return h;
}

OpenposeBodyNetwork::OpenposeBodyNetwork()
    : features_(*this, 3, with(vgg_layers(), {{"conv4_3_CPM", 256}, {"conv4_4_CPM", kFeatures}}),
                true) {
  affinity_stages_.emplace_back(*this, kFeatures, first_body_stage("L1", kAffinityMaps), false);
  heat_stages_.emplace_back(*this, kFeatures, first_body_stage("L2", kHeatMaps), false);
  constexpr int64_t kJoined = kAffinityMaps + kHeatMaps + kFeatures;
  for (int stage = 2; stage <= kStages; ++stage) {
    affinity_stages_.emplace_back(*this, kJoined, refining_stage(stage, "_L1", kAffinityMaps),
                                  false);
    // The reference's list of layers without a ReLU names the last layer of the other branch twice
    // and this one never, so the published maps have passed through one.
    const bool last_relu = stage == kStages;
    heat_stages_.emplace_back(*this, kJoined, refining_stage(stage, "_L2", kHeatMaps), last_relu);
  }
}

OpenposeBodyNetwork::Maps OpenposeBodyNetwork::forward(const at::Tensor& x, Taps* taps) const {
  check_input(x, "OpenPose body network");
  record(taps, "net_input", x);
  const at::Tensor features = features_(x);  // [1,128,H/8,W/8]
  record(taps, "layer.model0", features);
  Maps maps;
  at::Tensor h = features;
  for (int i = 0; i < kStages; ++i) {
    maps = {affinity_stages_[i](h), heat_stages_[i](h)};
    record(taps, fmt::format("layer.model{}_1", i + 1), maps.affinity);
    record(taps, fmt::format("layer.model{}_2", i + 1), maps.heat);
    if (i + 1 < kStages) h = at::cat({maps.affinity, maps.heat, features}, 1);
  }
  record(taps, "paf", maps.affinity);
  record(taps, "heatmap", maps.heat);
  return maps;
}

OpenposePartNetwork::OpenposePartNetwork(int64_t maps)
    : features_(*this, 3,
                with(vgg_layers(), {{"conv4_3", 512},
                                    {"conv4_4", 512},
                                    {"conv5_1", 512},
                                    {"conv5_2", 512},
                                    {"conv5_3_CPM", kFeatures}}),
                false) {
  stages_.emplace_back(
      *this, kFeatures,
      std::vector<ConvChain::Layer>{{"conv6_1_CPM", 512, 1}, {"conv6_2_CPM", maps, 1}}, false);
  for (int stage = 2; stage <= kStages; ++stage)
    stages_.emplace_back(*this, maps + kFeatures, refining_stage(stage, "", maps), false);
}

at::Tensor OpenposePartNetwork::forward(const at::Tensor& x, Taps* taps) const {
  check_input(x, "OpenPose hand or face network");
  record(taps, "net_input", x);
  at::Tensor features = features_(x);
  record(taps, "layer.conv5_3_CPM", features);
  features = at::relu(features);
  at::Tensor maps = stages_[0](features);
  record(taps, "layer.conv6_2_CPM", maps);
  for (int i = 1; i < kStages; ++i) {
    maps = stages_[i](at::cat({maps, features}, 1));
    record(taps, fmt::format("layer.Mconv7_stage{}", i + 1), maps);
  }
  record(taps, "heatmap", maps);
  return maps;
}

}  // namespace zc
