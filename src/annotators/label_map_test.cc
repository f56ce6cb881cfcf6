// SPDX-License-Identifier: Apache-2.0
#include "annotators/label_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

#include "annotators/ade20k_palette.h"
#include "base/error.h"
#include "base/error_of.h"
#include "image/codec.h"
#include "image/indexed_png.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

class LabelMap : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  const fs::path folder_ =
      fs::path(::testing::TempDir()) / ("zc_label_map_" + std::to_string(getpid()));
};

// All classes side by side.
Image all_classes() {
  Image labels(150, 2, 1);
  for (int x = 0; x < 150; ++x) {
    for (int y = 0; y < 2; ++y) *labels.at(x, y) = static_cast<uint8_t>(x);
  }
  return labels;
}

bool has_colour(const Image& image, int x, int y, int label) {
  const auto& colour = ade20k_palette()[label];
  return std::equal(colour.begin(), colour.end(), image.at(x, y));
}

TEST_F(LabelMap, APngIsTheColoursAndTheNumbers) {
  const Image labels = all_classes();
  save_label_map(folder_ / "map.PNG", labels);
  EXPECT_EQ(load_label_map(folder_ / "map.PNG"), labels);
  EXPECT_EQ(load_image(folder_ / "map.PNG"), ade20k_colored(labels));
}

TEST_F(LabelMap, OtherEndingsGetTheColoursAlone) {
  save_label_map(folder_ / "map.jpg", all_classes());
  EXPECT_EQ(load_image(folder_ / "map.jpg").width, 150);
  EXPECT_EQ(error_of([&] { save_label_map(folder_ / "map.gif", all_classes()); }).kind(),
            ErrorKind::bad_request);
}

TEST_F(LabelMap, GreyLevelsAreNumbers) {
  save_image(folder_ / "grey.png", all_classes());
  EXPECT_EQ(load_label_map(folder_ / "grey.png"), all_classes());
}

TEST_F(LabelMap, RefusesPicturesOfColoursAndBrokenOnes) {
  save_image(folder_ / "rgb.png", Image(4, 4, 3));
  save_image(folder_ / "photo.jpg", Image(4, 4, 3));
  for (const char* name : {"rgb.png", "photo.jpg"}) {
    const Error error = error_of([&] { load_label_map(folder_ / name); });
    EXPECT_EQ(error.kind(), ErrorKind::bad_request) << name;
    EXPECT_NE(error.where().find(name), std::string::npos);
  }
  EXPECT_EQ(error_of([&] { load_label_map(folder_ / "nothing.png"); }).kind(),
            ErrorKind::not_found);
  std::ofstream(folder_ / "text.png") << "no picture";
  EXPECT_EQ(error_of([&] { load_label_map(folder_ / "text.png"); }).kind(), ErrorKind::bad_file);
}

TEST_F(LabelMap, CountsFromZeroOrFromOne) {
  Image numbers(3, 1, 1);
  numbers.pixels = {0, 1, 13};
  const Image from_zero = ade20k_colored(numbers);
  EXPECT_TRUE(has_colour(from_zero, 0, 0, 0));
  EXPECT_TRUE(has_colour(from_zero, 2, 0, 13));
  const Image from_one = ade20k_colored(numbers, {.first = 1});
  EXPECT_TRUE(std::all_of(from_one.at(0, 0), from_one.at(0, 0) + 3, [](int c) { return c == 0; }));
  EXPECT_TRUE(has_colour(from_one, 1, 0, 0));
  EXPECT_TRUE(has_colour(from_one, 2, 0, 12));
}

TEST_F(LabelMap, NamesThePixelWhoseNumberIsNoClass) {
  Image numbers(4, 3, 1);
  *numbers.at(3, 1) = 150;
  const Error error = error_of([&] { ade20k_colored(numbers); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_EQ(error.where(), "label");
  for (const char* part : {"(3, 1)", "150", "0 to 149"})
    EXPECT_NE(error.text().find(part), std::string::npos) << error.text();
  EXPECT_NO_THROW(ade20k_colored(numbers, {.first = 1}));
  *numbers.at(3, 1) = 151;
  EXPECT_NE(error_of([&] { ade20k_colored(numbers, {.first = 1}); }).text().find("0 to 150"),
            std::string::npos);
  EXPECT_EQ(error_of([&] { ade20k_colored(numbers, {.first = 2}); }).where(), "seg_labels.first");
}

}  // namespace
}  // namespace zc
