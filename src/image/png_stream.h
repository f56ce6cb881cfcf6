// SPDX-License-Identifier: Apache-2.0
// libpng over bytes in memory, for codec_png.cc and indexed_png.cc. Its errors are long jumps: a
// function that calls setjmp holds no object with a destructor.
#pragma once

#include <png.h>

#include <csetjmp>
#include <cstdint>
#include <string>

#include "image/codec_internal.h"

namespace zc::codec {

struct PngStream {
  Bytes input;
  size_t position = 0;
  bool cut_short = false;
  char message[160] = "";
  std::string* output = nullptr;
  bool out_of_memory = false;
};

// Looks at the header before libpng sees the file, so that nothing is allocated for one that lies.
// Throws bad_file with `name` as where.
void check_png_header(Bytes bytes, const std::string& name);

// Borrows the bytes.
struct PngReader {
  PngStream stream;
  png_structp png = nullptr;
  png_infop info = nullptr;
  size_t row_bytes = 0;
  int passes = 1;

  explicit PngReader(Bytes bytes);
  ~PngReader();
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  // Both jump to the caller's setjmp on errors. Between them the caller chooses transformations.
  void read_header();
  void finish_header();

  // False on errors. Rows of row_bytes.
  bool read_rows(uint8_t* pixels, int height);

  // After a failure: bad_file with `name` as where.
  [[noreturn]] void throw_failure(const std::string& name) const;
};

// Appends to `output`, which it borrows.
struct PngWriter {
  PngStream stream;
  png_structp png = nullptr;
  png_infop info = nullptr;

  explicit PngWriter(std::string& output);
  ~PngWriter();
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;

  // Jumps to the caller's setjmp on errors. `colour`: PNG_COLOR_TYPE_..., 8 bits a sample.
  void set_layout(int width, int height, int colour, int level);

  // After a failure.
  [[noreturn]] void throw_failure() const;
};

}  // namespace zc::codec
