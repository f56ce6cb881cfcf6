// SPDX-License-Identifier: Apache-2.0
#include "image/codec.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "image/codec_internal.h"
#include "image/png_chunks.h"

namespace zc {
namespace codec {

void check_size(uint64_t width, uint64_t height, const std::string& name) {
  if (width == 0 || height == 0) {
    throw Error(ErrorKind::bad_file, name,
                fmt::format("is {} x {} pixels: it is empty", width, height));
  }
  // Both come from fields of at most 32 bits, so the product fits.
  if (width > 0xFFFFFFFF || height > 0xFFFFFFFF ||
      width * height > static_cast<uint64_t>(kMaxImagePixels)) {
    throw Error(
        ErrorKind::bad_file, name,
        fmt::format("is {} x {} pixels, at most {} megapixels are read; make it smaller first",
                    width, height, kMaxImagePixels >> 20));
  }
}

void check_encodable(const Image& image, const std::string& format, int quality, int64_t longest) {
  if (quality < 1 || quality > 100) {
    throw Error(ErrorKind::bad_request, format + " quality",
                fmt::format("is {}, wanted 1 to 100", quality));
  }
  if (image.width > longest || image.height > longest) {
    throw Error(ErrorKind::bad_request, format,
                fmt::format("cannot hold {} x {} pixels: a side has at most {}", image.width,
                            image.height, longest));
  }
}

void throw_cut_short(const std::string& name, const std::string& why) {
  throw Error(ErrorKind::bad_file, name, fmt::format("is cut short ({})", why));
}

void throw_damaged(const std::string& name, const std::string& why) {
  throw Error(ErrorKind::bad_file, name, fmt::format("is damaged ({})", why));
}

int exif_orientation(Bytes exif) {
  constexpr std::array<uint8_t, 6> kPrefix = {'E', 'x', 'i', 'f', 0, 0};
  if (exif.size() >= 6 && std::equal(kPrefix.begin(), kPrefix.end(), exif.begin()))
    exif = exif.subspan(6);
  if (exif.size() < 8) return 1;
  const bool little = exif[0] == 'I';
  const auto u16 = [&](size_t at) -> uint32_t {
    return little ? exif[at] | exif[at + 1] << 8 : exif[at] << 8 | exif[at + 1];
  };
  const auto u32 = [&](size_t at) -> uint64_t {
    return little ? u16(at) | uint64_t{u16(at + 2)} << 16 : uint64_t{u16(at)} << 16 | u16(at + 2);
  };
  if (exif[0] != exif[1] || (exif[0] != 'I' && exif[0] != 'M') || u16(2) != 42) return 1;
  const uint64_t directory = u32(4);
  if (directory + 2 > exif.size()) return 1;
  const uint64_t entries = u16(directory);
  for (uint64_t i = 0; i < entries; ++i) {
    const uint64_t entry = directory + 2 + 12 * i;
    if (entry + 12 > exif.size()) return 1;
    constexpr uint32_t kOrientationTag = 0x0112;
    constexpr uint32_t kShort = 3;
    if (u16(entry) != kOrientationTag || u16(entry + 2) != kShort) continue;
    const uint32_t value = u16(entry + 8);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace codec

namespace {

// EXIF 5 to 8 swap the sides; for each value, where the pixel (x, y) of the result comes from.
Image turned(const Image& image, int orientation) {
  if (orientation == 1) return image;
  const bool swapped = orientation >= 5;
  const bool mirrored_x =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool mirrored_y =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image result(swapped ? image.height : image.width, swapped ? image.width : image.height,
               image.channels);
  for (int y = 0; y < result.height; ++y) {
    for (int x = 0; x < result.width; ++x) {
      int source_x = swapped ? y : x;
      int source_y = swapped ? x : y;
      if (mirrored_x) source_x = image.width - 1 - source_x;
      if (mirrored_y) source_y = image.height - 1 - source_y;
      std::memcpy(result.at(x, y), image.at(source_x, source_y),
                  static_cast<size_t>(image.channels));
    }
  }
  return result;
}

}  // namespace

std::optional<ImageFormat> image_format_of(std::span<const uint8_t> bytes) {
  const auto has = [&](size_t at, std::string_view magic) {
    return bytes.size() >= at + magic.size() &&
           std::memcmp(bytes.data() + at, magic.data(), magic.size()) == 0;
  };
  if (has(0, kPngSignature)) return ImageFormat::png;
  if (has(0, "\xff\xd8\xff")) return ImageFormat::jpeg;
  if (has(0, "RIFF") && has(8, "WEBP")) return ImageFormat::webp;
  return std::nullopt;
}

Image decode_image(std::span<const uint8_t> bytes, const std::string& name) {
  const auto format = image_format_of(bytes);
  if (!format) {
    const std::string_view start(reinterpret_cast<const char*>(bytes.data()),
                                 std::min<size_t>(bytes.size(), 8));
    throw Error(ErrorKind::bad_file, name,
                bytes.empty()
                    ? "is empty"
                    : fmt::format("is not a PNG, JPEG or WebP image (it begins with `{}`)",
                                  printable(start)));
  }
  codec::Decoded decoded = *format == ImageFormat::png    ? codec::decode_png(bytes, name)
                           : *format == ImageFormat::jpeg ? codec::decode_jpeg(bytes, name)
                                                          : codec::decode_webp(bytes, name);
  if (decoded.orientation == 1) return std::move(decoded.image);
  return turned(decoded.image, decoded.orientation);
}

Image load_image(const std::filesystem::path& path) {
  const MappedFile file(path);
  return decode_image(file.bytes(), path.string());
}

void save_image(const std::filesystem::path& path, const Image& image, const PngTexts& texts) {
  const std::string extension = lower_extension(path);
  if (extension == ".png") return write_file_atomically(path, encode_png(image, {.texts = texts}));
  if (!texts.empty()) {
    throw Error(ErrorKind::bad_request, path.string(),
                "only a PNG can carry texts; let the name end in .png");
  }
  if (extension == ".jpg" || extension == ".jpeg")
    return write_file_atomically(path, encode_jpeg(image));
  if (extension == ".webp") return write_file_atomically(path, encode_webp(image));
  throw Error(ErrorKind::bad_request, path.string(),
              fmt::format("ends in `{}`, wanted .png, .jpg, .jpeg or .webp", extension));
}

}  // namespace zc
