// SPDX-License-Identifier: Apache-2.0
// Soft edges by pixel difference networks (annotator/pidinet of v1.1, table5_pidinet.pth).
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "annotators/net_layers.h"
#include "annotators/soft_edge.h"
#include "image/image.h"

namespace zc {

// Which differences of neighbouring pixels a 3x3 convolution weighs: none (the pixels themselves),
// to the middle, around the ring, or outwards from it.
enum class PixelDifference { vanilla, central, angular, radial };

// The weights [C',C,3,3] as those of a plain convolution with the same result: 3x3, or 5x5 for
// radial ones (model.py, createConvFunc).
at::Tensor difference_weights(const at::Tensor& weights, PixelDifference kind);

class PidinetBlock : public Module {
 public:
  struct Options {
    int64_t in = 0;
    int64_t out = 0;
    PixelDifference difference = PixelDifference::vanilla;
    bool shrink = false;  // max pooling first, and a shortcut that is a convolution
  };
  PidinetBlock(Module& parent, std::string_view key, const Options& options);
  // x [B,C,H,W] -> [B,C',h,w], h = H / 2 when it shrinks.
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  const PixelDifference difference_;
  NetConv conv1_, conv2_;
  std::optional<NetConv> shortcut_;
};

// Four dilated convolutions side by side (the reference's CDCM). [B,C,H,W] -> [B,24,H,W].
class PidinetDilation : public Module {
 public:
  PidinetDilation(Module& parent, std::string_view key, int64_t in);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  NetConv conv1_;
  std::deque<NetConv> conv2_;
};

// Weighs each position (the reference's CSAM). [B,24,H,W] -> the same.
class PidinetAttention : public Module {
 public:
  PidinetAttention(Module& parent, std::string_view key);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  NetConv conv1_, conv2_;
};

class PidinetNetwork : public Module {
 public:
  PidinetNetwork();

  // x [B,3,H,W] BGR, 0 to 1, sides of at least 8 -> the edges of four stages and the fused ones,
  // [B,1,H,W] each, 0 to 1. Throws bad_request for another shape.
  std::array<at::Tensor, 5> forward(const at::Tensor& x, Taps* taps = nullptr) const;

 private:
  struct NamedBlock {
    NamedBlock(Module& parent, const std::string& key, const PidinetBlock::Options& options)
        : name(key), block(parent, key, options) {}
    const std::string name;
    PidinetBlock block;
  };
  void add_stage(int number, int64_t in, int64_t out);

  NetConv init_;
  std::array<std::deque<NamedBlock>, 4> stages_;
  std::deque<NetConv> reduces_;
  std::deque<PidinetAttention> attentions_;
  std::deque<PidinetDilation> dilations_;
  NetConv classifier_;
};

// What the network is shown of `rgb`, whose sides are padded where it needs that.
at::Tensor pidinet_input(const Image& rgb);

// White edges on black, one channel, the size of `rgb`.
Image pidinet_map(const PidinetNetwork& network, const Image& rgb,
                  const SoftEdgeOptions& options = {});

}  // namespace zc
