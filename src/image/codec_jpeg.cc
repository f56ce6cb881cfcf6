// SPDX-License-Identifier: Apache-2.0
// JPEG through libjpeg-turbo. Its errors are long jumps: a function that calls setjmp holds no
// object with a destructor.
#include <cstddef>
#include <cstdio>

#include <jerror.h>
#include <jpeglib.h>

#include <csetjmp>
#include <cstdlib>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "image/codec.h"
#include "image/codec_internal.h"
#include "image/resize.h"

namespace zc {
namespace codec {
namespace {

// A progressive file of many scans keeps the decoder busy for minutes; cameras and editors write
// about ten.
constexpr int kMaxScans = 100;

struct ErrorManager {
  jpeg_error_mgr base;  // first, so that libjpeg's pointer to it is a pointer to this
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX] = "";
  bool cut_short = false;
};

ErrorManager& manager_of(j_common_ptr info) {
  return *reinterpret_cast<ErrorManager*>(info->err);
}

[[noreturn]] void on_error(j_common_ptr info) {
  ErrorManager& manager = manager_of(info);
  manager.base.format_message(info, manager.message);
  std::longjmp(manager.jump, 1);
}

// libjpeg only warns when data is missing and fills the rest with grey. Half a picture is an error
// here.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  ErrorManager& manager = manager_of(info);
  const int code = manager.base.msg_code;
  manager.cut_short = code == JWRN_JPEG_EOF;
  if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE)
    on_error(info);
}

void on_progress(j_common_ptr info) {
  if (!info->is_decompressor) return;
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > kMaxScans) {
    ERREXIT(info, JERR_BAD_PROGRESSION);
  }
}

void install(ErrorManager& manager, jpeg_common_struct& info) {
  info.err = jpeg_std_error(&manager.base);
  manager.base.error_exit = on_error;
  manager.base.emit_message = on_message;
  manager.base.output_message = [](j_common_ptr) {};
}

struct Reader {
  jpeg_decompress_struct info{};
  ErrorManager errors;
  jpeg_progress_mgr progress{};
  Bytes bytes;

  explicit Reader(Bytes b) : bytes(b) {
    install(errors, reinterpret_cast<jpeg_common_struct&>(info));
  }
  ~Reader() { jpeg_destroy_decompress(&info); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  bool read_header();
  bool start();
  bool read_rows(uint8_t* pixels, uint8_t* cmyk_row);
};

bool Reader::read_header() {
  if (setjmp(errors.jump) != 0) return false;
  jpeg_create_decompress(&info);
  progress.progress_monitor = on_progress;
  info.progress = &progress;
  jpeg_mem_src(&info, bytes.data(), bytes.size());
  jpeg_save_markers(&info, JPEG_APP0 + 1, 0xFFFF);
  jpeg_read_header(&info, TRUE);
  return true;
}

bool Reader::start() {
  if (setjmp(errors.jump) != 0) return false;
  const bool is_cmyk = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  info.out_color_space = is_cmyk ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&info);
  return true;
}

// Adobe's files, the only CMYK ones in use, hold 255 - C, so the product of ink and black is that
// of the samples.
void rgb_from_inverted_cmyk(const uint8_t* cmyk, uint8_t* rgb, size_t width) {
  for (size_t x = 0; x < width; ++x) {
    for (size_t c = 0; c < 3; ++c) {
      rgb[3 * x + c] = static_cast<uint8_t>((cmyk[4 * x + c] * cmyk[4 * x + 3] + 127) / 255);
    }
  }
}

bool Reader::read_rows(uint8_t* pixels, uint8_t* cmyk_row) {
  if (setjmp(errors.jump) != 0) return false;
  const size_t width = info.output_width;
  while (info.output_scanline < info.output_height) {
    uint8_t* row = pixels + info.output_scanline * width * 3;
    uint8_t* target = cmyk_row != nullptr ? cmyk_row : row;
    jpeg_read_scanlines(&info, &target, 1);
    if (cmyk_row != nullptr) rgb_from_inverted_cmyk(cmyk_row, row, width);
  }
  // Reads on to the end mark, so that a file without one is noticed.
  jpeg_finish_decompress(&info);
  return true;
}

[[noreturn]] void throw_failure(const Reader& reader, const std::string& name) {
  if (reader.errors.cut_short) throw_cut_short(name, "the JPEG ends before its end mark");
  throw_damaged(name, reader.errors.message);
}

int orientation_of(const jpeg_decompress_struct& info) {
  for (const auto* marker = info.marker_list; marker != nullptr; marker = marker->next) {
    const Bytes data(marker->data, marker->data_length);
    constexpr std::string_view kExif("Exif\0\0", 6);
    if (std::string_view(reinterpret_cast<const char*>(data.data()), data.size())
            .starts_with(kExif)) {
      return exif_orientation(data);
    }
  }
  return 1;
}

}  // namespace

Decoded decode_jpeg(Bytes bytes, const std::string& name) {
  Reader reader(bytes);
  if (!reader.read_header()) throw_failure(reader, name);
  check_size(reader.info.image_width, reader.info.image_height, name);
  Decoded decoded;
  decoded.orientation = orientation_of(reader.info);
  if (!reader.start()) throw_failure(reader, name);
  decoded.image = Image(static_cast<int>(reader.info.output_width),
                        static_cast<int>(reader.info.output_height), 3);
  std::vector<uint8_t> cmyk_row;
  if (reader.info.output_components == 4) cmyk_row.resize(size_t{4} * reader.info.output_width);
  if (!reader.read_rows(decoded.image.pixels.data(),
                        cmyk_row.empty() ? nullptr : cmyk_row.data())) {
    throw_failure(reader, name);
  }
  return decoded;
}

namespace {

struct Writer {
  jpeg_compress_struct info{};
  ErrorManager errors;
  unsigned char* buffer = nullptr;
  unsigned long size = 0;

  Writer() { install(errors, reinterpret_cast<jpeg_common_struct&>(info)); }
  ~Writer() {
    jpeg_destroy_compress(&info);
    std::free(buffer);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  bool write(const Image& image, int quality);
};

bool Writer::write(const Image& image, int quality) {
  if (setjmp(errors.jump) != 0) return false;
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &buffer, &size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = image.channels;
  info.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  info.optimize_coding = TRUE;
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    auto* row = const_cast<JSAMPROW>(image.row(static_cast<int>(info.next_scanline)));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  return true;
}

}  // namespace
}  // namespace codec

std::string encode_jpeg(const Image& image, int quality) {
  ZC_BUG_IF(image.empty());
  if (image.channels == 4) return encode_jpeg(hwc3(image), quality);
  codec::check_encodable(image, "jpeg", quality, JPEG_MAX_DIMENSION);
  codec::Writer writer;
  if (!writer.write(image, quality)) {
    throw Error(ErrorKind::bug, "jpeg",
                fmt::format("cannot be encoded: {}", writer.errors.message));
  }
  return {reinterpret_cast<const char*>(writer.buffer), writer.size};
}

}  // namespace zc
