// SPDX-License-Identifier: Apache-2.0
#include "tensor/conv_grad.h"

#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/flip.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>

#include "tensor/fast_conv.h"

namespace zc::ops {
namespace {

constexpr ConvOptions kThreeByThree = {.stride = 1, .padding = 1};

// The gradient of the input, [B,C,H,W], of that of the result, [B,C',H,W].
at::Tensor input_gradient(const at::Tensor& dy, const at::Tensor& weight) {
  const at::Tensor turned = at::flip(weight.transpose(0, 1), {2, 3});
  if (suits_winograd(dy, turned, {}, kThreeByThree))
    return winograd_conv(dy, turned, {}, kThreeByThree);
  return conv2d(dy, turned, {}, kThreeByThree);
}

class WinogradConvolution : public torch::autograd::Function<WinogradConvolution> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
    const bool weight_learns = weight.requires_grad();
    context->save_for_backward({weight_learns ? x : at::Tensor(), weight});
    context->saved_data["bias"] = bias.has_value() && bias->requires_grad();
    return winograd_conv(x, weight, bias.value_or(at::Tensor()), kThreeByThree);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1];
    const at::Tensor dy = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    at::Tensor dx, d_weight, d_bias;
    if (context->needs_input_grad(0)) dx = input_gradient(dy, weight);
    const bool with_bias = context->saved_data["bias"].toBool();
    if (x.defined()) {
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
  return o.padding == 1 && suits_winograd(x, weight, bias, o);
}

at::Tensor conv2d_trainable(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            ConvOptions) {
  return WinogradConvolution::apply(
      x, weight, bias.defined() ? std::optional<at::Tensor>(bias) : std::nullopt);
}

}  // namespace zc::ops
