// SPDX-License-Identifier: Apache-2.0
// Metric depth by ZoeDepth, model ZoeD_M12_N (the reference's v1.1 annotator/zoe). Published
// weights: ZoeD_M12_N.pt.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>

#include "annotators/float_map.h"
#include "annotators/net_layers.h"
#include "annotators/zoe_core.h"
#include "image/image.h"
#include "tensor/module.h"

namespace zc {

// Keys "_net.0" and "_net.2": two 1x1 convolutions with a ReLU between.
class PointwisePair : public Module {
 public:
  PointwisePair(Module& parent, std::string_view key, int64_t in, int64_t hidden, int64_t out);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  NetConv first_, second_;
};

// One step of the metric head: at twice the size, the centres of the depth bins are drawn towards
// points that the features name.
class AttractorStep : public Module {
 public:
  AttractorStep(Module& network, int64_t index, int64_t attractors);
  struct State {
    at::Tensor embedding;  // [B,128,h,w]
    at::Tensor centres;    // [B,64,h,w], metres
  };
  State forward(const at::Tensor& features, const State& previous, Taps* taps) const;

 private:
  int64_t index_;
  PointwisePair project_, attract_;
};

// Keys of the published file.
class ZoeNetwork : public Module {
 public:
  ZoeNetwork();
  // x [B,3,H,W] of -1..1, sides multiples of 32 -> depth in metres, [B,1,H,W]. Throws bad_request
  // for another shape.
  at::Tensor forward(const at::Tensor& x, Taps* taps = nullptr) const;

 private:
  // How probable each bin is, [B,64,H,W].
  at::Tensor bin_probabilities(const at::Tensor& features, const at::Tensor& embedding) const;

  ZoeCore core_;
  NetConv bottleneck_;
  PointwisePair seed_centres_, seed_embedding_;
  AttractorStep step4_, step3_, step2_, step1_;
  NetConv binomial1_, binomial2_;
};

// Metres, [1,1,H,W] at the picture's size: the mean of the picture's and its mirror image's depth,
// each with padding around it. A side below 32, at which the reference's padding fails, is scaled
// to that. Throws bad_request for a picture so long that attention would need gigabytes.
at::Tensor zoe_depth(const ZoeNetwork& network, const Image& rgb, Taps* taps = nullptr);

// The metres that become white and black: the 2nd and 85th percentile.
struct ZoeRange {
  double near = 0, far = 0;
};
ZoeRange zoe_range(const FloatMap& metres);

// From black (far) to white (near), one channel.
Image zoe_picture(FloatMap metres);

// The detector: one channel, the size of the picture.
Image zoe_depth_map(const ZoeNetwork& network, const Image& rgb);

}  // namespace zc
