// SPDX-License-Identifier: Apache-2.0
#include "training/circle_judge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace zc {
namespace {

constexpr int kJudgedSize = 96;

Image flat_picture(const CssColour& c) {
  Image image(kJudgedSize, kJudgedSize, 3);
  for (size_t i = 0; i < image.pixels.size(); i += 3) {
    image.pixels[i] = c.r;
    image.pixels[i + 1] = c.g;
    image.pixels[i + 2] = c.b;
  }
  return image;
}

// The picture of that pair in other colours.
Image repainted(const CirclePair& pair, const CssColour& disc, const CssColour& background) {
  Image image = flat_picture(background);
  for (int y = 0; y < kJudgedSize; ++y) {
    for (int x = 0; x < kJudgedSize; ++x) {
      if (std::hypot(x + 0.5 - pair.centre_x, y + 0.5 - pair.centre_y) >= pair.radius) continue;
      uint8_t* p = image.at(x, y);
      p[0] = disc.r;
      p[1] = disc.g;
      p[2] = disc.b;
    }
  }
  return image;
}

TEST(CircleJudge, FindsNoFaultInTheTruth) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    const CirclePair pair = sample_circle(seed, kJudgedSize);
    const CircleJudgement j = judge_circle(pair.target, wanted_circle(pair));
    EXPECT_EQ(j.iou, 1.0) << seed;
    EXPECT_EQ(j.shape_iou, 1.0) << seed;
    EXPECT_LT(j.centre_error, 1.0) << seed;
    EXPECT_LT(j.radius_error, 5.0) << seed;
    EXPECT_TRUE(j.disc.right && j.background.right) << seed;
    EXPECT_EQ(j.disc.difference, 0.0) << seed;
  }
}

TEST(CircleJudge, SeesAnotherDiscsPlace) {
  const CirclePair pair = sample_circle(1, kJudgedSize);
  WantedCircle elsewhere = wanted_circle(pair);
  elsewhere.centre_x += 10;
  elsewhere.radius *= 1.25;
  const CircleJudgement j = judge_circle(pair.target, elsewhere);
  EXPECT_LT(j.iou, 0.95);
  EXPECT_EQ(j.iou, j.shape_iou);
  EXPECT_NEAR(j.centre_error, 10, 1);
  EXPECT_NEAR(j.radius_error, 20, 4);
}

TEST(CircleJudge, TellsShapeFromColour) {
  const CirclePair pair = sample_circle(2, kJudgedSize);
  WantedCircle red_on_blue = wanted_circle(pair);
  const CssColour red{"red", 255, 0, 0}, blue{"blue", 0, 0, 255};
  red_on_blue.disc = red;
  red_on_blue.background = blue;
  const CircleJudgement swapped = judge_circle(repainted(pair, blue, red), red_on_blue);
  EXPECT_LT(swapped.iou, 0.01);
  EXPECT_EQ(swapped.shape_iou, 1.0);
  EXPECT_FALSE(swapped.disc.right || swapped.background.right);
  EXPECT_GT(swapped.disc.difference, 40);
}

TEST(CircleJudge, ANearColourIsRightOnlyUnderItsOwnName) {
  const CirclePair pair = sample_circle(3, kJudgedSize);
  WantedCircle wanted = wanted_circle(pair);
  wanted.disc = {"red", 255, 0, 0};
  wanted.background = {"white", 255, 255, 255};
  const CssColour nearly_red{"", 250, 6, 4}, snow{"snow", 255, 250, 250};
  const CircleJudgement j = judge_circle(repainted(pair, nearly_red, snow), wanted);
  EXPECT_TRUE(j.disc.right);
  EXPECT_LT(j.background.difference, 10);
  EXPECT_FALSE(j.background.right);
}

TEST(CircleJudge, NamesOfOneColourAreAllRight) {
  const CirclePair pair = sample_circle(3, kJudgedSize);
  WantedCircle wanted = wanted_circle(pair);
  wanted.disc = {"aqua", 0, 255, 255};
  const CssColour cyan{"cyan", 0, 255, 255};
  EXPECT_TRUE(judge_circle(repainted(pair, cyan, wanted.background), wanted).disc.right);
}

TEST(CircleJudge, APictureOfOneColourShowsNoCircle) {
  const CirclePair pair = sample_circle(4, kJudgedSize);
  const CircleJudgement j = judge_circle(flat_picture(pair.background), wanted_circle(pair));
  EXPECT_EQ(j.iou, 0.0);
  EXPECT_EQ(j.shape_iou, 0.0);
  EXPECT_EQ(j.radius_error, 100.0);
  EXPECT_TRUE(j.background.right);
}

TEST(FitCircle, FindsADiscThatLeavesThePicture) {
  std::vector<uint8_t> mask(kJudgedSize * kJudgedSize);
  for (int y = 0; y < kJudgedSize; ++y) {
    for (int x = 0; x < kJudgedSize; ++x)
      mask[y * kJudgedSize + x] = std::hypot(x + 0.5 - 20, y + 0.5 - 70) < 40 ? 1 : 0;
  }
  const FittedCircle c = fit_circle(mask, kJudgedSize, kJudgedSize);
  EXPECT_NEAR(c.centre_x, 20, 1);
  EXPECT_NEAR(c.centre_y, 70, 1);
  EXPECT_NEAR(c.radius, 40, 1);
}

TEST(FitCircle, IsNotMisledBySpecks) {
  std::vector<uint8_t> mask(kJudgedSize * kJudgedSize);
  for (int y = 0; y < kJudgedSize; ++y) {
    for (int x = 0; x < kJudgedSize; ++x) {
      const bool inside = std::hypot(x + 0.5 - 50, y + 0.5 - 40) < 25;
      const bool speck = (x * 7 + y * 13) % 11 == 0;
      mask[y * kJudgedSize + x] = inside != speck ? 1 : 0;
    }
  }
  const FittedCircle c = fit_circle(mask, kJudgedSize, kJudgedSize);
  EXPECT_NEAR(c.centre_x, 50, 1);
  EXPECT_NEAR(c.centre_y, 40, 1);
  EXPECT_NEAR(c.radius, 25, 1);
}

TEST(OtsuThreshold, LiesBetweenTwoGroups) {
  const std::vector<double> values = {0.1, 0.12, 0.09, 0.11, 0.8, 0.82};
  const double threshold = otsu_threshold(values);
  EXPECT_GT(threshold, 0.12);
  EXPECT_LE(threshold, 0.8);
}

TEST(OtsuThreshold, LeavesNothingAboveItWhereAllIsTheSame) {
  EXPECT_GT(otsu_threshold(std::vector<double>(5, 0.4)), 0.4);
}

}  // namespace
}  // namespace zc
