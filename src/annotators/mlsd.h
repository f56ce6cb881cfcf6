// SPDX-License-Identifier: Apache-2.0
// Straight lines (annotator/mlsd after navervision/mlsd, mlsd_large_512_fp32.pth).
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "annotators/mlsd_blocks.h"
#include "annotators/net_layers.h"
#include "base/options.h"
#include "image/image.h"
#include "image/resize.h"

namespace zc {

class MlsdNetwork : public Module {
 public:
  MlsdNetwork();

  // x [B,4,H,W], -1 to 1, sides multiples of 16 -> [B,9,H/2,W/2]: whether the middle of a
  // line is here (before the sigmoid), then the ways from there to its start (x, y) and its end;
  // the last four are for training. Throws bad_request for another shape.
  at::Tensor forward(const at::Tensor& x, Taps* taps = nullptr) const;

 private:
  MlsdBackbone backbone_;
  MlsdJoin join15_;
  MlsdRefine refine16_;
  MlsdJoin join17_;
  MlsdRefine refine18_;
  MlsdJoin join19_;
  MlsdRefine refine20_;
  MlsdJoin join21_;
  MlsdRefine refine22_;
  MlsdHead head23_;
};

struct MlsdOptions {
  double value = 0.1;
  double distance = 0.1;
};

template <OptionsOf<MlsdOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("value", o.value, Range{0.01, 2}, "how sure the network must be of a line, up to 1");
  visit("distance", o.distance, Range{0.01, 20}, "half the length that a line must have");
}

// Pixels of the image.
struct LineSegment {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};

// What the network is shown of `rgb`, whose sides are padded where it needs that; the fourth
// channel is constant.
at::Tensor mlsd_input(const Image& rgb);

// The lines in the network's map [1,9,h,w], surest first; at most 200 before the options sort out
// some (utils.py, deccode_output_score_and_ptss and pred_lines).
std::vector<LineSegment> mlsd_segments(const at::Tensor& map, const MlsdOptions& options);

// White lines one pixel wide on black, one channel; parts outside are not drawn.
Image draw_segments(std::span<const LineSegment> segments, ImageSize size);

// White lines on black, one channel, the size of `rgb`.
Image mlsd_map(const MlsdNetwork& network, const Image& rgb, const MlsdOptions& options = {});

}  // namespace zc
