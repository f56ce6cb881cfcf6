// SPDX-License-Identifier: Apache-2.0
#include "formats/quantized.h"

#include <limits>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/error_of.h"

namespace zc {
namespace {

TEST(Quantized, ComesBackWithinHalfAStepOfEachChannel) {
  at::Tensor weight = at::linspace(-3, 5, 4 * 3 * 9).view({4, 3, 3, 3}).sin();
  weight[2].mul_(100);
  weight[3].zero_();
  const StateDict packed = quantize({{"conv.weight", weight}});
  EXPECT_EQ(packed.at("conv.weight").scalar_type(), at::kChar);
  EXPECT_EQ(packed.at("conv.weight.scale").sizes().vec(), std::vector<int64_t>{4});
  const StateDict back = dequantize(packed);
  ASSERT_EQ(back.size(), 1u);
  const at::Tensor error = (back.at("conv.weight") - weight).abs().view({4, -1}).amax(1);
  const at::Tensor step = weight.abs().view({4, -1}).amax(1) / 127;
  EXPECT_TRUE((error <= step * 0.5001).all().item<bool>());
  EXPECT_TRUE(at::equal(back.at("conv.weight")[3], at::zeros({3, 3, 3})));
}

TEST(Quantized, TheLargestWeightOfAChannelIsExact) {
  const at::Tensor weight = at::tensor({1.0f, -2.0f, 0.5f, 4.0f}).view({2, 2});
  const at::Tensor back = dequantize(quantize({{"w", weight}})).at("w");
  EXPECT_FLOAT_EQ(back[0][1].item<float>(), -2.0f);
  EXPECT_FLOAT_EQ(back[1][1].item<float>(), 4.0f);
}

TEST(Quantized, KeepsSmallTensorsAsHalvesAndNumbersAsTheyAre) {
  const StateDict packed = quantize({{"bias", at::tensor({0.5f, 1.25f})},
                                     {"large", at::tensor({1e6f})},
                                     {"ids", at::arange(4).view({1, 4})},
                                     {"scalar", at::scalar_tensor(2.0f)}});
  EXPECT_EQ(packed.at("bias").scalar_type(), at::kHalf);
  EXPECT_EQ(packed.at("large").scalar_type(), at::kFloat);
  EXPECT_EQ(packed.at("ids").scalar_type(), at::kLong);
  const StateDict back = dequantize(packed);
  EXPECT_EQ(back.at("bias").scalar_type(), at::kFloat);
  EXPECT_EQ(back.at("bias")[1].item<float>(), 1.25f);
  EXPECT_EQ(back.at("scalar").dim(), 0);
}

TEST(Quantized, RefusesWeightsThatAreNotFinite) {
  const Error error = error_of(
      [&] { quantize({{"w", at::full({2, 2}, std::numeric_limits<float>::infinity())}}); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_EQ(error.where(), "w");
}

TEST(Quantized, RefusesBytesWithoutScales) {
  const Error error = error_of([&] { dequantize({{"w", at::zeros({2, 2}, at::kChar)}}); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_file);
  EXPECT_EQ(error.where(), "w");
  EXPECT_THROW(dequantize({{"w", at::zeros({2, 2}, at::kChar)}, {"w.scale", at::zeros({3})}}),
               Error);
}

TEST(Quantized, KnowsItsMetadata) {
  EXPECT_TRUE(is_quantized({{kQuantizationKey, kInt8Channel}}));
  EXPECT_FALSE(is_quantized({}));
  EXPECT_THROW(is_quantized({{kQuantizationKey, "int3"}}), Error);
}

}  // namespace
}  // namespace zc
