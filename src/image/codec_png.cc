// SPDX-License-Identifier: Apache-2.0
// PNG through libpng.
#include <csetjmp>

#include <fmt/format.h>

#include "base/error.h"
#include "image/codec.h"
#include "image/codec_internal.h"
#include "image/png_chunks.h"
#include "image/png_stream.h"

namespace zc {
namespace codec {
namespace {

// 8-bit RGB or RGBA, whatever the file has.
bool start(PngReader& reader) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  reader.read_header();
  png_set_expand(reader.png);
  png_set_strip_16(reader.png);
  png_set_gray_to_rgb(reader.png);
  reader.finish_header();
  return true;
}

int orientation_of(Bytes bytes) {
  ChunkReader chunks(bytes);
  while (const auto chunk = chunks.next()) {
    if (chunk->type == "eXIf") return exif_orientation(chunk->contents);
  }
  return 1;
}

bool write(PngWriter& writer, const Image& image, int level) {
  if (setjmp(png_jmpbuf(writer.png)) != 0) return false;
  const int colour = image.channels == 1   ? PNG_COLOR_TYPE_GRAY
                     : image.channels == 3 ? PNG_COLOR_TYPE_RGB
                                           : PNG_COLOR_TYPE_RGB_ALPHA;
  writer.set_layout(image.width, image.height, colour, level);
  // Trying all five filters for each row takes longer than the compression itself at the quick
  // levels.
  png_set_filter(writer.png, PNG_FILTER_TYPE_BASE,
                 level >= 6 ? PNG_ALL_FILTERS : PNG_FILTER_SUB | PNG_FILTER_UP);
  png_write_info(writer.png, writer.info);
  for (int y = 0; y < image.height; ++y) png_write_row(writer.png, image.row(y));
  png_write_end(writer.png, nullptr);
  return true;
}

}  // namespace

Decoded decode_png(Bytes bytes, const std::string& name) {
  check_png_header(bytes, name);
  PngReader reader(bytes);
  if (!start(reader)) reader.throw_failure(name);
  const int channels = png_get_channels(reader.png, reader.info);
  Decoded decoded;
  decoded.image = Image(static_cast<int>(png_get_image_width(reader.png, reader.info)),
                        static_cast<int>(png_get_image_height(reader.png, reader.info)), channels);
  ZC_BUG_IF(reader.row_bytes !=
            static_cast<size_t>(decoded.image.width) * static_cast<size_t>(channels));
  if (!reader.read_rows(decoded.image.pixels.data(), decoded.image.height))
    reader.throw_failure(name);
  decoded.orientation = orientation_of(bytes);
  return decoded;
}

}  // namespace codec

std::string encode_png(const Image& image, const PngOptions& options) {
  ZC_BUG_IF(image.empty() || (image.channels != 1 && image.channels != 3 && image.channels != 4));
  if (options.level < 0 || options.level > 9) {
    throw Error(ErrorKind::bad_request, "png level",
                fmt::format("is {}, wanted 0 to 9", options.level));
  }
  std::string encoded;
  codec::PngWriter writer(encoded);
  if (!codec::write(writer, image, options.level)) writer.throw_failure();
  return options.texts.empty() ? encoded : with_png_texts(encoded, options.texts);
}

}  // namespace zc
