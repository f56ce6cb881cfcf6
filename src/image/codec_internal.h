// SPDX-License-Identifier: Apache-2.0
// What the codecs of the single formats share; only codec*.cc includes it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "image/image.h"

namespace zc::codec {

using Bytes = std::span<const uint8_t>;

// Throws bad_file when a side is 0 or the picture larger than kMaxImagePixels.
void check_size(uint64_t width, uint64_t height, const std::string& name);

// Throws bad_request, naming the format, unless the quality is 1 to 100 and no side longer than
// `longest`.
void check_encodable(const Image& image, const std::string& format, int quality, int64_t longest);

[[noreturn]] void throw_cut_short(const std::string& name, const std::string& why);
[[noreturn]] void throw_damaged(const std::string& name, const std::string& why);

// A decoded picture and how it has to be turned (EXIF: 1 to 8).
struct Decoded {
  Image image;
  int orientation = 1;
};

// Of a TIFF block, with or without "Exif\0\0" before it; 1 when there is none or it is damaged.
int exif_orientation(Bytes exif);

Decoded decode_png(Bytes bytes, const std::string& name);
Decoded decode_jpeg(Bytes bytes, const std::string& name);
Decoded decode_webp(Bytes bytes, const std::string& name);

}  // namespace zc::codec
