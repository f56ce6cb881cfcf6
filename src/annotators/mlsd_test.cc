// SPDX-License-Identifier: Apache-2.0
#include "annotators/mlsd.h"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "annotators/bad_request.h"
#include "base/error.h"

namespace zc {
namespace {

// A map without lines.
at::Tensor empty_map(int64_t height, int64_t width) {
  at::Tensor map = at::zeros({1, 9, height, width}, at::kFloat);
  map.select(1, 0).fill_(-12.0);
  return map;
}

void put(at::Tensor& map, int64_t y, int64_t x, const std::vector<float>& values) {
  auto numbers = map.accessor<float, 4>();
  for (size_t i = 0; i < values.size(); ++i) {
    numbers[0][static_cast<int64_t>(i)][y][x] = values[i];
  }
}

TEST(Mlsd, OrdersEqualScoresFromTopToBottom) {
  at::Tensor map = empty_map(4, 8);  // with fewer places than lines that could be kept
  put(map, 3, 1, {2, -1, 0, 1, 0});
  put(map, 0, 6, {2, -1, 0, 1, 0});
  put(map, 1, 3, {3, -2, 0, 2, 0});
  const auto segments = mlsd_segments(map, {});
  ASSERT_EQ(segments.size(), 3u);
  EXPECT_EQ(segments[0].x0, 2);
  EXPECT_EQ(segments[0].y0, 2);
  EXPECT_EQ(segments[0].x1, 10);
  EXPECT_EQ(segments[1].y0, 0);
  EXPECT_EQ(segments[2].y0, 6);
}

TEST(Mlsd, DropsShortLinesAndThoseThatAreNoNumbers) {
  at::Tensor map = empty_map(8, 8);
  put(map, 1, 1, {2, 0, 0, 1, 0});
  put(map, 5, 5, {2, std::numeric_limits<float>::quiet_NaN(), 0, 1, 0});
  EXPECT_EQ(mlsd_segments(map, {}).size(), 1u);
  EXPECT_TRUE(mlsd_segments(map, {.distance = 1.5}).empty());
}

TEST(Mlsd, RefusesOptionsOutOfRangeAndOtherMaps) {
  const at::Tensor map = empty_map(8, 8);
  EXPECT_EQ(where_of_bad_request([&] { mlsd_segments(map, {.value = 0}); }), "mlsd.value");
  EXPECT_THROW(mlsd_segments(map.narrow(1, 0, 5), {}), Error);
}

TEST(Mlsd, DrawsOnlyWhatIsInsideTheCanvas) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<LineSegment> segments = {
      {-40.5, 3.9, 1e30, 3.9}, {-0.9, 0, -0.1, 0}, {50, 50, kInfinity, kInfinity}};
  const Image canvas = draw_segments(segments, {16, 8});
  ASSERT_EQ(canvas.channels, 1);
  for (int x = 0; x < 16; ++x) EXPECT_EQ(*canvas.at(x, 3), 255);
  // Coordinates are cut towards zero.
  EXPECT_EQ(*canvas.at(0, 0), 255);
  EXPECT_EQ(std::ranges::count(canvas.pixels, 255), 17);
}

}  // namespace
}  // namespace zc
