// SPDX-License-Identifier: Apache-2.0
// Layers that the annotators' networks have and the diffusion models lack. [B,C,H,W].
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "tensor/fast_conv.h"
#include "tensor/layers.h"
#include "tensor/module.h"

namespace zc {

// Outputs of inner layers by their names in the parity data; not recorded when null.
using Taps = std::map<std::string, at::Tensor>;
void record(Taps* taps, const std::string& name, const at::Tensor& value);

// Throws bad_request, naming `where`, unless both sides of x [B,C,H,W] are multiples of `multiple`,
// and not 0.
void check_sides(const at::Tensor& x, const char* where, int64_t multiple);

// Keys "weight", "bias", "running_mean", "running_var" [C]; a counter "num_batches_tracked" in the
// file is not read.
class BatchNorm : public Module {
 public:
  BatchNorm(Module& parent, std::string_view key, int64_t channels, double eps = 1e-5);
  at::Tensor operator()(const at::Tensor& x) const;
  // What it multiplies each channel by, and then adds.
  struct Affine {
    at::Tensor scale, shift;  // [C]
  };
  Affine affine() const;

 private:
  double eps_;
  Parameter weight_, bias_, mean_, variance_;
};

struct NetConvOptions {
  int64_t stride = 1;
  int64_t padding = 0;
  int64_t dilation = 1;
  int64_t groups = 1;
  bool bias = true;
};

// Keys "weight" [C',C/groups,k,k] and, unless switched off, "bias" [C'].
class NetConv : public Module {
 public:
  NetConv(Module& parent, std::string_view key, int64_t in, int64_t out, int64_t kernel,
          NetConvOptions options = {});
  at::Tensor operator()(const at::Tensor& x) const;
  // The same, then max(0, .) in the same pass.
  at::Tensor relu(const at::Tensor& x) const;
  // The same, plus `residual` of the result's shape.
  at::Tensor plus(const at::Tensor& x, const at::Tensor& residual) const;
  // The same, then the norm, which becomes part of the weights.
  at::Tensor normed(const at::Tensor& x, const BatchNorm& norm) const;
  // With other weights of the same shape, as standardised ones.
  at::Tensor apply(const at::Tensor& x, const at::Tensor& weight) const;
  const Parameter& weight() const { return weight_; }
  at::Tensor bias() const;

 private:
  struct Weights {
    at::Tensor weight, bias;
  };
  Weights weights(at::ScalarType type) const;
  Weights weights_with(const BatchNorm& norm) const;
  at::Tensor run(const at::Tensor& x, const Weights& weights, const ConvEpilogue& epilogue) const;

  NetConvOptions options_;
  Parameter weight_;
  std::optional<Parameter> bias_;
  FastConv fast_;
  // With a norm: the last result, and the weight that it was made of.
  mutable std::mutex mutex_;
  mutable at::Tensor plain_;
  mutable Weights with_norm_;
};

// A convolution and the batch norm after it, which becomes part of its weights.
class NormedConv {
 public:
  struct Keys {
    std::string_view conv, norm;  // under the owner's
  };
  struct Options {
    int64_t in = 0;
    int64_t out = 0;
    int64_t kernel = 3;
    NetConvOptions conv = {};
    double eps = 1e-5;
  };
  NormedConv(Module& owner, const Keys& keys, const Options& options);
  at::Tensor operator()(const at::Tensor& x) const { return conv_.normed(x, norm_); }

 private:
  NetConv conv_;
  BatchNorm norm_;
};

// Keys "weight" [C,C',k,k] and "bias" [C'].
class NetConvTransposed : public Module {
 public:
  NetConvTransposed(Module& parent, std::string_view key, int64_t in, int64_t out, int64_t kernel,
                    int64_t stride, int64_t padding, int64_t output_padding = 0);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  int64_t stride_, padding_, output_padding_;
  Parameter weight_, bias_;
};

// Over each channel of each picture, without weights.
at::Tensor instance_norm(const at::Tensor& x, double eps = 1e-5);

// ATen's bilinear interpolation to height x width.
at::Tensor bilinear(const at::Tensor& x, int64_t height, int64_t width, bool align_corners);

}  // namespace zc
