// SPDX-License-Identifier: Apache-2.0
#include "image/indexed_png.h"

#include <algorithm>
#include <csetjmp>

#include <fmt/format.h>

#include "base/error.h"
#include "image/codec.h"
#include "image/png_stream.h"

namespace zc {
namespace {

using codec::PngReader;
using codec::PngWriter;

// One byte for each pixel.
bool start(PngReader& reader) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  reader.read_header();
  png_set_packing(reader.png);
  reader.finish_header();
  return true;
}

bool write(PngWriter& writer, const Image& indices, const png_color* palette, int colours,
           int level) {
  if (setjmp(png_jmpbuf(writer.png)) != 0) return false;
  writer.set_layout(indices.width, indices.height, PNG_COLOR_TYPE_PALETTE, level);
  // Differences of indices mean nothing: unfiltered rows compress best.
  png_set_filter(writer.png, PNG_FILTER_TYPE_BASE, PNG_FILTER_NONE);
  png_set_PLTE(writer.png, writer.info, palette, colours);
  png_write_info(writer.png, writer.info);
  for (int y = 0; y < indices.height; ++y) png_write_row(writer.png, indices.row(y));
  png_write_end(writer.png, nullptr);
  return true;
}

std::vector<std::array<uint8_t, 3>> palette_of(const PngReader& reader) {
  png_colorp colours = nullptr;
  int count = 0;
  std::vector<std::array<uint8_t, 3>> palette;
  if (png_get_PLTE(reader.png, reader.info, &colours, &count) == 0) return palette;
  for (int i = 0; i < count; ++i)
    palette.push_back({colours[i].red, colours[i].green, colours[i].blue});
  return palette;
}

}  // namespace

std::optional<IndexedImage> decode_indexed_png(std::span<const uint8_t> bytes,
                                               const std::string& name) {
  if (image_format_of(bytes) != ImageFormat::png) return std::nullopt;
  codec::check_png_header(bytes, name);
  const int depth = bytes[24], colour = bytes[25];
  const bool indexed = colour == PNG_COLOR_TYPE_PALETTE;
  if (!indexed && (colour != PNG_COLOR_TYPE_GRAY || depth != 8)) return std::nullopt;
  PngReader reader(bytes);
  if (!start(reader)) reader.throw_failure(name);
  IndexedImage image;
  image.indices = Image(static_cast<int>(png_get_image_width(reader.png, reader.info)),
                        static_cast<int>(png_get_image_height(reader.png, reader.info)), 1);
  ZC_BUG_IF(reader.row_bytes != static_cast<size_t>(image.indices.width));
  if (!reader.read_rows(image.indices.pixels.data(), image.indices.height))
    reader.throw_failure(name);
  // A grey file may suggest colours too, which are not its own.
  if (indexed) image.palette = palette_of(reader);
  return image;
}

std::string encode_indexed_png(const IndexedImage& image, int level) {
  ZC_BUG_IF(image.indices.empty() || image.indices.channels != 1 || image.palette.empty() ||
            image.palette.size() > 256);
  const std::vector<uint8_t>& indices = image.indices.pixels;
  ZC_BUG_IF(*std::max_element(indices.begin(), indices.end()) >= image.palette.size());
  if (level < 0 || level > 9) {
    throw Error(ErrorKind::bad_request, "png level", fmt::format("is {}, wanted 0 to 9", level));
  }
  std::vector<png_color> palette;
  for (const auto& [red, green, blue] : image.palette) palette.push_back({red, green, blue});
  std::string encoded;
  PngWriter writer(encoded);
  if (!write(writer, image.indices, palette.data(), static_cast<int>(palette.size()), level))
    writer.throw_failure();
  return encoded;
}

}  // namespace zc
