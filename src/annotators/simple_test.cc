// SPDX-License-Identifier: Apache-2.0
#include "annotators/simple.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "annotators/bad_request.h"

namespace zc {
namespace {

Image one_pixel(std::vector<uint8_t> values) {
  Image image(1, 1, static_cast<int>(values.size()));
  image.pixels = std::move(values);
  return image;
}

TEST(ScribbleXdog, DrawsDarkLinesAndLeavesPlainPaperBlack) {
  Image paper(64, 64, 3, 255);
  for (int y = 0; y < 64; ++y) std::fill(paper.at(31, y), paper.at(34, y), uint8_t{0});
  const Image strokes = scribble_xdog(paper);
  EXPECT_EQ(strokes.channels, 1);
  for (int y = 0; y < 64; ++y) {
    EXPECT_EQ(*strokes.at(32, y), 255);
    EXPECT_EQ(*strokes.at(2, y), 0);
  }
}

TEST(ScribbleXdog, DrawsNothingOfABrightLine) {
  Image paper(64, 64, 3, 0);
  for (int y = 0; y < 64; ++y) std::fill(paper.at(31, y), paper.at(34, y), uint8_t{255});
  EXPECT_EQ(*scribble_xdog(paper).at(32, 32), 0);
}

TEST(ThresholdMap, IsWhereTheDarkestChannelIsAbove) {
  EXPECT_EQ(threshold_map(one_pixel({128, 200, 255})), one_pixel({255}));
  EXPECT_EQ(threshold_map(one_pixel({127, 200, 255})), one_pixel({0}));
  EXPECT_EQ(threshold_map(one_pixel({255, 255, 255}), {255}), one_pixel({0}));
}

TEST(BlurGaussian, KeepsSizeAndPlainColours) {
  EXPECT_EQ(blur_gaussian(Image(33, 17, 3, 90)), Image(33, 17, 3, 90));
  EXPECT_EQ(blur_gaussian(Image(5, 3, 3, 90), {64.0}), Image(5, 3, 3, 90));
}

TEST(RecolorIntensity, IsTheStrongestChannelToThePowerOfGamma) {
  EXPECT_EQ(recolor_intensity(one_pixel({0, 255, 10})), one_pixel({255}));
  EXPECT_EQ(recolor_intensity(one_pixel({128, 10, 0}), {2.0}), one_pixel({64}));
}

TEST(RecolorLuminance, ReadsRedAsBlueAsTheExtensionDoes) {
  EXPECT_NEAR(recolor_luminance(one_pixel({255, 0, 0})).pixels[0], 82, 1);
  EXPECT_NEAR(recolor_luminance(one_pixel({0, 0, 255})).pixels[0], 136, 1);
  EXPECT_EQ(recolor_luminance(one_pixel({255, 255, 255})), one_pixel({255}));
  EXPECT_EQ(recolor_luminance(one_pixel({0, 0, 0})), one_pixel({0}));
}

TEST(Inverted, TurnsEachChannelAround) {
  EXPECT_EQ(inverted(one_pixel({0, 100, 255})), one_pixel({255, 155, 0}));
  EXPECT_EQ(inverted(one_pixel({5})), one_pixel({250, 250, 250}));
}

TEST(TileResample, DividesTheSidesFromARateOfOnePointOneOn) {
  const Image image(64, 48, 3, 10);
  EXPECT_EQ(tile_resample(image, {1.09}), image);
  EXPECT_EQ(tile_resample(image, {2.5}), Image(25, 19, 3, 10));
  EXPECT_EQ(where_of_bad_request([] { tile_resample(Image(4, 4, 3), {8.0}); }), "size");
}

TEST(Simple, TakesPicturesOfOnePixelAndAlpha) {
  const Image dot = one_pixel({40, 50, 60, 255});
  EXPECT_EQ(scribble_xdog(dot), one_pixel({0}));
  EXPECT_EQ(threshold_map(dot), one_pixel({0}));
  EXPECT_EQ(blur_gaussian(dot), one_pixel({40, 50, 60}));
  EXPECT_EQ(tile_resample(dot), one_pixel({40, 50, 60}));
  EXPECT_EQ(tile_map(dot, 64).width, 64);
}

TEST(Simple, RefusesOptionsOutOfRange) {
  const Image dot(1, 1, 3);
  EXPECT_EQ(where_of_bad_request([&] { scribble_xdog(dot, {0.5}); }),
            "scribble_xdog.xdog_threshold");
  EXPECT_EQ(where_of_bad_request([&] { threshold_map(dot, {256}); }),
            "threshold.binarization_threshold");
  EXPECT_EQ(where_of_bad_request([&] { blur_gaussian(dot, {0.0}); }), "blur_gaussian.sigma");
  EXPECT_EQ(where_of_bad_request([&] { recolor_luminance(dot, {3.0}); }),
            "recolor_luminance.gamma_correction");
  EXPECT_EQ(where_of_bad_request([&] { recolor_intensity(dot, {0.0}); }),
            "recolor_intensity.gamma_correction");
  EXPECT_EQ(where_of_bad_request([&] { tile_resample(dot, {0.5}); }),
            "tile_resample.down_sampling_rate");
}

}  // namespace
}  // namespace zc
