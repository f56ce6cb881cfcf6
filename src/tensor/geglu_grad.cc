// SPDX-License-Identifier: Apache-2.0
#include "tensor/geglu_grad.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/chunk.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/mul.h>
#include <torch/csrc/autograd/custom_function.h>

namespace zc::ops {
namespace {

class Geglu : public torch::autograd::Function<Geglu> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x) {
    context->save_for_backward({x});
    const auto halves = x.chunk(2, -1);
    return at::gelu(halves[1]).mul_(halves[0]);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& dy = gradients[0];
    const auto halves = saved[0].chunk(2, -1);
    at::Tensor dx = at::empty_like(saved[0]);
    auto d_halves = dx.chunk(2, -1);
    at::mul_out(d_halves[0], dy, at::gelu(halves[1]));
    at::gelu_backward_out(d_halves[1], dy * halves[0], halves[1]);
    return {dx};
  }
};

}  // namespace

at::Tensor geglu_trainable(const at::Tensor& x) {
  return Geglu::apply(x);
}

}  // namespace zc::ops
