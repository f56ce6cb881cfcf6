// SPDX-License-Identifier: Apache-2.0
// A convolution that computes by Winograd's method on the CPU where that pays, and by ATen's
// elsewhere.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <mutex>

#include "kernels/winograd.h"
#include "tensor/ops.h"

namespace zc {

// What follows the sum: activation(conv + bias + residual).
struct ConvEpilogue {
  kernels::Activation activation = kernels::Activation::none;
  at::Tensor residual = {};  // [B,C',H',W'], or undefined
};

at::Tensor with_epilogue(at::Tensor y, const ConvEpilogue& epilogue);

// Whether these can go through winograd_conv: float32 on the CPU (weights may be halves), k = 3,
// stride 1, padding 0 or 1, no autocast, and kernels::winograd_pays. Gradients are not looked at.
bool suits_winograd(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                    const ops::ConvOptions& o);
// Whether winograd_conv computes it in its large tiles.
bool takes_large_tiles(const at::Tensor& x, const ops::ConvOptions& o);
// Transforms the weights for this call, which costs less than it saves. No gradients; the result is
// channels-last.
at::Tensor winograd_conv(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                         const ops::ConvOptions& o, const ConvEpilogue& epilogue = {});
// conv(x) with the transposed filters turned by half a turn, padding 1: of dy [B,C',H,W] the
// gradient of the input of a convolution with `weight` [C',C,3,3]. suits_winograd() is to be asked
// with weight.transpose(0, 1).
at::Tensor winograd_conv_turned(const at::Tensor& dy, const at::Tensor& weight);

// Weights of up to 2 MiB are packed at the first call for which Winograd pays, and kept; anew when
// the weight or bias is another tensor or was written to. Packed weights take 4 times the memory,
// so larger ones are transformed at each call.
// A layer that makes its weights anew for each call has no use for this. Several threads may call.
class FastConv {
 public:
  // x [B,C,H,W], weight [C',C,k,k], bias [C'] or undefined. The result is channels-last where
  // Winograd ran, which is where: float32 on the CPU, k = 3, stride 1, padding 0 or 1, no gradient
  // is wanted, no autocast, and kernels::winograd_pays.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                        ops::ConvOptions o, const ConvEpilogue& epilogue = {}) const;

  // 0 until Winograd ran.
  size_t packed_bytes() const;

 private:
  struct Packed;
  std::shared_ptr<const Packed> packed_for(const at::Tensor& weight, const at::Tensor& bias) const;

  mutable std::mutex mutex_;
  mutable std::shared_ptr<const Packed> packed_;
};

}  // namespace zc
