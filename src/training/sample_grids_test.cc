// SPDX-License-Identifier: Apache-2.0
#include "training/sample_grids.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/error_of.h"
#include "image/codec.h"
#include "training/test_folder.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

std::vector<Image> flat_pictures(int count, int side) {
  std::vector<Image> images;
  for (int i = 0; i < count; ++i) {
    images.emplace_back(side, side, 3, static_cast<uint8_t>(10 * (i + 1)));
  }
  return images;
}

// The lowest row that is not all white; -1 for none.
int last_row_with_ink(const Image& image) {
  for (int y = image.height; y-- > 0;) {
    const uint8_t* row = image.row(y);
    if (std::any_of(row, row + image.width * 3, [](uint8_t v) { return v < 128; })) return y;
  }
  return -1;
}

TEST(SampleGrid, PutsFourInARowWithTwoPixelsOfGreyBetween) {
  const Image grid = sample_grid(flat_pictures(5, 8));
  EXPECT_EQ(grid.width, 4 * 10 + 2);
  EXPECT_EQ(grid.height, 2 * 10 + 2);
  EXPECT_EQ(grid.at(0, 0)[0], 127);
  EXPECT_EQ(grid.at(2, 2)[0], 10);
  EXPECT_EQ(grid.at(9, 9)[0], 10);
  EXPECT_EQ(grid.at(10, 9)[0], 127);
  EXPECT_EQ(grid.at(32, 2)[0], 40);
  EXPECT_EQ(grid.at(2, 12)[0], 50);
  EXPECT_EQ(grid.at(12, 12)[0], 127);  // no sixth picture
}

TEST(SampleGrid, IsNoWiderThanItsPictures) {
  EXPECT_EQ(sample_grid(flat_pictures(2, 8)).width, 2 * 10 + 2);
}

TEST(SampleGrid, OnePictureAloneHasNoBorder) {
  const auto pictures = flat_pictures(1, 8);
  EXPECT_EQ(sample_grid(pictures), pictures[0]);
}

TEST(SampleGrid, ShowsGreyHintsInThreeChannels) {
  const std::vector<Image> hints(2, Image(4, 4, 1, 200));
  const Image grid = sample_grid(hints);
  EXPECT_EQ(grid.channels, 3);
  EXPECT_EQ(grid.at(2, 2)[2], 200);
}

TEST(SampleGrid, PicturesOfDifferentSizesAreRefused) {
  const std::vector<Image> images = {Image(8, 8, 3), Image(8, 9, 3)};
  const Error error = error_of([&] { sample_grid(images); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_EQ(error.where(), "sample grid");
}

TEST(CaptionImage, IsBlackTextOnWhite) {
  const Image image = caption_image("a red lighthouse at dusk", 256, 256);
  EXPECT_EQ(image.at(255, 255)[0], 255);
  EXPECT_GT(last_row_with_ink(image), 0);
  EXPECT_EQ(last_row_with_ink(caption_image("", 256, 256)), -1);
}

TEST(CaptionImage, BreaksALongCaptionBetweenWordsInsideItsWidth) {
  std::string caption = "one";
  for (int i = 0; i < 40; ++i) caption += " lighthouse";
  const Image image = caption_image(caption, 256, 256);
  EXPECT_GT(last_row_with_ink(image), 3 * last_row_with_ink(caption_image("one", 256, 256)));
  for (int y = 0; y < image.height; ++y) EXPECT_EQ(image.at(255, y)[0], 255) << y;
}

TEST(CaptionImage, BreaksAWordThatIsWiderThanThePicture) {
  const Image image = caption_image(std::string(500, 'M'), 256, 256);
  EXPECT_GT(last_row_with_ink(image), 3 * last_row_with_ink(caption_image("M", 256, 256)));
  for (int y = 0; y < image.height; ++y) EXPECT_EQ(image.at(255, y)[0], 255) << y;
}

TEST(CaptionImage, EndsAtItsLowerEdge) {
  std::string caption;
  for (int i = 0; i < 4000; ++i) caption += "word ";
  EXPECT_EQ(caption_image(caption, 64, 32).height, 32);
}

TEST(SampleGrids, AreNamedAsTheOriginalNamesThem) {
  const fs::path folder = absent_path("sample_grids");
  SampleGrids grids;
  grids.reconstruction = grids.samples = grids.control = flat_pictures(4, 16);
  grids.captions = {"a", "b", "c", "d"};
  write_sample_grids(folder, grids, 300, 0, 12345678);
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder / "image_log" / "train")) {
    names.insert(entry.path().filename().string());
  }
  EXPECT_EQ(names,
            (std::set<std::string>{"reconstruction_gs-000300_e-000000_b-12345678.png",
                                   "control_gs-000300_e-000000_b-12345678.png",
                                   "conditioning_gs-000300_e-000000_b-12345678.png",
                                   "samples_cfg_scale_9.00_gs-000300_e-000000_b-12345678.png"}));
  const Image control =
      load_image(folder / "image_log/train/control_gs-000300_e-000000_b-12345678.png");
  EXPECT_EQ(control, sample_grid(grids.control));
}

TEST(SampleGrids, LeaveOutWhatThereIsNoneOf) {
  const fs::path folder = absent_path("sample_grids_few");
  SampleGrids grids;
  grids.samples = flat_pictures(1, 16);
  write_sample_grids(folder, grids, 0, 0, 0);
  EXPECT_TRUE(fs::exists(folder /
                         "image_log/train/samples_cfg_scale_9.00_gs-000000_e-000000_b-000000.png"));
  EXPECT_FALSE(fs::exists(folder / "image_log/train/control_gs-000000_e-000000_b-000000.png"));
}

}  // namespace
}  // namespace zc
