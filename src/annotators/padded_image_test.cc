// SPDX-License-Identifier: Apache-2.0
#include "annotators/padded_image.h"

#include <gtest/gtest.h>

namespace zc {
namespace {

TEST(PaddedImage, RepeatsTheLastRowAndColumn) {
  Image image(2, 1, 3);
  image.pixels = {1, 2, 3, 4, 5, 6};
  const Image result = padded(image, 1, 4);
  ASSERT_EQ(result.width, 4);
  ASSERT_EQ(result.height, 4);
  for (int y = 0; y < 4; ++y) {
    EXPECT_EQ(result.at(0, y)[0], 1);
    for (int x = 1; x < 4; ++x) EXPECT_EQ(result.at(x, y)[2], 6);
  }
}

TEST(PaddedImage, LeavesWhatFitsAsItIs) {
  const Image image(16, 32, 1, 7);
  EXPECT_TRUE(padded(image, 16, 16) == image);
  EXPECT_EQ(padded(image, 17).width, 17);
  EXPECT_EQ(padded(image, 17).height, 32);
}

}  // namespace
}  // namespace zc
