// SPDX-License-Identifier: Apache-2.0
#include "image/indexed_png.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "base/error_of.h"
#include "base/files.h"
#include "image/codec.h"

namespace zc {
namespace {

const std::filesystem::path kData =
    std::filesystem::path(ZC_SOURCE_DIR) / "tests/parity/data/annotators";

IndexedImage three_colours() {
  IndexedImage image{Image(7, 5, 1), {{10, 20, 30}, {140, 140, 140}, {140, 140, 140}}};
  for (size_t i = 0; i < image.indices.pixels.size(); ++i)
    image.indices.pixels[i] = static_cast<uint8_t>(i % 3);
  return image;
}

// What is refused, or "".
template <class Function>
std::string refusal(Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_file);
    return error.what();
  }
  return {};
}

TEST(IndexedPng, ComesBackAsItWasWritten) {
  const IndexedImage before = three_colours();
  for (const int level : {0, 3, 9}) {
    const auto after = decode_indexed_png(encode_indexed_png(before, level), "indexed");
    ASSERT_TRUE(after.has_value());
    EXPECT_EQ(after->indices, before.indices) << "also where two colours are the same";
    EXPECT_EQ(after->palette, before.palette);
  }
}

TEST(IndexedPng, ShowsItsColoursToTheCodec) {
  const IndexedImage indexed = three_colours();
  const Image shown = decode_image(encode_indexed_png(indexed), "indexed");
  ASSERT_EQ(shown.channels, 3);
  for (int y = 0; y < shown.height; ++y) {
    for (int x = 0; x < shown.width; ++x) {
      const auto& colour = indexed.palette[*indexed.indices.at(x, y)];
      EXPECT_TRUE(std::equal(colour.begin(), colour.end(), shown.at(x, y))) << x << " " << y;
    }
  }
}

TEST(IndexedPng, GreyLevelsAreNumbersWithoutAPalette) {
  Image grey(40, 3, 1);
  for (size_t i = 0; i < grey.pixels.size(); ++i) grey.pixels[i] = static_cast<uint8_t>(2 * i);
  const auto image = decode_indexed_png(encode_png(grey), "grey");
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->indices, grey);
  EXPECT_TRUE(image->palette.empty());
}

TEST(IndexedPng, IsNothingForOtherPictures) {
  EXPECT_FALSE(decode_indexed_png(encode_png(Image(4, 4, 3)), "rgb"));
  EXPECT_FALSE(decode_indexed_png(encode_png(Image(4, 4, 4)), "rgba"));
  EXPECT_FALSE(decode_indexed_png(encode_jpeg(Image(4, 4, 3)), "jpeg"));
  EXPECT_FALSE(decode_indexed_png(std::string_view(), "empty"));
  EXPECT_FALSE(decode_indexed_png(std::string_view("no picture"), "text"));
}

// Files of all layouts: the palette's colours at the indices are what the codec shows.
TEST(IndexedPng, AgreesWithTheCodecOnTheLoaderSet) {
  const auto table = nlohmann::json::parse(read_file(kData / "images/loader.json"));
  int indexed = 0;
  for (const auto& [file, rule] : table.at("decode").items()) {
    const auto image = decode_indexed_png(read_file(kData / file), file);
    if (!image) continue;
    const Image shown = load_image(kData / file);
    if (shown.width != image->indices.width) continue;  // turned by its EXIF orientation
    ++indexed;
    for (size_t i = 0; i < image->indices.pixels.size(); ++i) {
      const uint8_t number = image->indices.pixels[i];
      const uint8_t* pixel = shown.pixels.data() + i * static_cast<size_t>(shown.channels);
      const auto colour = image->palette.empty() ? std::array<uint8_t, 3>{number, number, number}
                                                 : image->palette.at(number);
      ASSERT_TRUE(std::equal(colour.begin(), colour.end(), pixel)) << file << " " << i;
    }
  }
  EXPECT_GT(indexed, 0);
}

TEST(IndexedPng, RefusesHostileFilesWithTheCodecsWords) {
  const auto table = nlohmann::json::parse(read_file(kData / "images/loader.json"));
  for (const auto& [file, what] : table.at("refuse").items()) {
    const std::string bytes = read_file(kData / file);
    const auto numbers = [&, name = file] {
      const auto image = decode_indexed_png(bytes, name);
      EXPECT_FALSE(image.has_value()) << name;
    };
    const std::string words = refusal(numbers);
    if (words.empty()) continue;  // no PNG, or one of colours
    EXPECT_EQ(words, refusal([&, name = file] { decode_image(bytes, name); }));
  }
}

TEST(IndexedPng, RefusesAFileThatIsCutAnywhere) {
  const std::string file = encode_indexed_png(three_colours());
  constexpr size_t kSignature = 8;
  for (size_t size = kSignature; size < file.size(); ++size) {
    const std::string_view cut = std::string_view(file).substr(0, size);
    const std::string words = refusal([&] { decode_indexed_png(cut, "cut"); });
    EXPECT_NE(words, "") << size;
    EXPECT_EQ(words, refusal([&] { decode_image(cut, "cut"); })) << size;
  }
}

TEST(IndexedPng, RefusesALevelOutOfRange) {
  const Error error = error_of([&] { encode_indexed_png(three_colours(), 10); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_EQ(error.where(), "png level");
}

}  // namespace
}  // namespace zc
