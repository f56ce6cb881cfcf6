// SPDX-License-Identifier: Apache-2.0
// Relative depth by MiDaS 3.0 DPT-Hybrid, and normals from its slopes (the reference's
// annotator/midas). Published weights: dpt_hybrid-midas-501f0c75.pt.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <numbers>

#include "annotators/dpt_blocks.h"
#include "annotators/float_map.h"
#include "annotators/midas_backbone.h"
#include "annotators/net_layers.h"
#include "annotators/vit_blocks.h"
#include "base/options.h"
#include "image/image.h"
#include "tensor/module.h"

namespace zc {

// Keys of the published file.
class MidasNetwork : public Module {
 public:
  MidasNetwork();
  // x [B,3,H,W] of -1..1, sides multiples of 32 -> [B,H,W], larger is nearer, not negative. Throws
  // bad_request for another shape.
  at::Tensor forward(const at::Tensor& x, Taps* taps = nullptr) const;

 private:
  at::Tensor position_table(int64_t height, int64_t width) const;  // [1,1+h*w,D]

  Parameter class_token_, positions_;
  MidasResNet backbone_;
  NetConv patch_projection_;
  std::deque<VitBlock> blocks_;
  ReadoutProjection readout3_, readout4_;
  NetConv level3_, level4_, level4_half_;
  DptFusion fusion_;
  DptHead head_;
};

// The raw depth of a picture, float32 [1,H,W]. Sides that are no multiples of 32, at which the
// reference fails, are scaled to the nearest ones and the depth back.
at::Tensor midas_depth(const MidasNetwork& network, const Image& rgb, Taps* taps = nullptr);

// A raw depth from black (far) to white (near), one channel.
Image midas_depth_picture(const FloatMap& depth);

struct MidasNormalOptions {
  double bg_threshold = 0.4;
  double a = 2 * std::numbers::pi;
};

template <OptionsOf<MidasNormalOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("bg_threshold", o.bg_threshold, Range{0, 1},
        "depth from 0 (far) to 1 (near) below which all is background and faces the camera");
  visit("a", o.a, Range{0.01, 100},
        "length of the normals' part towards the camera: larger is flatter");
}

// The normals of a raw depth, channels x, y, z; the first release shows its ControlNet the channels
// in the order z, y, x.
Image midas_normal_picture(const FloatMap& depth, const MidasNormalOptions& options = {});

// The detectors. A map has the size of the picture; depth one channel, normals three (x, y, z).
Image midas_depth_map(const MidasNetwork& network, const Image& rgb);
Image midas_normal_map(const MidasNetwork& network, const Image& rgb,
                       const MidasNormalOptions& options = {});

}  // namespace zc
