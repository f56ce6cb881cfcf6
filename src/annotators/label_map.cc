// SPDX-License-Identifier: Apache-2.0
#include "annotators/label_map.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "annotators/ade20k_palette.h"
#include "base/error.h"
#include "base/files.h"
#include "image/codec.h"
#include "image/indexed_png.h"

namespace zc {
namespace {

constexpr int kClasses = 150;

}  // namespace

Image ade20k_colored(const Image& labels, const LabelOptions& options) {
  check_options(options, "seg_labels");
  Image colors(labels.width, labels.height, 3);
  for (int y = 0; y < labels.height; ++y) {
    for (int x = 0; x < labels.width; ++x) {
      const int number = *labels.at(x, y);
      const int label = number - options.first;
      if (label < 0) continue;  // black: no class
      if (label >= kClasses) {
        throw Error(ErrorKind::bad_request, "label",
                    fmt::format("the pixel ({}, {}) has the number {}, wanted 0 to {}: `zeroconv "
                                "annotate seg --classes` lists the classes",
                                x, y, number, kClasses - 1 + options.first));
      }
      std::copy_n(ade20k_palette()[label].begin(), 3, colors.at(x, y));
    }
  }
  return colors;
}

Image load_label_map(const std::filesystem::path& path) {
  const MappedFile file(path);
  if (auto numbers = decode_indexed_png(file.bytes(), path.string()))
    return std::move(numbers->indices);
  decode_image(file.bytes(), path.string());  // says it if the file is broken or no picture
  throw Error(ErrorKind::bad_request, path.string(),
              "is a picture of colours, wanted one of class numbers: an indexed PNG, or a grey one "
              "of 8 bits");
}

void save_label_map(const std::filesystem::path& path, const Image& labels) {
  if (lower_extension(path) != ".png") return save_image(path, ade20k_colored(labels));
  const auto& palette = ade20k_palette();
  write_file_atomically(path, encode_indexed_png({labels, {palette.begin(), palette.end()}}));
}

}  // namespace zc
