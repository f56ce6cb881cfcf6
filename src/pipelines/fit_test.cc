// SPDX-License-Identifier: Apache-2.0
#include "pipelines/fit.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace zc {
namespace {

// A column of its own colour at each side of a grey picture.
Image with_sides(int width, int height, uint8_t left, uint8_t right) {
  Image image(width, height, 3, 90);
  for (int y = 0; y < height; ++y) {
    std::fill_n(image.at(0, y), 3, left);
    std::fill_n(image.at(width - 1, y), 3, right);
  }
  return image;
}

TEST(Place, JustStretches) {
  for (const ControlResize mode : {ControlResize::just, ControlResize::automatic})
    EXPECT_EQ(place({300, 100}, {64, 128}, mode), (Placement{{64, 128}, 0, 0}));
}

TEST(Place, CropCoversAndCutsAroundTheMiddle) {
  EXPECT_EQ(place({300, 100}, {64, 64}, ControlResize::crop), (Placement{{192, 64}, -64, 0}));
  EXPECT_EQ(place({100, 300}, {64, 64}, ControlResize::crop), (Placement{{64, 192}, 0, -64}));
  EXPECT_EQ(place({100, 100}, {64, 64}, ControlResize::crop), (Placement{{64, 64}, 0, 0}));
}

TEST(Place, FillFitsIntoTheMiddle) {
  EXPECT_EQ(place({300, 100}, {64, 64}, ControlResize::fill), (Placement{{64, 21}, 0, 21}));
  EXPECT_EQ(place({100, 300}, {64, 64}, ControlResize::fill), (Placement{{21, 64}, 21, 0}));
  EXPECT_EQ(place({10000, 1}, {64, 64}, ControlResize::fill), (Placement{{64, 1}, 0, 31}));
}

TEST(Place, NeverLeavesAGapWhenItCovers) {
  for (int width = 1; width < 200; width += 7) {
    for (int height = 1; height < 200; height += 11) {
      const Placement p = place({width, height}, {96, 64}, ControlResize::crop);
      EXPECT_GE(p.inner.width + p.x, 96) << width << "x" << height;
      EXPECT_GE(p.inner.height + p.y, 64) << width << "x" << height;
    }
  }
}

TEST(FittedMap, TakesAMapOfTheRightSizeAsItIs) {
  const Image map = with_sides(64, 64, 10, 240);
  for (const ControlResize mode : {ControlResize::just, ControlResize::crop, ControlResize::fill})
    EXPECT_EQ(fitted_map(map, {64, 64}, mode), map);
}

TEST(FittedMap, FillTakesTheColourOfTheBorder) {
  Image map(64, 32, 3, 200);
  for (int y = 8; y < 24; ++y) std::fill_n(map.at(16, y), 32 * 3, uint8_t{0});
  const Image fitted = fitted_map(map, {64, 64}, ControlResize::fill);
  EXPECT_EQ(fitted.at(5, 0)[0], 200);
  EXPECT_EQ(fitted.at(32, 63)[1], 200);
  EXPECT_EQ(fitted.at(32, 32)[0], 0);
  EXPECT_TRUE(std::equal(map.row(0), map.row(0) + map.pixels.size(), fitted.row(16)));
}

TEST(FittedMap, CropCutsTheSidesOff) {
  const Image fitted = fitted_map(with_sides(192, 64, 10, 240), {64, 64}, ControlResize::crop);
  EXPECT_EQ(fitted, Image(64, 64, 3, 90));
}

TEST(FittedMap, InventsNoColoursWhereThereAreFew) {
  Image classes(10, 10, 3, 20);
  for (int y = 0; y < 10; ++y) {
    std::fill_n(classes.at(3, y), 9, uint8_t{120});
    std::fill_n(classes.at(6, y), 12, uint8_t{220});
  }
  const Image fitted = fitted_map(classes, {64, 48}, ControlResize::just);
  for (const uint8_t value : fitted.pixels)
    ASSERT_TRUE(value == 20 || value == 120 || value == 220) << int{value};
}

TEST(FittedMap, BlackAndWhiteStaysThat) {
  Image lines(100, 100, 3);
  for (int x = 0; x < 100; ++x) std::fill_n(lines.at(x, (x * 3) % 100), 3, uint8_t{255});
  for (const ImageSize size : {ImageSize{64, 64}, ImageSize{192, 256}}) {
    const Image fitted = fitted_map(lines, size, ControlResize::just);
    const auto white = std::count(fitted.pixels.begin(), fitted.pixels.end(), uint8_t{255});
    const auto black = std::count(fitted.pixels.begin(), fitted.pixels.end(), uint8_t{0});
    EXPECT_EQ(static_cast<size_t>(white + black), fitted.pixels.size());
    EXPECT_GT(white, 100);
  }
}

TEST(PlacedPose, MovesPeopleAsPixelsMove) {
  PoseDocument people = {{200, 100}, {}};
  people.people.emplace_back().body[0] = PosePoint{100, 50};
  people.people[0].body[1] = PosePoint{150, 0};
  const ImageSize size{64, 64};
  const PoseDocument cut =
      placed_pose(people, size, place(people.canvas, size, ControlResize::crop));
  EXPECT_EQ(cut.canvas, size);
  EXPECT_EQ(cut.people[0].body[0]->x, 32);
  EXPECT_EQ(cut.people[0].body[0]->y, 32);
  EXPECT_EQ(cut.people[0].body[1]->x, 64);
  const PoseDocument filled =
      placed_pose(people, size, place(people.canvas, size, ControlResize::fill));
  EXPECT_EQ(filled.people[0].body[1]->x, 48);
  EXPECT_EQ(filled.people[0].body[1]->y, 16);
}

TEST(FittedPhoto, ShowsAnnotatorsSidesThatTheyCanTake) {
  const Image photo(300, 100, 3, 50);
  const FittedPhoto filled = fitted_photo(photo, {512, 512}, ControlResize::fill, false);
  EXPECT_EQ(filled.photo.width, 512);
  EXPECT_EQ(filled.photo.height, 192);
  EXPECT_EQ(filled.placement, (Placement{{512, 171}, 0, 170}));
  const FittedPhoto cut = fitted_photo(photo, {512, 512}, ControlResize::crop, false);
  EXPECT_EQ(cut.photo.height, 512);
  EXPECT_EQ(cut.placement, (Placement{{512, 512}, 0, 0}));
}

}  // namespace
}  // namespace zc
