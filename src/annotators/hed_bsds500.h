// SPDX-License-Identifier: Apache-2.0
// Soft edges by holistically nested edge detection as the first release had it until April 2023
// (annotator/hed/__init__.py after sniklaus/pytorch-hed, network-bsds500.pth).
#pragma once

#include <ATen/core/Tensor.h>

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "annotators/net_layers.h"
#include "base/options.h"
#include "image/image.h"

namespace zc {

// A stage of the VGG network: keys "<first>.*", "<first + 2>.*", ...
class HedBsds500Stage : public Module {
 public:
  struct Options {
    int64_t in = 0;
    int64_t out = 0;
    int convs = 2;
    bool shrink = true;  // max pooling first, which takes a place in the keys' numbering
  };
  HedBsds500Stage(Module& parent, std::string_view key, const Options& options);
  // x [B,C,H,W] -> [B,C',h,w], h = H / 2 when it shrinks.
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  const bool shrink_;
  std::deque<NetConv> convs_;
};

class HedBsds500Network : public Module {
 public:
  HedBsds500Network();

  // x [B,3,H,W] BGR, 0 to 1, sides of at least 16 -> edges [B,1,H,W], 0 to 1. Throws bad_request
  // for another shape.
  at::Tensor forward(const at::Tensor& x, Taps* taps = nullptr) const;

 private:
  std::deque<HedBsds500Stage> stages_;
  std::deque<NetConv> scores_;
  NetConv combine_;
};

struct HedBsds500Options {};

template <OptionsOf<HedBsds500Options> O, class Visitor>
void for_each_field(O&, Visitor&&) {}

// What the network is shown of `rgb`, whose sides are padded where it needs that.
at::Tensor hed_bsds500_input(const Image& rgb);

// White edges on black, one channel, the size of `rgb`.
Image hed_bsds500_map(const HedBsds500Network& network, const Image& rgb,
                      const HedBsds500Options& options = {});

}  // namespace zc
