// SPDX-License-Identifier: Apache-2.0
#include "image/codec_size.h"

#include <cstring>
#include <string_view>
#include <utility>

#include "image/codec.h"
#include "image/codec_internal.h"
#include "image/png_chunks.h"

namespace zc {
namespace {

using codec::Bytes;

struct HeaderSize {
  uint64_t width = 0, height = 0;
  int orientation = 1;  // EXIF; 5 to 8 exchange the sides
};

bool has_text(Bytes bytes, size_t at, std::string_view text) {
  return bytes.size() >= at + text.size() &&
         std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
}

uint64_t little_endian(Bytes bytes, size_t at, size_t width) {
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i) value |= uint64_t{bytes[at + i]} << (8 * i);
  return value;
}

HeaderSize png_size(Bytes bytes, const std::string& name) {
  constexpr size_t kHeaderEnd = 8 + 4 + 4 + 13;
  if (bytes.size() < kHeaderEnd) codec::throw_cut_short(name, "the PNG ends inside its header");
  if (!has_text(bytes, 12, "IHDR"))
    codec::throw_damaged(name, "the PNG does not begin with a header");
  HeaderSize size = {big_endian_u32(bytes.data() + 16), big_endian_u32(bytes.data() + 20)};
  ChunkReader chunks(bytes);
  while (const auto chunk = chunks.next()) {
    if (chunk->type == "IDAT") break;  // the walk over all pixels would read the whole file
    if (chunk->type != "eXIf") continue;
    size.orientation = codec::exif_orientation(chunk->contents);
    break;
  }
  return size;
}

// Every segment up to the first scan: the frame header holds the size, one of APP1 the orientation.
HeaderSize jpeg_size(Bytes bytes, const std::string& name) {
  HeaderSize size;
  bool has_exif = false;
  size_t at = 2;
  for (;;) {
    while (at < bytes.size() && bytes[at] != 0xFF) ++at;  // as libjpeg does between segments
    while (at < bytes.size() && bytes[at] == 0xFF) ++at;
    if (at + 3 > bytes.size()) codec::throw_cut_short(name, "the JPEG ends inside its header");
    const uint8_t marker = bytes[at++];
    if (marker == 0 || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7)) continue;
    constexpr uint8_t kScan = 0xDA, kEnd = 0xD9, kApp1 = 0xE1;
    if (marker == kScan || marker == kEnd) break;
    const size_t length = size_t{bytes[at]} << 8 | bytes[at + 1];
    if (length < 2) codec::throw_damaged(name, "a segment of the JPEG has no length");
    if (length > bytes.size() - at) codec::throw_cut_short(name, "the JPEG ends inside its header");
    const Bytes segment = bytes.subspan(at + 2, length - 2);
    // C4, C8 and CC lie among the frame headers and are none.
    const bool is_frame =
        marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (is_frame && size.width == 0) {
      if (segment.size() < 5) codec::throw_damaged(name, "the frame header of the JPEG is short");
      size.height = uint64_t{segment[1]} << 8 | segment[2];
      size.width = uint64_t{segment[3]} << 8 | segment[4];
    } else if (marker == kApp1 && !has_exif && has_text(segment, 0, {"Exif\0\0", 6})) {
      size.orientation = codec::exif_orientation(segment);
      has_exif = true;
    }
    at += length;
  }
  return size;
}

// The chunks behind the first one, which is VP8X when there is a flag for EXIF.
int webp_orientation(Bytes bytes) {
  size_t at = 12;
  while (bytes.size() - at >= 8) {
    const uint64_t length = little_endian(bytes, at + 4, 4);
    const size_t rest = bytes.size() - at - 8;
    if (length > rest) return 1;
    if (has_text(bytes, at, "EXIF"))
      return codec::exif_orientation(bytes.subspan(at + 8, static_cast<size_t>(length)));
    const uint64_t padded = length + length % 2;
    if (padded > rest) return 1;
    at += 8 + static_cast<size_t>(padded);
  }
  return 1;
}

// The three kinds of first chunk: https://developers.google.com/speed/webp/docs/riff_container.
HeaderSize webp_size(Bytes bytes, const std::string& name) {
  constexpr size_t kHeaderEnd = 30;
  if (bytes.size() < kHeaderEnd && !(bytes.size() >= 25 && has_text(bytes, 12, "VP8L")))
    codec::throw_cut_short(name, "the WebP ends inside its header");
  if (has_text(bytes, 12, "VP8X")) {
    constexpr uint8_t kExifFlag = 0x08;
    const int orientation = (bytes[20] & kExifFlag) != 0 ? webp_orientation(bytes) : 1;
    return {little_endian(bytes, 24, 3) + 1, little_endian(bytes, 27, 3) + 1, orientation};
  }
  if (has_text(bytes, 12, "VP8L") && bytes[20] == 0x2F) {
    const uint64_t bits = little_endian(bytes, 21, 4);
    return {(bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1};
  }
  if (has_text(bytes, 12, "VP8 ") && has_text(bytes, 23, "\x9d\x01\x2a"))
    return {little_endian(bytes, 26, 2) & 0x3FFF, little_endian(bytes, 28, 2) & 0x3FFF};
  codec::throw_damaged(name, "its WebP header makes no sense");
}

}  // namespace

ImageSize image_size_of(std::span<const uint8_t> bytes, const std::string& name) {
  const auto format = image_format_of(bytes);
  if (!format) {  // decode_image knows what to say
    const Image image = decode_image(bytes, name);
    return {image.width, image.height};
  }
  HeaderSize size = *format == ImageFormat::png    ? png_size(bytes, name)
                    : *format == ImageFormat::jpeg ? jpeg_size(bytes, name)
                                                   : webp_size(bytes, name);
  codec::check_size(size.width, size.height, name);
  if (size.orientation >= 5) std::swap(size.width, size.height);
  return {static_cast<int>(size.width), static_cast<int>(size.height)};
}

}  // namespace zc
