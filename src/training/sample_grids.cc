// SPDX-License-Identifier: Apache-2.0
#include "training/sample_grids.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "image/codec.h"
#include "image/draw.h"
#include "image/resize.h"

namespace zc {
namespace {

constexpr int kGridColumns = 4;
constexpr int kGridPadding = 2;
// The border is 0 between -1 and 1, which becomes 0.5 and then 127 of 255.
constexpr uint8_t kGridBorder = 127;

// The longest beginning of `text` that is not wider, at least one byte.
size_t fitting_length(std::string_view text, int letter_height, int width) {
  size_t length = text.size();
  while (length > 1 && text_width(text.substr(0, length), letter_height) > width) --length;
  return length;
}

std::vector<std::string> wrapped_lines(const std::string& text, int letter_height, int width) {
  std::vector<std::string> lines;
  std::string line;
  for (const std::string& part : split(text, ' ')) {
    std::string word(trim(part));
    if (word.empty()) continue;
    const std::string longer = line.empty() ? word : line + " " + word;
    if (text_width(longer, letter_height) <= width) {
      line = longer;
      continue;
    }
    if (!line.empty()) lines.push_back(std::exchange(line, {}));
    while (text_width(word, letter_height) > width) {
      const size_t length = fitting_length(word, letter_height, width);
      if (length == word.size()) break;
      lines.push_back(word.substr(0, length));
      word.erase(0, length);
    }
    line = word;
  }
  if (!line.empty()) lines.push_back(line);
  return lines;
}

}  // namespace

Image sample_grid(std::span<const Image> images) {
  ZC_BUG_IF(images.empty());
  const int width = images[0].width, height = images[0].height;
  for (const Image& image : images) {
    if (image.width == width && image.height == height) continue;
    throw Error(ErrorKind::bad_request, "sample grid",
                fmt::format("pictures of {} x {} and {} x {} do not fit into one grid", width,
                            height, image.width, image.height));
  }
  if (images.size() == 1) return hwc3(images[0]);
  const int64_t count = static_cast<int64_t>(images.size());
  const int64_t columns = std::min<int64_t>(kGridColumns, count);
  const int64_t rows = (count + columns - 1) / columns;
  const int64_t grid_width = columns * (width + kGridPadding) + kGridPadding;
  const int64_t grid_height = rows * (height + kGridPadding) + kGridPadding;
  if (grid_width * grid_height > kMaxImagePixels) {
    throw Error(ErrorKind::bad_request, "sample grid",
                fmt::format("would have {} x {} pixels, at most {} megapixels are made", grid_width,
                            grid_height, kMaxImagePixels >> 20));
  }
  Image grid(static_cast<int>(grid_width), static_cast<int>(grid_height), 3, kGridBorder);
  for (int64_t i = 0; i < count; ++i) {
    const Image picture = hwc3(images[static_cast<size_t>(i)]);
    const int left = static_cast<int>(i % columns) * (width + kGridPadding) + kGridPadding;
    const int top = static_cast<int>(i / columns) * (height + kGridPadding) + kGridPadding;
    for (int y = 0; y < height; ++y) {
      std::memcpy(grid.at(left, top + y), picture.row(y), static_cast<size_t>(width) * 3);
    }
  }
  return grid;
}

Image caption_image(const std::string& caption, int width, int height) {
  Image image(width, height, 3, 255);
  // Capital letters of 16-pixel DejaVu Sans are 12 pixels high, its lines 19 apart.
  const int letter_height = std::max(6, width * 12 / 512);
  const int line_height = letter_height * 19 / 12;
  const int margin = std::max(2, letter_height / 3);
  int base_line = margin + letter_height;
  for (const std::string& line : wrapped_lines(caption, letter_height, width - 2 * margin)) {
    if (base_line - letter_height >= height) break;
    draw_text(image, line, margin, base_line, letter_height, {0, 0, 0});
    base_line += line_height;
  }
  return image;
}

void write_sample_grids(const std::filesystem::path& folder, const SampleGrids& grids, int64_t step,
                        int64_t epoch, int64_t batch) {
  std::vector<Image> conditioning;
  const std::vector<Image>& shown = !grids.samples.empty() ? grids.samples : grids.control;
  for (const std::string& caption : grids.captions) {
    const bool alone = shown.empty();
    conditioning.push_back(
        caption_image(caption, alone ? 512 : shown[0].width, alone ? 512 : shown[0].height));
  }
  const std::filesystem::path root = folder / "image_log" / "train";
  std::error_code failed;  // a folder that cannot be made is named by save_image
  std::filesystem::create_directories(root, failed);
  const auto write = [&](const std::string& what, const std::vector<Image>& images) {
    if (images.empty()) return;
    save_image(root / fmt::format("{}_gs-{:06}_e-{:06}_b-{:06}.png", what, step, epoch, batch),
               sample_grid(images));
  };
  write("reconstruction", grids.reconstruction);
  write("control", grids.control);
  write("conditioning", conditioning);
  write(fmt::format("samples_cfg_scale_{:.2f}", grids.cfg_scale), grids.samples);
}

}  // namespace zc
