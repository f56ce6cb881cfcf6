// SPDX-License-Identifier: Apache-2.0
// The parts of the M-LSD network (annotator/mlsd/models/mbv2_mlsd_large.py).
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include "annotators/net_layers.h"

namespace zc {

// Convolution without bias, batch norm, ReLU6. Keys "0.*" and "1.*".
class MlsdConv : public Module {
 public:
  struct Options {
    int64_t in = 0;
    int64_t out = 0;
    int64_t kernel = 3;
    int64_t stride = 1;
    int64_t groups = 1;
  };
  MlsdConv(Module& parent, std::string_view key, const Options& options);
  // x [B,C,H,W] -> [B,C',H/stride,W/stride], rounded down.
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  const int64_t stride_;
  NormedConv conv_;
};

// MobileNet's inverted residual: expand (unless by 1), filter each channel, project.
class MlsdResidual : public Module {
 public:
  struct Options {
    int64_t in = 0;
    int64_t out = 0;
    int64_t stride = 1;
    int64_t expansion = 6;
  };
  MlsdResidual(Module& parent, std::string_view key, const Options& options);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  const bool shortcut_;
  std::deque<MlsdConv> convs_;
  std::optional<NormedConv> project_;
};

// MobileNetV2 up to 1/16 of the size.
class MlsdBackbone : public Module {
 public:
  MlsdBackbone(Module& parent, std::string_view key);
  // x [B,4,H,W] -> c1 to c5: 16 channels at H/2, 24 at H/4, 32 at H/8, 64 and 96 at H/16.
  std::array<at::Tensor, 5> forward(const at::Tensor& x, Taps* taps) const;

 private:
  MlsdConv stem_;
  std::deque<MlsdResidual> residuals_;
};

// Convolution with bias, batch norm, ReLU. Keys "0.*" and "1.*".
class MlsdConvRelu : public Module {
 public:
  struct Options {
    int64_t in = 0;
    int64_t out = 0;
    int64_t kernel = 3;
    int64_t dilation = 1;
  };
  MlsdConvRelu(Module& parent, std::string_view key, const Options& options);
  // The size stays.
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  NormedConv conv_;
};

// The reference's BlockTypeA: two maps side by side, 64 channels of each.
class MlsdJoin : public Module {
 public:
  struct Options {
    int64_t fine = 0;
    int64_t coarse = 0;
    bool enlarge = true;  // the coarse one has half the size
  };
  MlsdJoin(Module& parent, std::string_view key, const Options& options);
  // -> [B,128,H,W] of the fine one's size.
  at::Tensor operator()(const at::Tensor& fine, const at::Tensor& coarse) const;

 private:
  const bool enlarge_;
  MlsdConvRelu conv_coarse_, conv_fine_;
};

// The reference's BlockTypeB: [B,128,H,W] -> [B,64,H,W].
class MlsdRefine : public Module {
 public:
  MlsdRefine(Module& parent, std::string_view key);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  MlsdConvRelu conv1_, conv2_;
};

// The reference's BlockTypeC: [B,64,H,W] -> [B,16,H,W].
class MlsdHead : public Module {
 public:
  MlsdHead(Module& parent, std::string_view key);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  MlsdConvRelu conv1_, conv2_;
  NetConv conv3_;
};

}  // namespace zc
