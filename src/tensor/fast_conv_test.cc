// SPDX-License-Identifier: Apache-2.0
// The fast convolution against ATen's, and when it may not be used.
#include "tensor/fast_conv.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

namespace zc {
namespace {

constexpr ops::ConvOptions kSame{.stride = 1, .padding = 1};

class FastConvTest : public testing::Test {
 protected:
  FastConvTest() {
    at::manual_seed(11);
    x_ = at::randn({2, 48, 19, 22});
    weight_ = at::randn({40, 48, 3, 3}) / 20;
    bias_ = at::randn({40});
  }

  at::Tensor wanted(const ops::ConvOptions& o) const {
    const at::Tensor bias = bias_.to(at::kDouble);
    return ops::conv2d(x_.to(at::kDouble), weight_.to(at::kDouble), bias, o);
  }

  c10::NoGradGuard no_gradient_;
  at::Tensor x_, weight_, bias_;
};

void expect_near(const at::Tensor& got, const at::Tensor& wanted) {
  ASSERT_EQ(got.sizes(), wanted.sizes());
  EXPECT_LE((got.to(at::kDouble) - wanted).abs().max().item<double>(), 3e-5);
}

TEST_F(FastConvTest, EqualsAtensInBothLayouts) {
  const FastConv conv;
  for (const int64_t padding : {0, 1}) {
    const ops::ConvOptions o{.stride = 1, .padding = padding};
    expect_near(conv(x_, weight_, bias_, o), wanted(o));
    expect_near(conv(x_.contiguous(at::MemoryFormat::ChannelsLast), weight_, bias_, o), wanted(o));
  }
  EXPECT_GT(conv.packed_bytes(), 0u);
}

TEST_F(FastConvTest, TheEpilogueAddsThenActivates) {
  const FastConv conv;
  const at::Tensor sum = wanted(kSame), residual = at::randn(sum.sizes());
  using kernels::Activation;
  expect_near(conv(x_, weight_, bias_, kSame, {Activation::relu, residual}),
              at::relu(sum + residual));
  expect_near(conv(x_, weight_, bias_, kSame, {Activation::silu}), at::silu(sum));
  // The same behind ATen's convolution: a stride of 2 is not Winograd's.
  const ops::ConvOptions strided{.stride = 2, .padding = 1};
  expect_near(conv(x_, weight_, bias_, strided, {Activation::relu}), at::relu(wanted(strided)));
}

TEST_F(FastConvTest, LargeWeightsArePackedInSlicesAndGivenBack) {
  const FastConv conv;
  x_ = at::randn({1, 240, 19, 22});
  weight_ = at::randn({520, 240, 3, 3}) / 50;
  bias_ = at::randn({520});
  const at::Tensor residual = at::randn({1, 520, 19, 22});
  expect_near(conv(x_, weight_, bias_, kSame, {kernels::Activation::relu, residual}),
              at::relu(wanted(kSame) + residual));
  expect_near(conv(x_, weight_, {}, kSame), wanted(kSame) - bias_.view({1, 520, 1, 1}));
  EXPECT_EQ(conv.packed_bytes(), 0u);
}

TEST_F(FastConvTest, ChangedWeightsArePackedAnew) {
  const FastConv conv;
  conv(x_, weight_, bias_, kSame);
  weight_.mul_(2.0);
  expect_near(conv(x_, weight_, bias_, kSame), wanted(kSame));
  bias_ = bias_ + 1.0;
  expect_near(conv(x_, weight_, bias_, kSame), wanted(kSame));
}

TEST_F(FastConvTest, GradientsGoThroughAten) {
  const FastConv conv;
  const at::AutoGradMode gradient(true);
  weight_.requires_grad_(true);
  conv(x_, weight_, bias_, kSame).sum().backward();
  EXPECT_TRUE(weight_.grad().defined());
  EXPECT_EQ(conv.packed_bytes(), 0u);
}

TEST_F(FastConvTest, OtherPrecisionsAndSmallPicturesGoToAten) {
  const FastConv conv;
  const at::Tensor half =
      conv(x_.to(at::kBFloat16), weight_.to(at::kBFloat16), bias_.to(at::kBFloat16), kSame);
  EXPECT_EQ(half.scalar_type(), at::kBFloat16);
  conv(x_.narrow(2, 0, 4).narrow(3, 0, 4), weight_, bias_, kSame);
  EXPECT_EQ(conv.packed_bytes(), 0u);
}

TEST_F(FastConvTest, WidensHalvesForWinogradForwardAndTurned) {
  const at::Tensor half = weight_.to(at::kHalf), same = half.to(at::kFloat);
  EXPECT_TRUE(
      at::equal(winograd_conv(x_, half, bias_, kSame), winograd_conv(x_, same, bias_, kSame)));
  const at::Tensor dy = at::randn({2, 40, 19, 22});
  EXPECT_TRUE(at::equal(winograd_conv_turned(dy, half), winograd_conv_turned(dy, same)));
}

}  // namespace
}  // namespace zc
