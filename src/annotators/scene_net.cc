// SPDX-License-Identifier: Apache-2.0
#include "annotators/scene_net.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <fmt/format.h>

#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr int64_t kGroups = 8;
constexpr std::array<int64_t, 5> kWidths = {24, 48, 80, 112, 128};  // at 1/2, 1/4, ... 1/32
constexpr int64_t kFullWidth = 24;
constexpr int64_t kPoseWidth = 64;
constexpr int64_t kClasses = kSceneLabels.size();
constexpr int64_t kHeatMaps = 19;

}  // namespace

SceneBlock::SceneBlock(Module& parent, std::string_view key, int64_t in, int64_t out)
    : Module(parent, key),
      norm1_(*this, "norm1", in, 1e-5, kGroups),
      conv1_(*this, "conv1", in, out, 3),
      norm2_(*this, "norm2", out, 1e-5, kGroups),
      conv2_(*this, "conv2", out, out, 3) {
  if (in != out) shortcut_.emplace(*this, "nin_shortcut", in, out, 1);
}

at::Tensor SceneBlock::operator()(const at::Tensor& x) const {
  const at::Tensor h = conv2_(norm2_.silu(conv1_(norm1_.silu(x))));
  return (shortcut_ ? (*shortcut_)(x) : x) + h;
}

SceneNet::SceneNet()
    : stem_(*this, "conv_in", 3, kWidths[0], 3, 2),
      norm_out_(*this, "norm_out", kWidths[0], 1e-5, kGroups),
      full_in_(*this, "full_in", kWidths[0] + 3, kFullWidth, 3),
      full_out_(*this, "full_out", kFullWidth, 6 + kClasses, 3),
      pose_in_(*this, "pose_in", kWidths[0], kPoseWidth, 3),
      pose_block1_(*this, "pose_block1", kPoseWidth, kPoseWidth),
      pose_block2_(*this, "pose_block2", kPoseWidth, kPoseWidth),
      pose_norm_(*this, "pose_norm", kPoseWidth, 1e-5, kGroups),
      pose_out_(*this, "pose_out", kPoseWidth, kLimbFields + kHeatMaps, 1) {
  for (size_t level = 0; level < kWidths.size(); ++level) {
    if (level > 0) {
      downs_.emplace_back(*this, fmt::format("down.{}.op", level), kWidths[level - 1],
                          kWidths[level], 3, 2);
    }
    const int blocks = level < 2 ? 1 : 2;
    for (int i = 0; i < blocks; ++i) {
      down_blocks_.emplace_back(*this, fmt::format("down.{}.block.{}", level, i), kWidths[level],
                                kWidths[level]);
    }
  }
  for (size_t level = kWidths.size() - 1; level-- > 0;) {
    up_blocks_.emplace_back(*this, fmt::format("up.{}", level), kWidths[level + 1] + kWidths[level],
                            kWidths[level]);
  }
}

SceneMaps SceneNet::forward(const at::Tensor& rgb) const {
  check_shape(rgb, "rgb", {"B", 3, "H", "W"});
  const at::Tensor x = rgb.contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor h = stem_(x);
  std::array<at::Tensor, kWidths.size()> skips;
  auto block = down_blocks_.begin();
  for (size_t level = 0; level < kWidths.size(); ++level) {
    if (level > 0) h = downs_[level - 1](h);
    for (int i = 0; i < (level < 2 ? 1 : 2); ++i) h = (*block++)(h);
    skips[level] = h;
  }
  auto up = up_blocks_.begin();
  for (size_t level = kWidths.size() - 1; level-- > 0;)
    h = (*up++)(at::cat({ops::upsample_twice(h), skips[level]}, 1));
  h = norm_out_.silu(h);

  const at::Tensor wide = ops::silu(full_in_(at::cat({ops::upsample_twice(h), x}, 1)));
  const at::Tensor full = full_out_(wide).to(at::kFloat);
  SceneMaps maps;
  maps.edges = full.narrow(1, 0, 1);
  maps.lines = full.narrow(1, 1, 1);
  maps.depth = full.narrow(1, 2, 1);
  maps.normals = full.narrow(1, 3, 3);
  maps.classes = full.narrow(1, 6, kClasses);
  const at::Tensor parts = pose_block2_(pose_block1_(pose_in_(h)));
  maps.poses = pose_out_(pose_norm_.silu(parts)).to(at::kFloat);
  return maps;
}

}  // namespace zc
