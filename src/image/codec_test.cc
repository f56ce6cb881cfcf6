// SPDX-License-Identifier: Apache-2.0
#include "image/codec.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <fstream>

#include <zlib.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/error_of.h"
#include "base/files.h"
#include "image/png_chunks.h"
#include "image/resize.h"

namespace zc {
namespace {

const std::filesystem::path kData =
    std::filesystem::path(ZC_SOURCE_DIR) / "tests/parity/data/annotators";

struct Difference {
  int largest = 0;
  double mean = 0;
};

Difference difference(const Image& a, const Image& b) {
  Difference result;
  double sum = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    const int d = std::abs(a.pixels[i] - b.pixels[i]);
    result.largest = std::max(result.largest, d);
    sum += d;
  }
  result.mean = sum / static_cast<double>(a.pixels.size());
  return result;
}

Image gradient(int width, int height, int channels) {
  Image image(width, height, channels);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c)
        image.at(x, y)[c] = static_cast<uint8_t>(x * 3 + y * 2 + c * 40);
    }
  }
  return image;
}

std::string png_chunk(const std::string& type, const std::string& contents) {
  std::string chunk;
  const auto append = [&](uLong value) {
    for (int shift = 24; shift >= 0; shift -= 8) chunk += static_cast<char>(value >> shift & 255);
  };
  append(contents.size());
  chunk += type + contents;
  append(crc32(0, reinterpret_cast<const Bytef*>(chunk.data()) + 4,
               static_cast<uInt>(chunk.size() - 4)));
  return chunk;
}

// A TIFF block that holds nothing but the orientation.
std::string exif_block(char orientation) {
  std::string block("MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0", 19);
  block += orientation;
  return block + std::string(6, '\0');
}

TEST(Codec, DecodesEveryLayoutOfTheLoaderSet) {
  const auto table = nlohmann::json::parse(read_file(kData / "images/loader.json"));
  for (const auto& [file, rule] : table.at("decode").items()) {
    const Image image = load_image(kData / file);
    const Image expected = load_image(kData / rule.at("expect").get<std::string>());
    ASSERT_EQ(image.width, expected.width) << file;
    ASSERT_EQ(image.height, expected.height) << file;
    ASSERT_EQ(image.channels, expected.channels) << file;
    const Difference d = difference(image, expected);
    EXPECT_LE(d.largest, rule.at("max_abs").get<int>()) << file;
    EXPECT_LE(d.mean, rule.at("mean_abs").get<double>()) << file;
  }
}

TEST(Codec, RefusesHostileFilesAtOnceAndNamesThem) {
  const auto table = nlohmann::json::parse(read_file(kData / "images/loader.json"));
  for (const auto& [file, what] : table.at("refuse").items()) {
    const auto before = std::chrono::steady_clock::now();
    const Error error = error_of([&, path = kData / file] { load_image(path); });
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(1)) << file;
    EXPECT_EQ(error.kind(), ErrorKind::bad_file) << file;
    EXPECT_NE(error.where().find(file), std::string::npos) << error.what();
  }
}

TEST(Codec, SaysWhatIsWrongWithAFile) {
  const auto text_of = [](const char* file) {
    return error_of([&] { load_image(kData / "images/hostile" / file); }).text();
  };
  EXPECT_NE(text_of("truncated.png").find("cut short"), std::string::npos);
  EXPECT_NE(text_of("truncated.jpg").find("cut short"), std::string::npos);
  EXPECT_NE(text_of("bomb_real.png").find("30000 x 30000"), std::string::npos);
  EXPECT_NE(text_of("huge_sof.jpg").find("65500"), std::string::npos);
  EXPECT_NE(text_of("bad_crc.png").find("CRC"), std::string::npos);
  EXPECT_NE(text_of("text.png").find("not a PNG, JPEG or WebP"), std::string::npos);
  EXPECT_EQ(error_of([] { decode_image(std::string_view(), "upload"); }).text(), "is empty");
  EXPECT_EQ(error_of([] { load_image("no/such/file.png"); }).kind(), ErrorKind::not_found);
}

TEST(Codec, RefusesAFileThatIsCutAnywhere) {
  const Image image = gradient(40, 30, 3);
  for (const std::string& file : {encode_png(image), encode_jpeg(image)}) {
    ASSERT_EQ(decode_image(file, "whole").width, 40);
    for (size_t size = 0; size < file.size(); ++size) {
      EXPECT_THROW(decode_image(std::string_view(file).substr(0, size), "cut"), Error) << size;
    }
  }
}

TEST(Codec, WritesPngWithoutLossForEachNumberOfChannels) {
  for (const int channels : {1, 3, 4}) {
    const Image image = gradient(37, 21, channels);
    for (const int level : {0, 1, 3, 6, 9}) {
      const Image back = decode_image(encode_png(image, {.level = level, .texts = {}}), "png");
      EXPECT_EQ(back, channels == 1 ? hwc3(image) : image) << channels << " " << level;
    }
  }
}

TEST(Codec, WritesJpegCloseToThePicture) {
  Image image = gradient(64, 48, 3);
  image = resize(image, {128, 96}, Interpolation::linear);
  const Image back = decode_image(encode_jpeg(image, 95), "jpeg");
  EXPECT_LT(difference(back, image).mean, 6.0);
  Image clear(16, 16, 4);
  EXPECT_EQ(decode_image(encode_jpeg(clear), "jpeg").pixels[0], 255) << "alpha is laid over white";
}

TEST(Codec, WritesWebpOrSaysThatItCannot) {
  const Image image = gradient(64, 48, 3);
  std::string file;
  try {
    file = encode_webp(image, 95);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    return;
  }
  EXPECT_LT(difference(decode_image(file, "webp"), image).mean, 12.0);
  Image translucent = gradient(20, 20, 4);
  EXPECT_EQ(decode_image(encode_webp(translucent), "webp").channels, 4);
  for (size_t size = 0; size < file.size(); size += 7) {
    EXPECT_THROW(decode_image(std::string_view(file).substr(0, size), "cut"), Error) << size;
  }
}

TEST(Codec, TurnsAPictureByItsExifOrientation) {
  Image image(3, 2, 3);
  for (int i = 0; i < 6; ++i) image.pixels[static_cast<size_t>(i) * 3] = static_cast<uint8_t>(i);
  // Rows of the result, read from the table of the EXIF specification; the stored rows are 012 and
  // 345.
  const std::vector<std::vector<int>> expected = {
      {0, 1, 2, 3, 4, 5}, {2, 1, 0, 5, 4, 3}, {5, 4, 3, 2, 1, 0}, {3, 4, 5, 0, 1, 2},
      {0, 3, 1, 4, 2, 5}, {3, 0, 4, 1, 5, 2}, {5, 2, 4, 1, 3, 0}, {2, 5, 1, 4, 0, 3}};
  const std::string plain = encode_png(image);
  constexpr size_t kAfterHeader = 33;
  for (int orientation = 1; orientation <= 8; ++orientation) {
    std::string file = plain;
    file.insert(kAfterHeader, png_chunk("eXIf", exif_block(static_cast<char>(orientation))));
    const Image turned = decode_image(file, "turned");
    EXPECT_EQ(turned.width, orientation >= 5 ? 2 : 3);
    std::vector<int> order;
    for (size_t i = 0; i < 6; ++i) order.push_back(turned.pixels[i * 3]);
    EXPECT_EQ(order, expected[static_cast<size_t>(orientation) - 1]) << orientation;
  }
}

TEST(Codec, TakesNoNoticeOfADamagedExifBlock) {
  const std::string plain = encode_png(gradient(3, 2, 3));
  const std::string block = exif_block(6);
  for (size_t size = 0; size < block.size(); ++size) {
    std::string file = plain;
    file.insert(33, png_chunk("eXIf", block.substr(0, size)));
    EXPECT_NO_THROW(decode_image(file, "exif")) << size;
  }
  std::string crossed = block;
  crossed[4] = '\x7f';
  std::string file = plain;
  file.insert(33, png_chunk("eXIf", crossed));
  EXPECT_EQ(decode_image(file, "exif").width, 3);
}

TEST(Codec, RefusesATinyFileThatClaimsManyPixelsBeforeAllocatingThem) {
  std::string file(kPngSignature);
  file += png_chunk("IHDR", std::string("\0\0\x1f\xff\0\0\x1f\xff\x08\2\0\0\0", 13));
  file += png_chunk("IDAT", "x") + png_chunk("IEND", "");
  EXPECT_NE(
      error_of([&] { decode_image(file, "bomb.png"); }).text().find("cannot hold 8191 x 8191"),
      std::string::npos);
}

TEST(Codec, SavesByTheEndingOfTheName) {
  const auto folder = std::filesystem::temp_directory_path() / "zeroconv_codec_test";
  std::filesystem::create_directories(folder);
  const Image image = gradient(16, 16, 3);
  save_image(folder / "a.PNG", image, {{"parameters", "a cat"}});
  EXPECT_EQ(load_image(folder / "a.PNG"), image);
  const std::string file = read_file(folder / "a.PNG");
  EXPECT_EQ(
      read_png_texts({reinterpret_cast<const uint8_t*>(file.data()), file.size()}, "a").at(0).value,
      "a cat");
  save_image(folder / "a.jpg", image);
  EXPECT_EQ(load_image(folder / "a.jpg").width, 16);
  EXPECT_EQ(error_of([&] { save_image(folder / "a.gif", image); }).kind(), ErrorKind::bad_request);
  EXPECT_EQ(error_of([&] { save_image(folder / "b.jpg", image, {{"k", "v"}}); }).kind(),
            ErrorKind::bad_request);
  EXPECT_EQ(error_of([&] { save_image(folder / "no/a.png", image); }).kind(), ErrorKind::not_found);
  std::filesystem::remove_all(folder);
}

TEST(Codec, RefusesSettingsOutOfRange) {
  const Image image = gradient(8, 8, 3);
  EXPECT_EQ(error_of([&] { encode_png(image, {.level = 10, .texts = {}}); }).where(), "png level");
  EXPECT_EQ(error_of([&] { encode_jpeg(image, 0); }).where(), "jpeg quality");
  EXPECT_EQ(error_of([&] { encode_jpeg(Image(65536, 1, 1)); }).where(), "jpeg");
}

}  // namespace
}  // namespace zc
