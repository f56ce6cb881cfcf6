// SPDX-License-Identifier: Apache-2.0
// A walk over the chunks of a PNG file.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace zc {

inline constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1a\n";

inline uint32_t big_endian_u32(const uint8_t* p) {
  return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | p[3];
}

struct PngChunk {
  std::string_view type;              // four letters
  std::span<const uint8_t> contents;  // without length, type and checksum
  std::span<const uint8_t> whole;     // with them
  bool checksum_fits() const;
};

// Borrows `png`. Ends, without an error, after IEND or where a chunk does not fit into the file any
// more.
class ChunkReader {
 public:
  explicit ChunkReader(std::span<const uint8_t> png);
  std::optional<PngChunk> next();
  // After the last chunk: true when it was IEND.
  bool complete() const { return complete_; }

 private:
  std::span<const uint8_t> rest_;
  bool complete_ = false;
};

}  // namespace zc
