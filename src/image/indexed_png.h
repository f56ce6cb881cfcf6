// SPDX-License-Identifier: Apache-2.0
// PNG files whose pixels are numbers: indices into a palette, or grey levels. The codec shows their
// colours; here the numbers come out as they are.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "image/image.h"

namespace zc {

struct IndexedImage {
  Image indices;  // one channel
  // RGB of each index, at most 256; empty for grey, whose levels are the numbers. A file may hold
  // indices that have no colour.
  std::vector<std::array<uint8_t, 3>> palette;
};

// Nothing for what is no PNG, or neither indexed (1 to 8 bits) nor 8-bit grey. Transparency and the
// EXIF orientation are passed over. Throws bad_file as decode_image does: cut short, damaged, too
// large.
std::optional<IndexedImage> decode_indexed_png(std::span<const uint8_t> bytes,
                                               const std::string& name);
inline std::optional<IndexedImage> decode_indexed_png(std::string_view bytes,
                                                      const std::string& name) {
  return decode_indexed_png(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()),
                            name);
}

// Every index has a colour in the palette, which therefore is not empty. Level: zlib's 0 (stored)
// to 9 (smallest).
std::string encode_indexed_png(const IndexedImage& image, int level = 6);

}  // namespace zc
