// SPDX-License-Identifier: Apache-2.0
#include "image/draw.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace zc {
namespace {

size_t count_of(const Image& image, Color color) {
  size_t count = 0;
  for (size_t i = 0; i + 2 < image.pixels.size(); i += 3) {
    count += std::equal(color.begin(), color.end(),
                        image.pixels.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return count;
}

TEST(ContactSheet, PutsPicturesInRowsWithEvenGaps) {
  const std::vector<Image> images = {Image(8, 6, 3, 1), Image(8, 6, 3, 2), Image(8, 6, 1, 3)};
  const ContactSheetOptions options{.columns = 2, .gap = 4, .background = {9, 9, 9}};
  const Image sheet = contact_sheet(images, {}, options);
  EXPECT_EQ(sheet.width, 4 + 8 + 4 + 8 + 4);
  EXPECT_EQ(sheet.height, 4 + 6 + 4 + 6 + 4);
  for (const uint8_t value : {1, 2, 3}) EXPECT_EQ(count_of(sheet, {value, value, value}), 48u);
  EXPECT_EQ(*sheet.at(4, 4), 1);
  EXPECT_EQ(*sheet.at(16, 4), 2);
  EXPECT_EQ(*sheet.at(4, 14), 3);
  EXPECT_EQ(*sheet.at(3, 3), 9);
}

TEST(ContactSheet, FitsASmallerPictureIntoItsCell) {
  const std::vector<Image> images = {Image(8, 8, 3, 1), Image(4, 2, 3, 2)};
  const Image sheet = contact_sheet(images, {}, {.columns = 2, .gap = 0, .background = {9, 9, 9}});
  EXPECT_EQ(count_of(sheet, {2, 2, 2}), 8u * 4u);
  EXPECT_EQ(*sheet.at(8, 0), 9);
  EXPECT_EQ(*sheet.at(8, 3), 2);
}

TEST(ContactSheet, WritesCaptionsUnderThePicturesAndKeepsThemInTheirCells) {
  const std::vector<Image> images = {Image(60, 40, 3, 1), Image(60, 40, 3, 1)};
  const std::vector<std::string> captions = {"edges",
                                             "a caption that is much too long for the cell"};
  const ContactSheetOptions options{
      .columns = 2, .gap = 10, .caption_height = 8, .background = {0, 0, 0}};
  const Image sheet = contact_sheet(images, captions, options);
  const auto ink_in = [&](int left, int right) {
    int brightest = 0;
    for (int y = 50; y < sheet.height; ++y) {
      for (int x = left; x < right; ++x) brightest = std::max<int>(brightest, *sheet.at(x, y));
    }
    return brightest;
  };
  EXPECT_GT(ink_in(10, 70), 100);
  EXPECT_GT(ink_in(80, 140), 100);
  EXPECT_EQ(ink_in(71, 79), 0);
  EXPECT_EQ(ink_in(141, 150), 0);
}

TEST(DrawText, StaysInsideTheImageAndReplacesWhatIsNotAscii) {
  Image image(20, 10, 3);
  draw_text(image, "far too long for it", -5, 8, 8, {255, 255, 255});
  EXPECT_EQ(text_width("猫", 8), text_width("?", 8));
  EXPECT_LT(text_width("a", 8), text_width("aa", 8));
}

TEST(DrawLine, HasBothEndsAndIsOnePixelWide) {
  Image image(20, 10, 3);
  draw_line(image, {2, 4}, {11, 4}, {255, 0, 0});
  EXPECT_EQ(count_of(image, {255, 0, 0}), 10u);
  EXPECT_EQ(*image.at(2, 4), 255);
  EXPECT_EQ(*image.at(11, 4), 255);
}

TEST(DrawLine, IsCutAtTheImage) {
  Image image(20, 10, 3);
  draw_line(image, {-5, 4}, {40, 4}, {255, 0, 0});
  EXPECT_EQ(count_of(image, {255, 0, 0}), 20u);
}

}  // namespace
}  // namespace zc
