// SPDX-License-Identifier: Apache-2.0
#include "annotators/zoe.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/flip.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/log.h>
#include <ATen/ops/reflection_pad2d.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/upsample_bicubic2d.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "annotators/network_image.h"
#include "base/error.h"
#include "image/resize.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr int64_t kBins = 64;
constexpr int64_t kEmbedding = 128;
constexpr int64_t kMultiple = 32;
constexpr double kMinTemperature = 0.0212, kMaxTemperature = 50.0;
// The published configuration says 1000, but the reference never passes it on.
constexpr double kAttraction = 300.0;
constexpr double kNetworkHeight = 384.0, kNetworkWidth = 512.0;
constexpr int64_t kMaxPatches = 6144;
constexpr int kMinSide = 32;

at::Tensor like(const at::Tensor& x, const at::Tensor& target) {
  return bilinear(x, target.size(2), target.size(3), /*align_corners=*/true);
}

// log of the binomial coefficient of K-1 over k, by Stirling's formula, [1,64,1,1].
at::Tensor log_coefficients(const at::Tensor& k) {
  constexpr double kEps = 1e-7;
  const double n = static_cast<double>(kBins - 1) + kEps;
  const at::Tensor chosen = k + kEps, rest = -chosen + n;
  return -(chosen * at::log(chosen)) - rest * at::log(rest + kEps) + n * std::log(n);
}

int64_t network_side(int64_t side, double scale) {
  // nearbyint rounds halves to even, as NumPy does.
  const double steps = std::nearbyint(scale * static_cast<double>(side) / kMultiple);
  return std::max<int64_t>(1, static_cast<int64_t>(steps)) * kMultiple;
}

// Scaled to about 384 x 512, by the side that then changes least, and to -1..1.
at::Tensor core_input(const at::Tensor& x) {
  const double by_height = kNetworkHeight / static_cast<double>(x.size(2));
  const double by_width = kNetworkWidth / static_cast<double>(x.size(3));
  const double scale = std::abs(1 - by_width) < std::abs(1 - by_height) ? by_width : by_height;
  const int64_t height = network_side(x.size(2), scale), width = network_side(x.size(3), scale);
  if (height / 16 * (width / 16) > kMaxPatches)
    throw Error(ErrorKind::bad_request, "zoe",
                fmt::format("the picture would be scaled to {} x {}, wanted at most {} patches of "
                            "16 x 16: cut it or make it shorter",
                            width, height, kMaxPatches));
  return (bilinear(x, height, width, /*align_corners=*/true) - 0.5) / 0.5;
}

int64_t padding_of(int64_t side) {
  return static_cast<int64_t>(std::sqrt(static_cast<double>(side) / 2.0) * 3.0);
}

// x [1,3,H,W] of 0..1 -> [1,1,H,W]
at::Tensor padded_depth(const ZoeNetwork& network, const at::Tensor& x, Taps* taps) {
  const int64_t rows = padding_of(x.size(2)), columns = padding_of(x.size(3));
  const at::Tensor padded = at::reflection_pad2d(x, {columns, columns, rows, rows});
  const at::Tensor input = core_input(padded);
  record(taps, "core_input", input);
  const at::Tensor depth = at::upsample_bicubic2d(
      network.forward(input, taps), {padded.size(2), padded.size(3)}, /*align_corners=*/false);
  return depth.slice(2, rows, rows + x.size(2)).slice(3, columns, columns + x.size(3));
}

double percentile(const std::vector<float>& sorted, double percent) {
  const double position = percent / 100.0 * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const double low = sorted[below], high = sorted[above];
  return low + (high - low) * (position - static_cast<double>(below));
}

}  // namespace

PointwisePair::PointwisePair(Module& parent, std::string_view key, int64_t in, int64_t hidden,
                             int64_t out)
    : Module(parent, key),
      first_(*this, "_net.0", in, hidden, 1),
      second_(*this, "_net.2", hidden, out, 1) {}

at::Tensor PointwisePair::operator()(const at::Tensor& x) const {
  return second_(at::relu(first_(x)));
}

AttractorStep::AttractorStep(Module& network, int64_t index, int64_t attractors)
    : index_(index),
      project_(network, fmt::format("projectors.{}", index), 256, kEmbedding, kEmbedding),
      attract_(network, fmt::format("attractors.{}", index), kEmbedding, kEmbedding, attractors) {}

AttractorStep::State AttractorStep::forward(const at::Tensor& features, const State& previous,
                                            Taps* taps) const {
  const at::Tensor embedding = project_(features);
  const at::Tensor points = at::softplus(attract_(embedding + like(previous.embedding, embedding)));
  const at::Tensor centres = like(previous.centres, embedding);
  at::Tensor drawn = at::zeros_like(centres);
  for (const at::Tensor& point : points.split(1, 1)) {
    const at::Tensor distance = point - centres;
    drawn += distance / (1.0 + kAttraction * (distance * distance));
  }
  State next{embedding, centres + drawn / static_cast<double>(points.size(1))};
  record(taps, fmt::format("layer.projectors.{}", index_), next.embedding);
  record(taps, fmt::format("layer.attractors.{}", index_), next.centres);
  return next;
}

ZoeNetwork::ZoeNetwork()
    : core_(*this, "core.core"),
      bottleneck_(*this, "conv2", 256, 256, 1),
      seed_centres_(*this, "seed_bin_regressor", 256, 256, kBins),
      seed_embedding_(*this, "seed_projector", 256, kEmbedding, kEmbedding),
      step4_(*this, 0, 16),
      step3_(*this, 1, 8),
      step2_(*this, 2, 4),
      step1_(*this, 3, 1),
      binomial1_(*this, "conditional_log_binomial.mlp.0", 33 + kEmbedding, (33 + kEmbedding) / 2,
                 1),
      binomial2_(*this, "conditional_log_binomial.mlp.2", (33 + kEmbedding) / 2, 4, 1) {}

at::Tensor ZoeNetwork::bin_probabilities(const at::Tensor& features,
                                         const at::Tensor& embedding) const {
  constexpr double kEps = 1e-4;
  const at::Tensor h =
      at::softplus(binomial2_(at::gelu(binomial1_(at::cat({features, embedding}, 1)))));
  const auto share = [&h](int64_t channel) {
    const at::Tensor a = h.slice(1, channel, channel + 1) + kEps;
    return a / (a + (h.slice(1, channel + 1, channel + 2) + kEps));
  };
  const at::Tensor p = share(0);  // [B,1,H,W]
  const at::Tensor temperature = share(2) * (kMaxTemperature - kMinTemperature) + kMinTemperature;
  const at::Tensor k = at::arange(kBins, h.options()).view({1, kBins, 1, 1});
  const at::Tensor log_likelihood =
      log_coefficients(k) + k * at::log(p.clamp(kEps, 1.0)) +
      (static_cast<double>(kBins - 1) - k) * at::log((1.0 - p).clamp(kEps, 1.0));
  return at::softmax(log_likelihood / temperature, 1);
}

at::Tensor ZoeNetwork::forward(const at::Tensor& x, Taps* taps) const {
  check_shape(x, "zoe", {"B", 3, "H", "W"});
  check_sides(x, "zoe", kMultiple);
  const ZoeCore::Output core = core_.forward(x, taps, "layer.core.core");
  const at::Tensor bottleneck = bottleneck_(core.paths.bottleneck);
  AttractorStep::State state{seed_embedding_(bottleneck), at::softplus(seed_centres_(bottleneck))};
  record(taps, "layer.conv2", bottleneck);
  record(taps, "layer.seed_bin_regressor", state.centres);
  record(taps, "layer.seed_projector", state.embedding);
  state = step4_.forward(core.paths.path4, state, taps);
  state = step3_.forward(core.paths.path3, state, taps);
  state = step2_.forward(core.paths.path2, state, taps);
  state = step1_.forward(core.paths.path1, state, taps);

  const at::Tensor relative = like(core.depth.unsqueeze(1), core.features);
  const at::Tensor probabilities = bin_probabilities(at::cat({core.features, relative}, 1),
                                                     like(state.embedding, core.features));
  record(taps, "layer.conditional_log_binomial", probabilities);
  return (probabilities * like(state.centres, probabilities))
      .sum(at::OptionalIntArrayRef({1}), /*keepdim=*/true);
}

at::Tensor zoe_depth(const ZoeNetwork& network, const Image& rgb, Taps* taps) {
  ZC_BUG_IF(rgb.empty());
  const c10::NoGradGuard no_grad;
  const ImageSize size{std::max(rgb.width, kMinSide), std::max(rgb.height, kMinSide)};
  const bool fits = size == ImageSize{rgb.width, rgb.height};
  const at::Tensor x = rgb_tensor(fits ? rgb : resize(rgb, size, Interpolation::linear)) / 255.0;
  record(taps, "net_input", x);
  const at::Tensor straight = padded_depth(network, x, taps);
  const at::Tensor mirrored = at::flip(padded_depth(network, at::flip(x, {3}), nullptr), {3});
  const at::Tensor metres = (straight + mirrored) / 2.0;
  record(taps, "metric_depth", metres);
  return fits ? metres : bilinear(metres, rgb.height, rgb.width, /*align_corners=*/false);
}

ZoeRange zoe_range(const FloatMap& metres) {
  ZC_BUG_IF(metres.values.empty());
  std::vector<float> sorted = metres.values;
  std::sort(sorted.begin(), sorted.end());
  return {percentile(sorted, 2), percentile(sorted, 85)};
}

Image zoe_picture(FloatMap metres) {
  const ZoeRange range = zoe_range(metres);
  const auto near = static_cast<float>(range.near);
  const auto depth = static_cast<float>(range.far - range.near);
  // A constant map divides by zero in the reference.
  for (float& x : metres.values) x = depth > 0 ? 1.0f - (x - near) / depth : 0.0f;
  return to_bytes(metres);
}

Image zoe_depth_map(const ZoeNetwork& network, const Image& rgb) {
  return zoe_picture(float_map(zoe_depth(network, rgb)));
}

}  // namespace zc
