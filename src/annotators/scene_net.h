// SPDX-License-Identifier: Apache-2.0
// One small network of our own that sees a picture's soft edges, straight lines, depth, normals,
// classes and poses. It was trained on toy world and comes with the program, so that every kind of
// control map can be drawn without a download, from pictures like those.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <deque>
#include <optional>

#include "tensor/layers.h"

namespace zc {

// ADE20K labels in the order of the network's classes.
inline constexpr std::array<uint8_t, 15> kSceneLabels = {2,  4,  6,  9,  12, 13, 16, 17,
                                                         20, 25, 32, 41, 46, 52, 68};

// Everything at the size of the picture unless said otherwise, float32.
struct SceneMaps {
  at::Tensor edges;    // [B,1,H,W], logits
  at::Tensor lines;    // [B,1,H,W], logits
  at::Tensor depth;    // [B,1,H,W], inverse depth; 0 farthest, 1 nearest of each picture
  at::Tensor normals;  // [B,3,H,W], x right, y up, z towards the viewer; not of unit length
  at::Tensor classes;  // [B,15,H,W], logits
  at::Tensor poses;    // [B,57,H/2,W/2]: OpenPose's 38 limb fields, then its 19 heat maps
};

// Two 3x3 convolutions on a residual branch: norm, SiLU, convolution each.
class SceneBlock : public Module {
 public:
  SceneBlock(Module& parent, std::string_view key, int64_t in, int64_t out);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  GroupNorm norm1_;
  Conv2d conv1_;
  GroupNorm norm2_;
  Conv2d conv2_;
  std::optional<Conv2d> shortcut_;
};

class SceneNet : public Module {
 public:
  static constexpr int64_t kStride = 32;  // sides must be multiples of it
  static constexpr int64_t kLimbFields = 38;

  SceneNet();
  // rgb [B,3,H,W] in -1..1.
  SceneMaps forward(const at::Tensor& rgb) const;

 private:
  Conv2d stem_;
  std::deque<SceneBlock> down_blocks_, up_blocks_;
  std::deque<Conv2d> downs_;
  GroupNorm norm_out_;
  Conv2d full_in_, full_out_;
  Conv2d pose_in_;
  SceneBlock pose_block1_, pose_block2_;
  GroupNorm pose_norm_;
  Conv2d pose_out_;
};

}  // namespace zc
