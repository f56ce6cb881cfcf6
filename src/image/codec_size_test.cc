// SPDX-License-Identifier: Apache-2.0
#include "image/codec_size.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/error_of.h"
#include "base/files.h"
#include "image/codec.h"

namespace zc {
namespace {

std::span<const uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TEST(ImageSizeOf, IsTheSizeOfTheDecodedPictureForEveryFormat) {
  int compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(
           std::filesystem::path(ZC_SOURCE_DIR) / "fuzz/corpus/image")) {
    const std::string bytes = read_file(entry.path());
    const ImageSize size = image_size_of(as_bytes(bytes), entry.path().string());
    try {
      const Image image = decode_image(bytes, entry.path().string());
      EXPECT_EQ(size.width, image.width) << entry.path();
      EXPECT_EQ(size.height, image.height) << entry.path();
      ++compared;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::unsupported) << error.what();  // a build without WebP
    }
  }
  EXPECT_GE(compared, 10);
}

TEST(ImageSizeOf, TurnsTheSidesAsTheOrientationSays) {
  const auto path = std::filesystem::path(ZC_SOURCE_DIR) / "fuzz/corpus/image/rotated.jpg";
  std::string bytes = read_file(path);
  const ImageSize turned = image_size_of(as_bytes(bytes), "turned");
  bytes.replace(bytes.find("Exif"), 4, "none");
  const ImageSize stored = image_size_of(as_bytes(bytes), "stored");
  EXPECT_EQ(turned.width, stored.height);
  EXPECT_EQ(turned.height, stored.width);
  EXPECT_NE(turned.width, turned.height);
}

TEST(ImageSizeOf, ReadsOnlyTheBeginning) {
  Image busy(96, 64, 3);
  for (size_t i = 0; i < busy.pixels.size(); ++i) busy.pixels[i] = static_cast<uint8_t>(i * i / 7);
  const std::string whole = encode_jpeg(busy);
  const std::string half = whole.substr(0, whole.size() / 2);
  const ImageSize size = image_size_of(as_bytes(half), "half");
  EXPECT_EQ(size.width, 96);
  EXPECT_EQ(size.height, 64);
}

TEST(ImageSizeOf, RefusesAHeaderThatIsCutShort) {
  for (const std::string& whole : {encode_png(Image(9, 7, 3)), encode_jpeg(Image(9, 7, 3))}) {
    const Error error = error_of([&] { image_size_of(as_bytes(whole).first(20), "a.bin"); });
    EXPECT_EQ(error.kind(), ErrorKind::bad_file);
    EXPECT_EQ(error.where(), "a.bin");
  }
}

TEST(ImageSizeOf, RefusesWhatIsNoImage) {
  EXPECT_EQ(error_of([] { image_size_of(as_bytes("hello"), "a.txt"); }).kind(),
            ErrorKind::bad_file);
}

}  // namespace
}  // namespace zc
