// SPDX-License-Identifier: Apache-2.0
// Line drawings of photographs (annotator/lineart of v1.1; sk_model.pth draws fine lines,
// sk_model2.pth coarse ones).
#pragma once

#include <ATen/core/Tensor.h>

#include <deque>
#include <string_view>

#include "annotators/net_layers.h"
#include "base/options.h"
#include "image/image.h"

namespace zc {

// Two convolutions with instance norms beside a shortcut. [B,C,H,W] -> the same.
class LineartResidual : public Module {
 public:
  LineartResidual(Module& parent, std::string_view key, int64_t channels);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  NetConv conv1_, conv2_;
};

class LineartNetwork : public Module {
 public:
  LineartNetwork();

  // x [B,3,H,W] RGB, 0 to 1, sides of at least 8 and multiples of 4 -> dark lines on white,
  // [B,1,H,W], 0 to 1. Throws bad_request for another shape.
  at::Tensor forward(const at::Tensor& x, Taps* taps = nullptr) const;

 private:
  NetConv conv_in_;
  NetConv down1_, down2_;
  std::deque<LineartResidual> residuals_;
  NetConvTransposed up1_, up2_;
  NetConv conv_out_;
};

struct LineartOptions {};

template <OptionsOf<LineartOptions> O, class Visitor>
void for_each_field(O&, Visitor&&) {}

// What the network is shown of `rgb`, whose sides are padded where it needs that.
at::Tensor lineart_input(const Image& rgb);

// Dark lines on white paper, one channel, the size of `rgb`. The ControlNet is shown the negative.
Image lineart_map(const LineartNetwork& network, const Image& rgb,
                  const LineartOptions& options = {});

}  // namespace zc
