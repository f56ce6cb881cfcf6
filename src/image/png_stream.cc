// SPDX-License-Identifier: Apache-2.0
#include "image/png_stream.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <new>

#include <fmt/format.h>

#include "base/error.h"
#include "image/png_chunks.h"

namespace zc::codec {
namespace {

void on_error(png_structp png, png_const_charp message) {
  auto* stream = static_cast<PngStream*>(png_get_error_ptr(png));
  std::snprintf(stream->message, sizeof stream->message, "%s", message);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep to, size_t size) {
  auto* stream = static_cast<PngStream*>(png_get_io_ptr(png));
  if (size > stream->input.size() - stream->position) {
    stream->cut_short = true;
    png_error(png, "the file ends too early");
  }
  std::memcpy(to, stream->input.data() + stream->position, size);
  stream->position += size;
}

void on_write(png_structp png, png_bytep from, size_t size) {
  auto* stream = static_cast<PngStream*>(png_get_io_ptr(png));
  try {
    stream->output->append(reinterpret_cast<const char*>(from), size);
    return;
  } catch (const std::bad_alloc&) {
    stream->out_of_memory = true;
  }
  png_error(png, "out of memory");
}

// Everything ancillary but transparency is passed over: it costs time, and texts may inflate
// without bound.
void skip_ancillary_chunks(png_structp png) {
  static const png_byte kSkipped[] =
      "iCCP\0sRGB\0gAMA\0cHRM\0sBIT\0bKGD\0hIST\0pHYs\0sPLT\0tEXt\0zTXt\0iTXt\0tIME\0eXIf\0oFFs\0pC"
      "AL\0sCAL";
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, kSkipped, sizeof kSkipped / 5);
}

}  // namespace

void check_png_header(Bytes bytes, const std::string& name) {
  constexpr size_t kHeaderEnd = 8 + 4 + 4 + 13;
  if (bytes.size() < kHeaderEnd) throw_cut_short(name, "the PNG ends inside its header");
  if (std::memcmp(bytes.data() + 12, "IHDR", 4) != 0)
    throw_damaged(name, "the PNG does not begin with a header");
  const uint64_t width = big_endian_u32(bytes.data() + 16);
  const uint64_t height = big_endian_u32(bytes.data() + 20);
  check_size(width, height, name);
  // Deflate makes at most 1032 bytes of one, so a file that is too small for its header is known
  // without decoding it.
  constexpr uint64_t kMaxDeflateRatio = 1032;
  constexpr std::array<uint64_t, 7> kChannels = {1, 1, 3, 1, 2, 1, 4};
  const uint64_t channels = bytes[25] < kChannels.size() ? kChannels[bytes[25]] : 1;
  const uint64_t needed = (width * channels * bytes[24] + 7) / 8 * height;
  if (needed / kMaxDeflateRatio > bytes.size()) {
    throw_cut_short(
        name, fmt::format("{} bytes cannot hold {} x {} pixels", bytes.size(), width, height));
  }
}

PngReader::PngReader(Bytes bytes) {
  stream.input = bytes;
  png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &stream, on_error, on_warning);
  if (png != nullptr) info = png_create_info_struct(png);
  if (info == nullptr) {
    png_destroy_read_struct(&png, nullptr, nullptr);
    throw Error(ErrorKind::out_of_memory, "png", "no memory for the decoder");
  }
}

PngReader::~PngReader() {
  png_destroy_read_struct(&png, &info, nullptr);
}

void PngReader::read_header() {
  png_set_read_fn(png, &stream, on_read);
  skip_ancillary_chunks(png);
  png_read_info(png, info);
}

void PngReader::finish_header() {
  passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  row_bytes = png_get_rowbytes(png, info);
}

// An interlaced picture comes in several passes over the same rows.
bool PngReader::read_rows(uint8_t* pixels, int height) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  for (int pass = 0; pass < passes; ++pass) {
    for (int y = 0; y < height; ++y)
      png_read_row(png, pixels + static_cast<size_t>(y) * row_bytes, nullptr);
  }
  png_read_end(png, nullptr);
  return true;
}

void PngReader::throw_failure(const std::string& name) const {
  if (stream.cut_short) throw_cut_short(name, "the PNG ends before its last chunk");
  throw_damaged(name, stream.message);
}

PngWriter::PngWriter(std::string& output) {
  stream.output = &output;
  png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &stream, on_error, on_warning);
  if (png != nullptr) info = png_create_info_struct(png);
  if (info == nullptr) {
    png_destroy_write_struct(&png, nullptr);
    throw Error(ErrorKind::out_of_memory, "png", "no memory for the encoder");
  }
}

PngWriter::~PngWriter() {
  png_destroy_write_struct(&png, &info);
}

void PngWriter::set_layout(int width, int height, int colour, int level) {
  png_set_write_fn(png, &stream, on_write, nullptr);
  png_set_compression_level(png, level);
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), 8,
               colour, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
}

void PngWriter::throw_failure() const {
  throw Error(stream.out_of_memory ? ErrorKind::out_of_memory : ErrorKind::bug, "png",
              fmt::format("cannot be encoded: {}", stream.message));
}

}  // namespace zc::codec
