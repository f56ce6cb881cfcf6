// SPDX-License-Identifier: Apache-2.0
// Soft edges by the tiny and efficient edge detector (annotator/teed of the web UI's extension,
// 7_model.pth; MTEED.pth is the same network).
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <deque>
#include <string_view>

#include "annotators/net_layers.h"
#include "base/options.h"
#include "image/image.h"

namespace zc {

// Two 3x3 convolutions with smish between them.
class TeedBlock : public Module {
 public:
  struct Options {
    int64_t in = 0;
    int64_t out = 0;
    int64_t stride = 1;
    bool activate = true;  // also after the second one
  };
  TeedBlock(Module& parent, std::string_view key, const Options& options);
  // x [B,C,H,W] -> [B,C',H/stride,W/stride], rounded up.
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  const bool activate_;
  NetConv conv1_, conv2_;
};

// One map of edges, enlarged `steps` times by two. [B,C,H,W] -> [B,1,H << steps,W << steps].
class TeedUpsample : public Module {
 public:
  TeedUpsample(Module& parent, std::string_view key, int64_t in, int steps);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  std::deque<NetConv> convs_;
  std::deque<NetConvTransposed> enlarge_;
};

class TeedNetwork : public Module {
 public:
  TeedNetwork();

  // x [B,3,H,W] RGB, 0 to 255, sides multiples of 4 -> three maps and the fused one before the
  // sigmoid, [B,1,H,W] each. Throws bad_request for another shape.
  std::array<at::Tensor, 4> forward(const at::Tensor& x, Taps* taps = nullptr) const;

 private:
  at::Tensor dense(const at::Tensor& x, const at::Tensor& shortcut) const;
  at::Tensor fuse(const at::Tensor& maps) const;

  TeedBlock block_1_, block_2_;
  NetConv dense_conv1_, dense_conv2_;
  NetConv side_1_, pre_dense_3_;
  TeedUpsample up_1_, up_2_, up_3_;
  NetConv fuse_conv1_, fuse_conv2_;
};

struct TeedOptions {
  int safe_steps = 2;
};

template <OptionsOf<TeedOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("safe_steps", o.safe_steps, Range{0, 10}, "levels of grey above black; 0: all 256 levels");
}

// What the network is shown of `rgb`, whose sides are padded where it needs that.
at::Tensor teed_input(const Image& rgb);

// White edges on black, one channel, the size of `rgb`.
Image teed_map(const TeedNetwork& network, const Image& rgb, const TeedOptions& options = {});

}  // namespace zc
