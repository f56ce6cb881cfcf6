// SPDX-License-Identifier: Apache-2.0
// RTMPose-L for whole bodies at 288 x 384, as DWPose trained it (dw-ll_ucoco_384.pth; mmpose's
// rtmpose-l_8xb32-270e_coco-ubody-wholebody-384x288.py with cspnext.py, rtmcc_head.py and
// rtmcc_block.py).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>

#include "annotators/csp_blocks.h"
#include "tensor/layers.h"

namespace zc {

// The last dimension brought to a root mean square of g. Key "g" [1].
class ScaleNorm : public Module {
 public:
  ScaleNorm(Module& parent, std::string_view key) : Module(parent, key), g_(*this, "g", {1}) {}
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  Parameter g_;
};

// Gated attention of the points to each other (Hua et al. 2022). [B,K,256] -> [B,K,256].
class GatedAttention : public Module {
 public:
  GatedAttention(Module& parent, std::string_view key);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  Parameter gamma_, beta_;
  Linear out_, in_;
  ScaleNorm norm_;
  Parameter shortcut_;
};

class RtmposeWholeBody : public Module {
 public:
  RtmposeWholeBody();

  struct Places {
    at::Tensor x;  // [B,133,576], how well each half pixel suits a point
    at::Tensor y;  // [B,133,768]
  };
  // x [B,3,384,288] RGB by mean and deviation of ImageNet. Taps: net_input, layer.backbone.stem,
  // layer.backbone.stageN, layer.head.final_layer, layer.head.mlp, layer.head.gau, x, y. Throws
  // bad_request for another shape.
  Places forward(const at::Tensor& x, Taps* taps = nullptr) const;

 private:
  ConvNormSilu stem_1_, stem_2_, stem_3_;
  CspStages stages_;
  NetConv maps_;
  ScaleNorm norm_;
  Linear features_;
  GatedAttention attention_;
  Linear places_x_, places_y_;
};

}  // namespace zc
