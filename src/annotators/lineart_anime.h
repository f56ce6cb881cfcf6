// SPDX-License-Identifier: Apache-2.0
// Line drawings in the manner of anime (annotator/lineart_anime of v1.1, netG.pth).
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "annotators/net_layers.h"
#include "base/options.h"
#include "image/image.h"

namespace zc {

// One level of the U-Net with all levels below it. Each holds the next one, as the keys do.
class LineartAnimeLevel : public Module {
 public:
  // `path` is the whole key of this level, `number` counts from 1.
  LineartAnimeLevel(Module& parent, std::string_view key, std::string path, int number);
  // x [B,C,H,W], sides even -> [B,2C,H,W], x after its activation beside what was made of it.
  at::Tensor forward(const at::Tensor& x, Taps* taps) const;

 private:
  const std::string name_;
  NetConv down_;
  std::unique_ptr<LineartAnimeLevel> inner_;  // none in the innermost level
  std::optional<NetConvTransposed> up_;
};

class LineartAnimeNetwork : public Module {
 public:
  LineartAnimeNetwork();

  // x [B,3,H,W] RGB, -1 to 1, sides multiples of 256 -> dark lines on white, [B,1,H,W], -1 to 1.
  // Throws bad_request for another shape.
  at::Tensor forward(const at::Tensor& x, Taps* taps = nullptr) const;

 private:
  NetConv down_;
  LineartAnimeLevel inner_;
  NetConvTransposed up_;
};

struct LineartAnimeOptions {};

template <OptionsOf<LineartAnimeOptions> O, class Visitor>
void for_each_field(O&, Visitor&&) {}

// What the network is shown: `rgb` enlarged to the next multiples of 256, [1,3,H',W'], -1 to 1.
// Throws bad_request when that is larger than kMaxImagePixels.
at::Tensor lineart_anime_input(const Image& rgb);

// Dark lines on white paper, one channel, the size of `rgb`. The ControlNet is shown the negative.
// Throws bad_request as above.
Image lineart_anime_map(const LineartAnimeNetwork& network, const Image& rgb,
                        const LineartAnimeOptions& options = {});

}  // namespace zc
