// SPDX-License-Identifier: Apache-2.0
#include "server/sdapi_encode.h"

#include <cstdint>

#include "image/png_text.h"

namespace zc {
namespace {

constexpr std::string_view kExifHead("Exif\0\0", 6);
constexpr size_t kLargestSegment = 65535 - 2;  // of a JPEG

void put_big(std::string& bytes, uint64_t value, int count) {
  while (count-- > 0) bytes += static_cast<char>(value >> (8 * count));
}

void put_little(std::string& bytes, uint64_t value, int count) {
  for (int i = 0; i < count; ++i) bytes += static_cast<char>(value >> (8 * i));
}

// The code points of UTF-8; what is none becomes U+FFFD.
uint32_t next_code_point(std::string_view& text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t length = first < 0x80       ? 1
                        : first >> 5 == 6  ? 2
                        : first >> 4 == 14 ? 3
                        : first >> 3 == 30 ? 4
                                           : 0;
  if (length == 0 || text.size() < length) {
    text.remove_prefix(1);
    return 0xFFFD;
  }
  uint32_t code = length == 1 ? first : first & (0xFFU >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if (byte(i) >> 6 != 2) {
      text.remove_prefix(i);
      return 0xFFFD;
    }
    code = code << 6 | (byte(i) & 0x3FU);
  }
  text.remove_prefix(length);
  return code > 0x10FFFF ? 0xFFFD : code;
}

std::string utf16_big_endian(std::string_view text) {
  std::string units;
  while (!text.empty()) {
    const uint32_t code = next_code_point(text);
    if (code >= 0x10000) {
      put_big(units, 0xD800 + ((code - 0x10000) >> 10), 2);
      put_big(units, 0xDC00 + ((code - 0x10000) & 0x3FF), 2);
    } else {
      put_big(units, code, 2);
    }
  }
  return units;
}

// Behind the first marker (start of image).
std::string jpeg_with_exif(const std::string& jpeg, const std::string& exif) {
  const size_t size = 2 + kExifHead.size() + exif.size();
  if (size > kLargestSegment) return jpeg;
  std::string segment = "\xFF\xE1";
  put_big(segment, size, 2);
  segment += kExifHead;
  segment += exif;
  std::string result = jpeg;
  result.insert(2, segment);
  return result;
}

void put_riff_chunk(std::string& file, std::string_view name, std::string_view contents) {
  file += name;
  put_little(file, contents.size(), 4);
  file += contents;
  if (contents.size() % 2 == 1) file += '\0';
}

// The simple form (one VP8 or VP8L chunk) in the extended one, which may carry more (the WebP
// container specification, "Extended File Format").
std::string webp_with_exif(const std::string& webp, const std::string& exif, const Image& image) {
  constexpr size_t kRiffHead = 12;  // "RIFF", size, "WEBP"
  constexpr char kHasExif = 8, kHasAlpha = 16;
  std::string chunks = webp.substr(kRiffHead);
  if (chunks.starts_with("VP8X")) {
    chunks[8] = static_cast<char>(chunks[8] | kHasExif);
  } else {
    std::string head(1, static_cast<char>(image.channels == 4 ? kHasExif | kHasAlpha : kHasExif));
    put_little(head, 0, 3);
    put_little(head, static_cast<uint64_t>(image.width - 1), 3);
    put_little(head, static_cast<uint64_t>(image.height - 1), 3);
    std::string extended;
    put_riff_chunk(extended, "VP8X", head);
    chunks.insert(0, extended);
  }
  put_riff_chunk(chunks, "EXIF", exif);
  std::string file = "RIFF";
  put_little(file, 4 + chunks.size(), 4);
  return file + "WEBP" + chunks;
}

}  // namespace

std::optional<ImageFormat> webui_format(std::string_view name) {
  std::string lower;
  for (const char c : name) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (lower == "png") return ImageFormat::png;
  if (lower == "jpg" || lower == "jpeg") return ImageFormat::jpeg;
  if (lower == "webp") return ImageFormat::webp;
  return std::nullopt;
}

std::string exif_with_comment(std::string_view comment) {
  const std::string contents = std::string("UNICODE\0", 8) + utf16_big_endian(comment);
  constexpr uint32_t kFirstDirectory = 8, kExifDirectory = kFirstDirectory + 2 + 12 + 4;
  constexpr uint32_t kContents = kExifDirectory + 2 + 12 + 4;
  std::string tiff("MM\0\x2A", 4);
  put_big(tiff, kFirstDirectory, 4);
  put_big(tiff, 1, 2);       // one entry: where the EXIF directory is
  put_big(tiff, 0x8769, 2);  // ExifIFD
  put_big(tiff, 4, 2);       // LONG
  put_big(tiff, 1, 4);
  put_big(tiff, kExifDirectory, 4);
  put_big(tiff, 0, 4);  // no further directory
  put_big(tiff, 1, 2);
  put_big(tiff, 0x9286, 2);  // UserComment
  put_big(tiff, 7, 2);       // UNDEFINED
  put_big(tiff, contents.size(), 4);
  put_big(tiff, kContents, 4);
  put_big(tiff, 0, 4);
  return tiff + contents;
}

std::string encode_with_infotext(const Image& image, ImageFormat format, int quality,
                                 std::string_view infotext) {
  if (format == ImageFormat::png) {
    PngOptions options;
    if (!infotext.empty()) options.texts = {{std::string(kParametersKey), std::string(infotext)}};
    return encode_png(image, options);
  }
  const std::string exif = infotext.empty() ? "" : exif_with_comment(infotext);
  if (format == ImageFormat::jpeg) {
    const std::string jpeg = encode_jpeg(image, quality);
    return exif.empty() ? jpeg : jpeg_with_exif(jpeg, exif);
  }
  const std::string webp = encode_webp(image, quality);
  return exif.empty() ? webp : webp_with_exif(webp, exif, image);
}

}  // namespace zc
