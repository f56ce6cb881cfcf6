// SPDX-License-Identifier: Apache-2.0
#include "annotators/zoe.h"

#include <gtest/gtest.h>

#include <ATen/ops/zeros.h>

#include "annotators/bad_request.h"

namespace zc {
namespace {

TEST(Zoe, TakesPercentilesBetweenValues) {
  const ZoeRange range = zoe_range({5, 1, {4.0f, 0.0f, 1.0f, 3.0f, 2.0f}});
  EXPECT_DOUBLE_EQ(range.near, 0.08);
  EXPECT_DOUBLE_EQ(range.far, 3.4);
}

TEST(Zoe, MakesABlackPictureOfAConstantMap) {
  EXPECT_TRUE(zoe_picture({2, 1, {1.5f, 1.5f}}) == Image(2, 1, 1, 0));
  EXPECT_TRUE(zoe_picture({1, 1, {1.5f}}) == Image(1, 1, 1, 0));
}

TEST(Zoe, RefusesSidesThatAreNoMultiplesOf32) {
  const ZoeNetwork network;
  EXPECT_EQ(where_of_bad_request([&] { network.forward(at::zeros({1, 3, 64, 48})); }), "zoe");
}

TEST(Zoe, RefusesAPictureTooLongForItsAttention) {
  const ZoeNetwork network;
  EXPECT_EQ(where_of_bad_request([&] { zoe_depth(network, Image(9000, 384, 3)); }), "zoe");
}

// The rows of the table for two patches side by side: 3 differences, then class token to patch,
// patch to class token, class token to itself.
TEST(Zoe, FindsTheRowOfEachPairOfTokens) {
  const BeitGrid grid = beit_grid(1, 2);
  const std::vector<int64_t> expected = {5, 3, 3, 4, 1, 0, 4, 2, 1};
  ASSERT_EQ(grid.rows.numel(), 9);
  for (int64_t i = 0; i < 9; ++i)
    EXPECT_EQ(grid.rows[i].item<int64_t>(), expected[static_cast<size_t>(i)]) << i;
}

}  // namespace
}  // namespace zc
