// SPDX-License-Identifier: Apache-2.0
#include "image/draw.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "image/codec.h"

namespace zc {
namespace {

constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;

std::string ascii_of(std::string_view text) {
  std::string ascii;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    // A character of several bytes becomes one question mark.
    if ((byte & 0xC0) == 0x80) continue;
    ascii += byte >= 0x20 && byte < 0x7F ? c : '?';
  }
  return ascii;
}

double font_scale(int height) {
  return cv::getFontScaleFromHeight(kFont, height, 1);
}

std::string shortened(const std::string& caption, int height, int width) {
  std::string shown = ascii_of(caption);
  if (text_width(shown, height) <= width) return shown;
  while (!shown.empty() && text_width(shown + "...", height) > width) shown.pop_back();
  return shown + "...";
}

void paste(Image& sheet, const Image& picture, int left, int top) {
  for (int y = 0; y < picture.height; ++y) {
    std::memcpy(sheet.at(left, top + y), picture.row(y), static_cast<size_t>(picture.width) * 3);
  }
}

// Scaled down or up until it touches the cell, its shape kept.
Image fitted(const Image& image, ImageSize cell) {
  const Image rgb = hwc3(image);
  const double scale = std::min(static_cast<double>(cell.width) / rgb.width,
                                static_cast<double>(cell.height) / rgb.height);
  const ImageSize size = {std::clamp(static_cast<int>(rgb.width * scale + 0.5), 1, cell.width),
                          std::clamp(static_cast<int>(rgb.height * scale + 0.5), 1, cell.height)};
  if (size == ImageSize{rgb.width, rgb.height}) return rgb;
  return resize(rgb, size, scale > 1 ? Interpolation::lanczos4 : Interpolation::area);
}

struct Layout {
  ImageSize cell;
  int caption_space = 0;
  int columns = 0;
  int rows = 0;
  ImageSize sheet;
};

Layout layout_of(std::span<const Image> images, bool captioned,
                 const ContactSheetOptions& options) {
  Layout layout;
  for (const Image& image : images) {
    layout.cell.width = std::max(layout.cell.width, image.width);
    layout.cell.height = std::max(layout.cell.height, image.height);
  }
  const int count = static_cast<int>(images.size());
  layout.columns = std::min(options.columns, count);
  layout.rows = (count + layout.columns - 1) / layout.columns;
  layout.columns = (count + layout.rows - 1) / layout.rows;  // no row much shorter than the others
  layout.caption_space = captioned ? options.caption_height * 2 : 0;
  const int64_t width = int64_t{layout.columns} * (layout.cell.width + options.gap) + options.gap;
  const int64_t height =
      int64_t{layout.rows} * (layout.cell.height + layout.caption_space + options.gap) +
      options.gap;
  if (width > kMaxImagePixels || height > kMaxImagePixels || width * height > kMaxImagePixels) {
    throw Error(ErrorKind::bad_request, "contact sheet",
                fmt::format("would have {} x {} pixels, at most {} megapixels are made", width,
                            height, kMaxImagePixels >> 20));
  }
  layout.sheet = {static_cast<int>(width), static_cast<int>(height)};
  return layout;
}

}  // namespace

void draw_text(Image& image, std::string_view text, int x, int y, int height, Color color) {
  ZC_BUG_IF(image.channels != 3 || height < 1);
  cv::Mat target(image.height, image.width, CV_8UC3, image.pixels.data());
  cv::putText(target, ascii_of(text), {x, y}, kFont, font_scale(height),
              cv::Scalar(color[0], color[1], color[2]), 1, cv::LINE_AA);
}

int text_width(std::string_view text, int height) {
  int base_line = 0;
  return cv::getTextSize(ascii_of(text), kFont, font_scale(height), 1, &base_line).width;
}

void draw_line(Image& image, PixelPoint from, PixelPoint to, Color color) {
  ZC_BUG_IF(image.channels != 3);
  cv::Mat target(image.height, image.width, CV_8UC3, image.pixels.data());
  cv::line(target, {from.x, from.y}, {to.x, to.y}, cv::Scalar(color[0], color[1], color[2]), 1);
}

Image contact_sheet(std::span<const Image> images, std::span<const std::string> captions,
                    const ContactSheetOptions& options) {
  ZC_BUG_IF(images.empty() || options.columns < 1 || options.gap < 0 || options.caption_height < 1);
  ZC_BUG_IF(!captions.empty() && captions.size() != images.size());
  const Layout layout = layout_of(images, !captions.empty(), options);
  Image sheet(layout.sheet.width, layout.sheet.height, 3);
  for (size_t i = 0; i < sheet.pixels.size(); ++i) sheet.pixels[i] = options.background[i % 3];
  for (size_t i = 0; i < images.size(); ++i) {
    const int column = static_cast<int>(i) % layout.columns;
    const int row = static_cast<int>(i) / layout.columns;
    const int left = options.gap + column * (layout.cell.width + options.gap);
    const int top = options.gap + row * (layout.cell.height + layout.caption_space + options.gap);
    const Image picture = fitted(images[i], layout.cell);
    paste(sheet, picture, left + (layout.cell.width - picture.width) / 2,
          top + (layout.cell.height - picture.height) / 2);
    if (captions.empty()) continue;
    const std::string caption = shortened(captions[i], options.caption_height, layout.cell.width);
    const int x = left + (layout.cell.width - text_width(caption, options.caption_height)) / 2;
    draw_text(sheet, caption, x, top + layout.cell.height + options.caption_height * 5 / 3,
              options.caption_height, options.ink);
  }
  return sheet;
}

}  // namespace zc
