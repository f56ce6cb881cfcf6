// SPDX-License-Identifier: Apache-2.0
// What the parity cases of shuffle, color_shuffle, gray and downsample leave out.
#include "annotators/shuffle.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "annotators/bad_request.h"

namespace zc {
namespace {

Image gradient(int width, int height) {
  Image image(width, height, 3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) image.at(x, y)[c] = static_cast<uint8_t>(x * 3 + y * 2 + c * 40);
    }
  }
  return image;
}

TEST(NumpyRandom, GivesNumpysFirstNumbersForEachSeed) {
  EXPECT_EQ(NumpyRandom(0).uniform(), 0.5488135039273248);
  EXPECT_EQ(NumpyRandom(1).uniform(), 0.417022004702574);
  NumpyRandom random(0);
  EXPECT_DOUBLE_EQ(random.normal(), 1.764052345967664);
  EXPECT_DOUBLE_EQ(random.normal(), 0.4001572083672233);
}

TEST(NoiseDisk, ReachesFromZeroToOne) {
  NumpyRandom random(7);
  const ImageSize size{50, 30};
  const NoiseField disk = noise_disk(coarse_noise(random, size, 3, 16), size, 16);
  EXPECT_EQ(disk.values.size(), size_t{50} * 30 * 3);
  EXPECT_EQ(*std::ranges::min_element(disk.values), 0.0);
  EXPECT_EQ(*std::ranges::max_element(disk.values), 1.0);
}

TEST(ContentShuffle, IsTheSameForTheSameSeedOnly) {
  const Image image = gradient(64, 48);
  EXPECT_EQ(content_shuffle(image, {.seed = 5, .f = 16}), content_shuffle(image, {5, 16}));
  EXPECT_NE(content_shuffle(image, {.seed = 5, .f = 16}), content_shuffle(image, {6, 16}));
}

TEST(ContentShuffle, TakesAnotherSize) {
  const Image map = content_shuffle(gradient(64, 48), ImageSize{128, 64}, {});
  EXPECT_EQ(map.width, 128);
  EXPECT_EQ(map.height, 64);
}

TEST(Shuffle, TakesPicturesOfOnePixel) {
  const Image dot(1, 1, 3, 100);
  EXPECT_EQ(content_shuffle(dot), dot);
  EXPECT_EQ(color_shuffle(dot).pixels.size(), 3u);
  EXPECT_NEAR(random_gray(dot).pixels.at(0), 100, 1);
  EXPECT_EQ(downsample(dot, {.level = 3, .k = 0.0}), Image(8, 8, 3, 100));
}

TEST(ColorShuffle, DrawsItsSpacingUnlessItIsGiven) {
  const Image image = gradient(64, 48);
  EXPECT_EQ(color_shuffle(image), color_shuffle(image));
  EXPECT_NE(color_shuffle(image), color_shuffle(image, {.seed = 0, .f = 16}));
}

TEST(Downsample, AddsNoiseThatTheSeedDecides) {
  const Image image = gradient(64, 64);
  EXPECT_EQ(downsample(image), downsample(image));
  EXPECT_NE(downsample(image), downsample(image, {.level = 3, .k = 16.0, .seed = 1}));
}

TEST(Shuffle, RefusesOptionsOutOfRange) {
  const Image dot(1, 1, 3);
  EXPECT_EQ(where_of_bad_request([&] { content_shuffle(dot, {.seed = -1, .f = 256}); }),
            "shuffle.seed");
  EXPECT_EQ(where_of_bad_request([&] { color_shuffle(dot, {.seed = 0, .f = 0}); }),
            "color_shuffle.f");
  EXPECT_EQ(where_of_bad_request([&] { random_gray(dot, RandomGrayOptions{-1}); }),
            "random_gray.seed");
  EXPECT_EQ(where_of_bad_request([&] { downsample(dot, {.level = 0}); }), "downsample.level");
  EXPECT_EQ(where_of_bad_request([] { content_shuffle(Image(40000, 1, 3)); }), "image");
}

}  // namespace
}  // namespace zc
