// SPDX-License-Identifier: Apache-2.0
#include "annotators/lineart_anime.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/tanh.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "annotators/float_map.h"
#include "annotators/network_image.h"
#include "image/resize.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr int kMultiple = 256;  // eight times halved
// Of what each level of the U-Net makes on the way down.
constexpr std::array<int64_t, 8> kChannels = {64, 128, 256, 512, 512, 512, 512, 512};
constexpr NetConvOptions kHalve = {.stride = 2, .padding = 1};

bool is_innermost(int number) {
  return number + 1 == static_cast<int>(kChannels.size());
}

}  // namespace

LineartAnimeLevel::LineartAnimeLevel(Module& parent, std::string_view key, std::string path,
                                     int number)
    : Module(parent, key),
      name_(std::move(path)),
      down_(*this, "model.1", kChannels.at(number - 1), kChannels.at(number), 4, kHalve) {
  const int64_t outer = kChannels.at(number - 1);
  const int64_t inner = kChannels.at(number);
  if (is_innermost(number)) {
    up_.emplace(*this, "model.3", inner, outer, 4, 2, 1);
    return;
  }
  inner_ = std::make_unique<LineartAnimeLevel>(*this, "model.3", name_ + ".model.3", number + 1);
  up_.emplace(*this, "model.5", 2 * inner, outer, 4, 2, 1);
}

at::Tensor LineartAnimeLevel::forward(const at::Tensor& x, Taps* taps) const {
  const at::Tensor activated = at::leaky_relu(x, 0.2);
  at::Tensor h = down_(activated);
  if (inner_) {
    h = instance_norm(h);
    record(taps, fmt::format("layer.{}.model.2", name_), h);
    h = inner_->forward(h, taps);
  }
  h = instance_norm((*up_)(at::relu(h)));
  // The reference's activation works in place, so that it is also in what goes past the level.
  const at::Tensor both = at::cat({activated, h}, 1);
  record(taps, "layer." + name_, both);
  return both;
}

LineartAnimeNetwork::LineartAnimeNetwork()
    : down_(*this, "model.model.0", 3, kChannels[0], 4, kHalve),
      inner_(*this, "model.model.1", "model.model.1", 1),
      up_(*this, "model.model.3", 2 * kChannels[0], 1, 4, 2, 1) {}

at::Tensor LineartAnimeNetwork::forward(const at::Tensor& x, Taps* taps) const {
  check_shape(x, "lineart_anime", {"B", 3, "H", "W"});
  check_sides(x, "lineart_anime", kMultiple);
  record(taps, "net_input", x);
  const at::Tensor h = down_(x);
  record(taps, "layer.model.model.0", h);
  const at::Tensor line = at::tanh(up_(at::relu(inner_.forward(h, taps))));
  record(taps, "line", line);
  return line;
}

at::Tensor lineart_anime_input(const Image& rgb) {
  const auto side = [](int length) { return (length + kMultiple - 1) / kMultiple * kMultiple; };
  const Image enlarged = resize(rgb, {side(rgb.width), side(rgb.height)}, Interpolation::cubic);
  return rgb_tensor(enlarged) / 127.5 - 1.0;
}

Image lineart_anime_map(const LineartAnimeNetwork& network, const Image& rgb,
                        const LineartAnimeOptions&) {
  const c10::NoGradGuard no_grad;
  const at::Tensor line = network.forward(lineart_anime_input(rgb)) * 127.5 + 127.5;
  const FloatMap map = resize(float_map(line), {rgb.width, rgb.height}, Interpolation::cubic);
  Image result(rgb.width, rgb.height, 1);
  for (size_t i = 0; i < map.values.size(); ++i) {
    result.pixels[i] = static_cast<uint8_t>(std::clamp(map.values[i], 0.0f, 255.0f));
  }
  return result;
}

}  // namespace zc
