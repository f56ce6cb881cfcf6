// SPDX-License-Identifier: Apache-2.0
// The texts that programs leave in pictures: text chunks of PNG, EXIF of PNG, JPEG and WebP.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zc {

struct PictureText {
  // The PNG key as it stands, or of EXIF "UserComment", "ImageDescription", "Make", "Model",
  // "Software", "MakerNote", "Artist", "Copyright".
  std::string key;
  std::string value;  // UTF-8
};

// In the order of the file. What is damaged is left out; a file that is no picture has none. Takes
// no more than 16 MiB of text.
std::vector<PictureText> read_picture_texts(std::span<const uint8_t> file);

// The texts of a TIFF block, with or without "Exif\0\0" before it.
std::vector<PictureText> read_exif_texts(std::span<const uint8_t> exif);

// The contents of a UserComment: its first eight bytes name the character set (EXIF 2.32, 4.6.5).
// "UNICODE" is UTF-16 in an order that they do not name: big-endian, unless a mark or the zero
// bytes of plain letters say otherwise.
std::string decode_user_comment(std::span<const uint8_t> bytes);

}  // namespace zc
