// SPDX-License-Identifier: Apache-2.0
// Soft edges by holistically nested edge detection (annotator/hed/__init__.py since April 2023,
// ControlNetHED.pth).
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <deque>
#include <string>
#include <string_view>

#include "annotators/net_layers.h"
#include "annotators/soft_edge.h"
#include "image/image.h"

namespace zc {

struct HedBlockOptions {
  int64_t in = 0;
  int64_t out = 0;
  int convs = 2;
  bool shrink = true;  // max pooling first
};

// Convolutions 3x3 with ReLU, and what they see of edges.
class HedBlock : public Module {
 public:
  HedBlock(Module& parent, std::string_view key, const HedBlockOptions& options);

  struct Output {
    at::Tensor features;    // [B,C',h,w]
    at::Tensor projection;  // [B,1,h,w]
  };
  // x [B,C,H,W]; h = H / 2 when it shrinks.
  Output forward(const at::Tensor& x, Taps* taps) const;

 private:
  const std::string name_;
  const bool shrink_;
  std::deque<NetConv> convs_;
  NetConv projection_;
};

class HedNetwork : public Module {
 public:
  HedNetwork();

  // x [B,3,H,W] RGB, 0 to 255, sides of at least 16 -> five maps before the sigmoid, [B,1,h,w] with
  // h = H, H/2, H/4, H/8, H/16. Throws bad_request for another shape.
  std::array<at::Tensor, 5> forward(const at::Tensor& x, Taps* taps = nullptr) const;

 private:
  Parameter norm_;
  std::deque<HedBlock> blocks_;
};

// What the network is shown of `rgb`, whose sides are padded where it needs that.
at::Tensor hed_input(const Image& rgb);

// White edges on black, one channel, the size of `rgb`.
Image hed_map(const HedNetwork& network, const Image& rgb, const SoftEdgeOptions& options = {});

}  // namespace zc
