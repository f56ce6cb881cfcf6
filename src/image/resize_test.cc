// SPDX-License-Identifier: Apache-2.0
#include "image/resize.h"

#include <gtest/gtest.h>

#include <filesystem>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "image/codec.h"

namespace zc {
namespace {

const std::filesystem::path kData =
    std::filesystem::path(ZC_SOURCE_DIR) / "tests/parity/data/annotators";

ErrorKind kind_of_resizing(ImageSize size, int resolution) {
  try {
    resize_image_size(size, resolution);
  } catch (const Error& error) {
    EXPECT_EQ(error.where(), "resolution");
    return error.kind();
  }
  return ErrorKind::bug;
}

TEST(Resize, LaysAlphaOverWhiteAsTheReferenceDoes) {
  const Image expected = load_image(kData / "cases/util/hwc3_rgba/rgb.png");
  EXPECT_EQ(hwc3(load_image(kData / "images/rgba.png")), expected);
}

TEST(Resize, RepeatsGreyAndLeavesRgb) {
  const Image grey(3, 2, 1, 7);
  EXPECT_EQ(hwc3(grey), Image(3, 2, 3, 7));
  EXPECT_EQ(hwc3(Image(3, 2, 3, 9)), Image(3, 2, 3, 9));
}

TEST(Resize, ChoosesTheSizesOfTheReference) {
  const auto rule = nlohmann::json::parse(read_file(kData / "cases/util/resize_sizes/case.json"));
  for (const auto& row : rule.at("outputs").at("h_w_resolution_outh_outw").at("value")) {
    const ImageSize size = resize_image_size({row[1], row[0]}, row[2]);
    EXPECT_EQ(size, (ImageSize{row[4], row[3]})) << row.dump();
  }
}

TEST(Resize, ScalesAsTheReferenceDoes) {
  for (const char* name : {"odd", "tiny"}) {
    const Image expected =
        load_image(kData / "cases/util" / ("resize_" + std::string(name) + "_128") / "resized.png");
    const Image result =
        resize_image(load_image(kData / "images" / (std::string(name) + ".png")), 128);
    ASSERT_EQ(result.pixels.size(), expected.pixels.size()) << name;
    // Libraries round the last bit of a filter differently: one level, on few pixels.
    size_t different = 0;
    for (size_t i = 0; i < result.pixels.size(); ++i) {
      const int d = std::abs(result.pixels[i] - expected.pixels[i]);
      ASSERT_LE(d, 1) << name;
      different += d != 0;
    }
    EXPECT_LE(different, result.pixels.size() / 20) << name;
  }
}

TEST(Resize, RefusesSidesThatVanishAndPicturesThatAreTooLarge) {
  EXPECT_EQ(kind_of_resizing({512, 512}, 0), ErrorKind::bad_request);
  EXPECT_EQ(kind_of_resizing({512, 512}, 20), ErrorKind::bad_request);
  EXPECT_EQ(kind_of_resizing({64000, 1}, 512), ErrorKind::bad_request);
  EXPECT_EQ(kind_of_resizing({512, 512}, 1 << 30), ErrorKind::bad_request);
  EXPECT_THROW(resize(Image(4, 4, 3), {1 << 20, 1 << 20}, Interpolation::linear), Error);
  EXPECT_THROW(resize(Image(4, 4, 3), {0, 4}, Interpolation::linear), Error);
}

TEST(Resize, KeepsAPlainPicturePlainWithEachInterpolation) {
  const Image plain(13, 7, 3, 80);
  for (const auto how : {Interpolation::nearest, Interpolation::linear, Interpolation::cubic,
                         Interpolation::area, Interpolation::lanczos4}) {
    EXPECT_EQ(resize(plain, {29, 5}, how), Image(29, 5, 3, 80));
  }
}

TEST(Resize, CutsTheMiddleToFill) {
  Image wide(30, 10, 1, 0);
  for (int y = 0; y < 10; ++y) {
    for (int x = 10; x < 20; ++x) wide.at(x, y)[0] = 200;
  }
  EXPECT_EQ(center_crop_fill(wide, {20, 20}), Image(20, 20, 1, 200));
  EXPECT_EQ(center_crop_fill(wide, {5, 5}), Image(5, 5, 1, 200));
  EXPECT_EQ(center_crop_fill(Image(100000, 1, 1, 3), {64, 64}), Image(64, 64, 1, 3));
}

TEST(Resize, PadsTheBordersToFit) {
  const Image fitted = fit_and_pad(Image(20, 10, 1, 200), {10, 10}, 5);
  EXPECT_EQ(*fitted.at(0, 0), 5);
  EXPECT_EQ(*fitted.at(5, 5), 200);
  EXPECT_EQ(*fitted.at(9, 9), 5);
}

}  // namespace
}  // namespace zc
