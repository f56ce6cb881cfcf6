// SPDX-License-Identifier: Apache-2.0
// The 8-bit image, the only pixel type that crosses folders.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace zc {

// Rows from top to bottom without padding, channels interleaved: 1 (grey), 3 (RGB) or 4 (RGBA,
// straight alpha).
struct Image {
  int width = 0;
  int height = 0;
  int channels = 3;
  std::vector<uint8_t> pixels;

  Image() = default;
  Image(int w, int h, int c, uint8_t fill = 0)
      : width(w), height(h), channels(c), pixels(static_cast<size_t>(w) * h * c, fill) {}

  bool empty() const { return pixels.empty(); }
  uint8_t* row(int y) { return pixels.data() + static_cast<size_t>(y) * width * channels; }
  const uint8_t* row(int y) const {
    return pixels.data() + static_cast<size_t>(y) * width * channels;
  }
  uint8_t* at(int x, int y) { return row(y) + static_cast<size_t>(x) * channels; }
  const uint8_t* at(int x, int y) const { return row(y) + static_cast<size_t>(x) * channels; }
  bool operator==(const Image&) const = default;
};

}  // namespace zc
