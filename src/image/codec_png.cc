// SPDX-License-Identifier: Apache-2.0
// PNG through libpng. Its errors are long jumps: a function that calls setjmp holds no object with
// a destructor.
#include <png.h>

#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "base/error.h"
#include "image/codec.h"
#include "image/codec_internal.h"
#include "image/png_chunks.h"

namespace zc {
namespace codec {
namespace {

struct Stream {
  Bytes input;
  size_t position = 0;
  bool cut_short = false;
  char message[160] = "";
  std::string* output = nullptr;
  bool out_of_memory = false;
};

void on_error(png_structp png, png_const_charp message) {
  auto* stream = static_cast<Stream*>(png_get_error_ptr(png));
  std::snprintf(stream->message, sizeof stream->message, "%s", message);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep to, size_t size) {
  auto* stream = static_cast<Stream*>(png_get_io_ptr(png));
  if (size > stream->input.size() - stream->position) {
    stream->cut_short = true;
    png_error(png, "the file ends too early");
  }
  std::memcpy(to, stream->input.data() + stream->position, size);
  stream->position += size;
}

void on_write(png_structp png, png_bytep from, size_t size) {
  auto* stream = static_cast<Stream*>(png_get_io_ptr(png));
  try {
    stream->output->append(reinterpret_cast<const char*>(from), size);
    return;
  } catch (const std::bad_alloc&) {
    stream->out_of_memory = true;
  }
  png_error(png, "out of memory");
}

struct Reader {
  Stream stream;
  png_structp png = nullptr;
  png_infop info = nullptr;
  size_t row_bytes = 0;
  int passes = 1;

  explicit Reader(Bytes bytes) {
    stream.input = bytes;
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &stream, on_error, on_warning);
    if (png != nullptr) info = png_create_info_struct(png);
    if (info == nullptr) {
      png_destroy_read_struct(&png, nullptr, nullptr);
      throw Error(ErrorKind::out_of_memory, "png", "no memory for the decoder");
    }
  }
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  bool start();
  bool read_rows(uint8_t* pixels, int height);
};

// Everything ancillary but transparency is passed over: it costs time, and texts may inflate
// without bound.
void skip_ancillary_chunks(png_structp png) {
  static const png_byte kSkipped[] =
      "iCCP\0sRGB\0gAMA\0cHRM\0sBIT\0bKGD\0hIST\0pHYs\0sPLT\0tEXt\0zTXt\0iTXt\0tIME\0eXIf\0oFFs\0pC"
      "AL\0sCAL";
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, kSkipped, sizeof kSkipped / 5);
}

bool Reader::start() {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_read_fn(png, &stream, on_read);
  skip_ancillary_chunks(png);
  png_read_info(png, info);
  png_set_expand(png);
  png_set_strip_16(png);
  png_set_gray_to_rgb(png);
  passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  row_bytes = png_get_rowbytes(png, info);
  return true;
}

// An interlaced picture comes in several passes over the same rows.
bool Reader::read_rows(uint8_t* pixels, int height) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  for (int pass = 0; pass < passes; ++pass) {
    for (int y = 0; y < height; ++y)
      png_read_row(png, pixels + static_cast<size_t>(y) * row_bytes, nullptr);
  }
  png_read_end(png, nullptr);
  return true;
}

[[noreturn]] void throw_failure(const Reader& reader, const std::string& name) {
  if (reader.stream.cut_short) throw_cut_short(name, "the PNG ends before its last chunk");
  throw_damaged(name, reader.stream.message);
}

// Looked at before libpng sees the file, so that nothing is allocated for a header that lies.
void check_header(Bytes bytes, const std::string& name) {
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

int orientation_of(Bytes bytes) {
  ChunkReader chunks(bytes);
  while (const auto chunk = chunks.next()) {
    if (chunk->type == "eXIf") return exif_orientation(chunk->contents);
  }
  return 1;
}

}  // namespace

Decoded decode_png(Bytes bytes, const std::string& name) {
  check_header(bytes, name);
  Reader reader(bytes);
  if (!reader.start()) throw_failure(reader, name);
  const int channels = png_get_channels(reader.png, reader.info);
  Decoded decoded;
  decoded.image = Image(static_cast<int>(png_get_image_width(reader.png, reader.info)),
                        static_cast<int>(png_get_image_height(reader.png, reader.info)), channels);
  ZC_BUG_IF(reader.row_bytes !=
            static_cast<size_t>(decoded.image.width) * static_cast<size_t>(channels));
  if (!reader.read_rows(decoded.image.pixels.data(), decoded.image.height))
    throw_failure(reader, name);
  decoded.orientation = orientation_of(bytes);
  return decoded;
}

namespace {

struct Writer {
  Stream stream;
  png_structp png = nullptr;
  png_infop info = nullptr;

  explicit Writer(std::string& output) {
    stream.output = &output;
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &stream, on_error, on_warning);
    if (png != nullptr) info = png_create_info_struct(png);
    if (info == nullptr) {
      png_destroy_write_struct(&png, nullptr);
      throw Error(ErrorKind::out_of_memory, "png", "no memory for the encoder");
    }
  }
  ~Writer() { png_destroy_write_struct(&png, &info); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  bool write(const Image& image, int level);
};

bool Writer::write(const Image& image, int level) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  const int color = image.channels == 1   ? PNG_COLOR_TYPE_GRAY
                    : image.channels == 3 ? PNG_COLOR_TYPE_RGB
                                          : PNG_COLOR_TYPE_RGB_ALPHA;
  png_set_write_fn(png, &stream, on_write, nullptr);
  png_set_compression_level(png, level);
  // Trying all five filters for each row takes longer than the compression itself at the quick
  // levels.
  png_set_filter(png, PNG_FILTER_TYPE_BASE,
                 level >= 6 ? PNG_ALL_FILTERS : PNG_FILTER_SUB | PNG_FILTER_UP);
  png_set_IHDR(png, info, static_cast<png_uint_32>(image.width),
               static_cast<png_uint_32>(image.height), 8, color, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (int y = 0; y < image.height; ++y) png_write_row(png, image.row(y));
  png_write_end(png, nullptr);
  return true;
}

}  // namespace
}  // namespace codec

std::string encode_png(const Image& image, const PngOptions& options) {
  ZC_BUG_IF(image.empty() || (image.channels != 1 && image.channels != 3 && image.channels != 4));
  if (options.level < 0 || options.level > 9) {
    throw Error(ErrorKind::bad_request, "png level",
                fmt::format("is {}, wanted 0 to 9", options.level));
  }
  std::string encoded;
  codec::Writer writer(encoded);
  if (!writer.write(image, options.level)) {
    throw Error(writer.stream.out_of_memory ? ErrorKind::out_of_memory : ErrorKind::bug, "png",
                fmt::format("cannot be encoded: {}", writer.stream.message));
  }
  return options.texts.empty() ? encoded : with_png_texts(encoded, options.texts);
}

}  // namespace zc
