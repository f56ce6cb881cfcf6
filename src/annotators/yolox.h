// SPDX-License-Identifier: Apache-2.0
// YOLOX-L, which finds things of COCO's 80 classes, as mmdetection has it
// (yolox_l_8x8_300e_coco_20211126_140236-d3bd2b23.pth; csp_darknet.py, yolox_pafpn.py and
// yolox_head.py).
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <deque>

#include "annotators/csp_blocks.h"

namespace zc {

class YoloxL : public Module {
 public:
  YoloxL();

  // x [B,3,H,W] BGR, 0 to 255, sides multiples of 32 -> [B,rows,85]: for each cell of the grids
  // with strides 8, 16 and 32, row by row, the box (middle relative to the cell and logarithm of
  // the size, in strides), then the probability of there being a thing and those of its classes.
  // Taps: net_input, layer.backbone.stem, layer.backbone.stageN, layer.neck.N of level N, output.
  // Throws bad_request for another shape.
  at::Tensor forward(const at::Tensor& x, Taps* taps = nullptr) const;

 private:
  using Levels = std::array<at::Tensor, 3>;  // strides 8, 16, 32

  // What is said of the cells of one grid. The keys are those of the network.
  struct Head {
    Head(Module& owner, int level);
    // [B,256,h,w] -> [B,h*w,85].
    at::Tensor operator()(const at::Tensor& x) const;
    std::deque<ConvNormSilu> class_convs, box_convs;
    NetConv classes, box, thing;
  };

  // 256, 512 and 1024 channels -> 256 of each.
  Levels neck(const Levels& levels) const;

  ConvNormSilu stem_;
  CspStages stages_;
  ConvNormSilu reduce_5_, reduce_4_;
  CspLayer down_4_, down_3_;  // from coarse to fine
  ConvNormSilu shrink_3_, shrink_4_;
  CspLayer up_4_, up_5_;  // and back
  std::deque<ConvNormSilu> outs_;
  std::deque<Head> heads_;
};

}  // namespace zc
