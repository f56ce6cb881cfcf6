// SPDX-License-Identifier: Apache-2.0
#include "annotators/canny.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "annotators/bad_request.h"
#include "base/files.h"
#include "image/codec.h"
#include "image/resize.h"

namespace zc {
namespace {

const std::filesystem::path kData =
    std::filesystem::path(ZC_SOURCE_DIR) / "tests/parity/data/annotators";

TEST(Canny, EqualsTheReferencePixelForPixel) {
  size_t cases = 0;
  for (const auto& folder : std::filesystem::directory_iterator(kData / "cases/canny")) {
    const auto rule = nlohmann::json::parse(read_file(folder.path() / "case.json"));
    const auto& parameters = rule.at("params");
    Image photo = hwc3(load_image(kData / rule.at("inputs").at("image").get<std::string>()));
    if (!parameters.at("resolution").is_null())
      photo = resize_image(photo, parameters.at("resolution"));
    const Image edges = canny(photo, {parameters.at("low"), parameters.at("high")});
    const Image expected =
        load_image(kData / rule.at("outputs").at("edges").at("file").get<std::string>());
    EXPECT_TRUE(hwc3(edges) == expected) << rule.at("id");
    ++cases;
  }
  EXPECT_GE(cases, 10u);
}

TEST(Canny, GivesOneChannelOfBlackAndWhite) {
  Image half(32, 32, 4, 255);
  for (int y = 0; y < 32; ++y) std::fill(half.row(y), half.row(y) + 16 * 3, uint8_t{0});
  const Image edges = canny(half);
  EXPECT_EQ(edges.channels, 1);
  EXPECT_EQ(edges.width, 32);
  for (const uint8_t pixel : edges.pixels) EXPECT_TRUE(pixel == 0 || pixel == 255);
}

TEST(Canny, RefusesThresholdsOutOfRange) {
  EXPECT_EQ(where_of_bad_request([&] { canny(Image(8, 8, 3), {-1, 200}); }), "canny.low");
}

}  // namespace
}  // namespace zc
