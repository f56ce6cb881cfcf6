// SPDX-License-Identifier: Apache-2.0
// Relative depth by Depth Anything V2 small (DINOv2 ViT-S/14 and a DPT head). Published weights:
// depth_anything_v2_vits.pth.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>

#include "annotators/dpt_blocks.h"
#include "annotators/net_layers.h"
#include "annotators/vit_blocks.h"
#include "image/image.h"
#include "tensor/layers.h"
#include "tensor/module.h"

namespace zc {

// Keys of the published file.
class DepthAnythingNetwork : public Module {
 public:
  DepthAnythingNetwork();
  // x [B,3,H,W] of ImageNet's mean and deviation, sides multiples of 14 -> [B,H,W], larger is
  // nearer, not negative. Throws bad_request for another shape.
  at::Tensor forward(const at::Tensor& x, Taps* taps = nullptr) const;

 private:
  at::Tensor position_table(int64_t height, int64_t width) const;  // [1,1+h*w,D]

  Parameter class_token_, positions_;
  NetConv patches_;
  std::deque<VitBlock> blocks_;
  LayerNorm norm_;
  NetConv project1_, project2_, project3_, project4_;
  NetConvTransposed enlarge1_, enlarge2_;
  NetConv halve4_;
  DptFusion fusion_;
  NetConv reduce_, features_, depth_;
};

// The raw depth of a picture at the network's size, [1,H,W]: the shorter side is about 518. Throws
// bad_request for a picture more than 16 times as long as wide, which would need a huge one.
at::Tensor depth_anything_depth(const DepthAnythingNetwork& network, const Image& rgb,
                                Taps* taps = nullptr);

// A raw depth [1,H,W] as a picture of `width` x `height`, from black (far) to white (near), one
// channel.
Image depth_anything_picture(const at::Tensor& depth, int width, int height);

// The detector: one channel, the size of the picture.
Image depth_anything_map(const DepthAnythingNetwork& network, const Image& rgb);

}  // namespace zc
