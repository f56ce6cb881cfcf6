// SPDX-License-Identifier: Apache-2.0
#include "annotators/scribble.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "image/codec.h"
#include "image/resize.h"

namespace zc {
namespace {

const std::filesystem::path kScribbleData =
    std::filesystem::path(ZC_SOURCE_DIR) / "tests/parity/data/annotators";

TEST(FakeScribble, EqualsTheReference) {
  for (const char* name : {"fake_scribble_0", "fake_scribble_1"}) {
    const auto rule =
        nlohmann::json::parse(read_file(kScribbleData / "cases/post" / name / "case.json"));
    const Image edges =
        load_image(kScribbleData / rule.at("inputs").at("soft_edge").get<std::string>());
    const auto& output = rule.at("outputs").at("scribble");
    const Image expected = hwc3(load_image(kScribbleData / output.at("file").get<std::string>()));
    const Image strokes = hwc3(fake_scribble(edges));
    ASSERT_EQ(strokes.pixels.size(), expected.pixels.size());
    size_t different = 0;
    for (size_t i = 0; i < expected.pixels.size(); ++i) {
      different += strokes.pixels[i] != expected.pixels[i];
    }
    // Ridges hang on the last bit of a float blur, which differs between processors.
    EXPECT_LE(static_cast<double>(different) / static_cast<double>(expected.pixels.size()),
              output.at("max_frac").get<double>())
        << name;
  }
}

TEST(FakeScribble, KeepsTheChannels) {
  EXPECT_EQ(fake_scribble(Image(40, 30, 1)).channels, 1);
  EXPECT_EQ(fake_scribble(Image(40, 30, 3)).channels, 3);
}

TEST(Scribble, IsWhiteWhereTheDarkestChannelIsDark) {
  Image drawing(3, 1, 3);
  drawing.pixels = {255, 126, 255, 127, 127, 127, 255, 255, 255};
  EXPECT_EQ(scribble(drawing).pixels, (std::vector<uint8_t>{255, 0, 0}));
  EXPECT_EQ(scribble(drawing).channels, 1);
}

TEST(Scribble, LooksAtTheFirstChannelOfAnInteractiveMask) {
  Image mask(3, 1, 4);
  mask.pixels = {128, 0, 0, 0, 127, 255, 255, 255, 0, 255, 255, 255};
  EXPECT_EQ(scribble_interactive(mask).pixels, (std::vector<uint8_t>{255, 0, 0}));
  EXPECT_EQ(scribble_interactive(Image(1, 1, 1, 200)).pixels, (std::vector<uint8_t>{255}));
}

}  // namespace
}  // namespace zc
