// SPDX-License-Identifier: Apache-2.0
#include "training/buckets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/error_of.h"

namespace zc {
namespace {

TEST(Buckets, OfSize512AreThoseOfTheReference) {
  const std::vector<ImageSize> upright = {{256, 832}, {256, 896}, {256, 960}, {256, 1024},
                                          {320, 704}, {320, 768}, {384, 640}, {448, 576}};
  std::vector<ImageSize> wanted = upright;
  wanted.push_back({512, 512});
  for (const ImageSize size : upright) wanted.push_back({size.height, size.width});
  const std::vector<ImageSize> found = bucket_sizes(512, 64);
  ASSERT_EQ(found.size(), 17u);
  EXPECT_TRUE(std::is_permutation(found.begin(), found.end(), wanted.begin()));
}

TEST(Buckets, KeepTheAreaTheUnitAndBothOrientations) {
  const std::vector<std::pair<int, int>> models = {
      {512, 64}, {768, 64}, {256, 32}, {128, 16}, {64, 64}};
  for (const auto& [size, unit] : models) {
    const std::vector<ImageSize> found = bucket_sizes(size, unit);
    for (const ImageSize bucket : found) {
      EXPECT_LE(bucket.width * bucket.height, size * size);
      EXPECT_EQ(bucket.width % unit, 0);
      EXPECT_EQ(bucket.height % unit, 0);
      EXPECT_GE(std::min(bucket.width, bucket.height), std::max(size / 2, unit));
      const ImageSize turned = {bucket.height, bucket.width};
      EXPECT_NE(std::find(found.begin(), found.end(), turned), found.end());
    }
    EXPECT_NE(std::find(found.begin(), found.end(), ImageSize{size, size}), found.end());
  }
}

TEST(Buckets, TheNearestShapeIsTakenAndTurnsWithThePicture) {
  const std::vector<ImageSize> buckets = bucket_sizes(512, 64);
  const auto nearest = [&](ImageSize picture) { return buckets[nearest_bucket(buckets, picture)]; };
  EXPECT_EQ(nearest({1000, 1000}), (ImageSize{512, 512}));
  EXPECT_EQ(nearest({30, 40}), (ImageSize{448, 576}));
  const std::vector<ImageSize> pictures = {{1920, 1080}, {4000, 1000}, {700, 500}, {3, 2}};
  for (const ImageSize picture : pictures) {
    const ImageSize upright = nearest({picture.height, picture.width});
    EXPECT_EQ(nearest(picture), (ImageSize{upright.height, upright.width}));
  }
}

TEST(Buckets, RefuseASizeBelowTheUnit) {
  const Error error = error_of([] { bucket_sizes(32, 64); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_EQ(error.where(), "--size");
}

}  // namespace
}  // namespace zc
