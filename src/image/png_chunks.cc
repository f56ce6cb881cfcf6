// SPDX-License-Identifier: Apache-2.0
#include "image/png_chunks.h"

#include <zlib.h>

namespace zc {
namespace {

std::string_view text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

bool PngChunk::checksum_fits() const {
  const auto checked = whole.subspan(4, contents.size() + 4);
  return crc32(0, checked.data(), static_cast<uInt>(checked.size())) ==
         big_endian_u32(&whole.back() - 3);
}

ChunkReader::ChunkReader(std::span<const uint8_t> png) : rest_(png) {
  const bool is_png = text_of(png).starts_with(kPngSignature);
  rest_ = is_png ? png.subspan(kPngSignature.size()) : std::span<const uint8_t>{};
}

std::optional<PngChunk> ChunkReader::next() {
  if (complete_ || rest_.size() < 12) return std::nullopt;
  const size_t length = big_endian_u32(rest_.data());
  if (length > rest_.size() - 12) return std::nullopt;
  PngChunk chunk{text_of(rest_.subspan(4, 4)), rest_.subspan(8, length), rest_.first(length + 12)};
  rest_ = rest_.subspan(length + 12);
  complete_ = chunk.type == "IEND";
  return chunk;
}

}  // namespace zc
