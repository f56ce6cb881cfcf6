// SPDX-License-Identifier: Apache-2.0
// Image files: PNG, JPEG and, where the build has it, WebP.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "image/image.h"
#include "image/png_text.h"

namespace zc {

enum class ImageFormat { png, jpeg, webp };

// A file whose header claims more pixels is refused before anything is allocated: a PNG of 400 kB
// can ask for gigabytes.
constexpr int64_t kMaxImagePixels = int64_t{64} << 20;

// By the first bytes; nothing for anything else.
std::optional<ImageFormat> image_format_of(std::span<const uint8_t> bytes);

// RGB, or RGBA when the file has transparency. Greyscale becomes three equal channels, palettes are
// expanded, 16-bit samples keep their high byte, CMYK becomes RGB, and the EXIF orientation is
// applied. Colour profiles are ignored. Throws bad_file with `name` as where: not an image, cut
// short, damaged, or too large.
Image decode_image(std::span<const uint8_t> bytes, const std::string& name);
inline Image decode_image(std::string_view bytes, const std::string& name) {
  return decode_image(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()),
                      name);
}
// Throws as above, or not_found, io.
Image load_image(const std::filesystem::path& path);

struct PngOptions {
  int level = 3;  // zlib's 0 (stored) to 9 (smallest)
  PngTexts texts;
};
std::string encode_png(const Image& image, const PngOptions& options = {});

// Quality 1 to 100; alpha is laid over white, as JPEG has none.
std::string encode_jpeg(const Image& image, int quality = 92);

// Throws unsupported when the build has no WebP.
std::string encode_webp(const Image& image, int quality = 90);

// By the name's ending: .png, .jpg, .jpeg, .webp. The file appears completely or not at all. Texts
// need a PNG.
void save_image(const std::filesystem::path& path, const Image& image, const PngTexts& texts = {});

}  // namespace zc
