// SPDX-License-Identifier: Apache-2.0
#include "pipelines/region.h"

#include <algorithm>

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "pipelines/pixels.h"

namespace zc {
namespace {

// White in its left half.
Image left_half(int width, int height) {
  Image mask(width, height, 3);
  for (int y = 0; y < height; ++y) std::fill_n(mask.row(y), width / 2 * 3, uint8_t{255});
  return mask;
}

GenerateRequest two_controls() {
  GenerateRequest request;
  request.width = request.height = 64;
  request.controls.resize(2);
  request.controls[1].mask = "mask.png";
  return request;
}

TEST(InRegion, KeepsResidualsWhereTheMaskIsWhite) {
  const at::Tensor region = mask_tensor(region_of(left_half(64, 64)));
  const Residuals inside = in_region({at::ones({2, 3, 8, 8}), {}, at::ones({2, 5, 2, 2})}, region);
  ASSERT_EQ(inside.size(), 3u);
  EXPECT_FALSE(inside[1].defined());
  EXPECT_EQ(inside[0].narrow(3, 0, 4).sum().item<double>(), 2 * 3 * 8 * 4);
  EXPECT_EQ(inside[0].narrow(3, 4, 4).sum().item<double>(), 0);
  EXPECT_EQ(inside[2].narrow(3, 0, 1).sum().item<double>(), 2 * 5 * 2);
  EXPECT_EQ(inside[2].narrow(3, 1, 1).sum().item<double>(), 0);
}

// torch.nn.functional.interpolate(mask, size, mode="bilinear") of the row 0 1 1 1 to two columns.
TEST(InRegion, ScalesMasksBilinearly) {
  at::Tensor region = at::ones({1, 1, 1, 4});
  region.data_ptr<float>()[0] = 0;
  const at::Tensor out = in_region({at::ones({1, 1, 1, 2})}, region)[0];
  EXPECT_FLOAT_EQ(out.data_ptr<float>()[0], 0.5f);
  EXPECT_FLOAT_EQ(out.data_ptr<float>()[1], 1.0f);
}

TEST(InRegion, LeavesResidualsAloneWithoutAMask) {
  const at::Tensor residual = at::ones({1, 1, 2, 2});
  EXPECT_TRUE(in_region({residual}, {})[0].is_same(residual));
}

TEST(UnitRegions, AreGreyAndOfTheMasksOwnSize) {
  GenerateInputs inputs;
  inputs.unit_masks[1] = left_half(32, 32);
  std::vector<std::string> warnings;
  const auto regions = unit_regions(two_controls(), inputs, warnings);
  ASSERT_EQ(regions.size(), 1u);
  EXPECT_EQ(regions.at(1).channels, 1);
  EXPECT_EQ(regions.at(1).width, 32);
  EXPECT_EQ(*regions.at(1).at(0, 0), 255);
  EXPECT_EQ(*regions.at(1).at(31, 0), 0);
  EXPECT_TRUE(warnings.empty());
}

TEST(UnitRegions, WarnOfBlackMasksAndOtherAspects) {
  GenerateInputs inputs;
  inputs.unit_masks[1] = Image(64, 32, 3);
  std::vector<std::string> warnings;
  unit_regions(two_controls(), inputs, warnings);
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_NE(warnings[0].find("black"), std::string::npos);
  EXPECT_NE(warnings[1].find("64x32"), std::string::npos);
}

TEST(UnitRegions, RefuseAMaskThatIsMissingOrBelongsToNoControl) {
  GenerateInputs inputs;
  std::vector<std::string> warnings;
  EXPECT_EQ(error_of([&] { unit_regions(two_controls(), inputs, warnings); }).where(),
            "controls[1].mask");
  inputs.unit_masks[1] = left_half(8, 8);
  inputs.unit_masks[2] = left_half(8, 8);
  EXPECT_EQ(error_of([&] { unit_regions(two_controls(), inputs, warnings); }).where(),
            "controls[2].mask");
}

}  // namespace
}  // namespace zc
