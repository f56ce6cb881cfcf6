// SPDX-License-Identifier: Apache-2.0
// Surface normals by NormalBae (Bae, Budvytis, Cipolla, ICCV 2021; the reference's v1.1
// annotator/normalbae). Published weights: scannet.pt.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "annotators/efficientnet_b5.h"
#include "annotators/net_layers.h"
#include "image/image.h"
#include "tensor/module.h"

namespace zc {

// Enlarges to the skip's size, appends it, then two convolutions with norms (UpSampleBN).
class NormalBaeUp : public Module {
 public:
  NormalBaeUp(Module& parent, std::string_view key, int64_t in, int64_t out);
  at::Tensor forward(const at::Tensor& x, const at::Tensor& skip) const;

 private:
  NormedConv conv1_, conv2_;
};

// Pixel by pixel from features and a coarser guess, both at half the size, to the next guess.
class NormalBaeRefiner : public Module {
 public:
  NormalBaeRefiner(Module& parent, std::string_view key, int64_t channels);
  // features [B,C,H,W], guess [B,4,H,W] -> [B,4,2H,2W]
  at::Tensor forward(const at::Tensor& features, const at::Tensor& guess) const;

 private:
  // Keys "weight" [out,in,1] and "bias" [out].
  class PointConv : public Module {
   public:
    PointConv(Module& parent, std::string_view key, int64_t in, int64_t out);
    at::Tensor operator()(const at::Tensor& x) const;

   private:
    Parameter weight_, bias_;
  };
  PointConv conv1_, conv2_, conv3_, conv4_;
};

// Keys of the published file.
class NormalBaeNetwork : public Module {
 public:
  NormalBaeNetwork();
  // Unit normals x, y, z and the certainty kappa, [B,4,...] at 1/8, 1/4, 1/2 and 1/1.
  struct Output {
    at::Tensor res8, res4, res2, res1;
  };
  // x [B,3,H,W] of ImageNet's mean and deviation, sides multiples of 32. Throws bad_request for
  // another shape.
  Output forward(const at::Tensor& x, Taps* taps = nullptr) const;

 private:
  EfficientNetB5 encoder_;
  NetConv bottleneck_;
  NormalBaeUp up1_, up2_, up3_, up4_;
  NetConv out8_;
  NormalBaeRefiner refine4_, refine2_, refine1_;
};

// The normals of a picture at its size, [1,4,H,W] as above. Sides that are no multiples of 32 are
// scaled to the nearest ones and the normals back.
at::Tensor normalbae_normals(const NormalBaeNetwork& network, const Image& rgb,
                             Taps* taps = nullptr);

// [4,H,W] or [3,H,W] of -1..1 as RGB = (x, y, z).
Image normalbae_picture(const at::Tensor& normals);

// The detector: three channels, the size of the picture.
Image normalbae_map(const NormalBaeNetwork& network, const Image& rgb);

}  // namespace zc
