// SPDX-License-Identifier: Apache-2.0
#include "tensor/conv_weight_grad.h"

#include <gtest/gtest.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>

namespace zc {
namespace {

at::Tensor weight_gradient_in_double(const at::Tensor& x, const at::Tensor& dy) {
  const at::Tensor w =
      at::zeros({dy.size(1), x.size(1), 3, 3}, at::kDouble).set_requires_grad(true);
  return torch::autograd::grad({at::conv2d(x.to(at::kDouble), w, {}, {1, 1}, {1, 1})}, {w},
                               {dy.to(at::kDouble)})[0];
}

TEST(ConvWeightGradient, IsThatOfTheConvolution) {
  struct Sizes {
    int64_t batch, in, out, height, width;
  };
  for (const auto& s : {Sizes{1, 1, 1, 1, 1}, Sizes{1, 3, 5, 4, 7}, Sizes{3, 40, 70, 9, 13},
                        Sizes{2, 64, 33, 16, 16}}) {
    const at::Tensor x = at::randn({s.batch, s.in, s.height, s.width});
    const at::Tensor dy = at::randn({s.batch, s.out, s.height, s.width});
    const at::Tensor wanted = weight_gradient_in_double(x, dy);
    const at::Tensor got = weight_gradient(x, dy);
    ASSERT_EQ(got.sizes(), wanted.sizes());
    EXPECT_TRUE(got.is_contiguous());
    // Operands of 17 bits where the machine splits them.
    EXPECT_LT((got.to(at::kDouble) - wanted).abs().max().item<double>(),
              5e-5 * wanted.abs().max().item<double>());
  }
}

}  // namespace
}  // namespace zc
