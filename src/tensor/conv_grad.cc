// SPDX-License-Identifier: Apache-2.0
#include "tensor/conv_grad.h"

#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/flip.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>

#include "tensor/conv_weight_grad.h"
#include "tensor/fast_conv.h"
#include "tensor/split_conv.h"

namespace zc::ops {
namespace {

constexpr ConvOptions kThreeByThree = {.stride = 1, .padding = 1};

// Weights change between steps, or are too many to be kept packed, so they are packed at each call.
// To write and to read them again takes as long as some 4000 products for each pair of channels: a
// picture of 16 x 16 saves fewer, one of 32 x 32 more.
bool pays_with_packing(const at::Tensor& x) {
  const int64_t tiles = x.size(0) * ((x.size(2) + 3) / 4) * ((x.size(3) + 3) / 4);
  return 9 * x.size(0) * x.size(2) * x.size(3) - 36 * tiles >= 4000;
}

// The gradient of the input, [B,C,H,W], of that of the result, [B,C',H,W].
at::Tensor input_gradient(const at::Tensor& dy, const at::Tensor& weight) {
  if (suits_split_conv(dy, weight.transpose(0, 1), {}, kThreeByThree))
    return split_conv2d_turned(dy, weight);
  if (pays_with_packing(dy) && suits_winograd(dy, weight.transpose(0, 1), {}, kThreeByThree))
    return winograd_conv_turned(dy, weight);
  return conv2d(dy, at::flip(weight.to(dy.scalar_type()).transpose(0, 1), {2, 3}), {},
                kThreeByThree);
}

class FastConvolution : public torch::autograd::Function<FastConvolution> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
    const bool weight_learns = weight.requires_grad();
    context->save_for_backward({weight_learns ? x : at::Tensor(), weight});
    context->saved_data["bias"] = bias.has_value() && bias->requires_grad();
    const at::Tensor b = bias.value_or(at::Tensor());
    return suits_split_conv(x, weight, b, kThreeByThree)
               ? split_conv2d(x, weight, b, kThreeByThree)
               : winograd_conv(x, weight, b, kThreeByThree);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1];
    const at::Tensor dy = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    at::Tensor dx, d_weight, d_bias;
    if (context->needs_input_grad(0)) dx = input_gradient(dy, weight);
    const bool with_bias = context->saved_data["bias"].toBool();
    if (x.defined() && suits_weight_products(x, dy)) {
      d_weight = weight_gradient(x, dy);
      if (with_bias) d_bias = dy.sum({0, 2, 3});
    } else if (x.defined()) {
      const std::array<int64_t, 1> bias_size = {weight.size(0)};
      std::tie(std::ignore, d_weight, d_bias) = at::convolution_backward(
          dy, x.contiguous(at::MemoryFormat::ChannelsLast), weight,
          at::OptionalIntArrayRef(bias_size), {1, 1}, {1, 1}, {1, 1}, /*transposed=*/false, {0, 0},
          /*groups=*/1, {false, true, with_bias});
    } else if (with_bias) {
      d_bias = dy.sum({0, 2, 3});
    }
    return {dx, d_weight, d_bias};
  }
};

}  // namespace

bool can_train_conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      const ConvOptions& o) {
  if (x.dim() != 4 || weight.dim() != 4 || weight.size(2) != 3 || o.padding != 1 || o.stride != 1)
    return false;
  return suits_split_conv(x, weight, bias, o) ||
         (pays_with_packing(x) && suits_winograd(x, weight, bias, o));
}

at::Tensor conv2d_trainable(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            ConvOptions) {
  return FastConvolution::apply(x, weight,
                                bias.defined() ? std::optional<at::Tensor>(bias) : std::nullopt);
}

}  // namespace zc::ops
