// SPDX-License-Identifier: Apache-2.0
#include "server/sdapi_images.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "image/base64.h"
#include "image/codec.h"
#include "server/sdapi_problem.h"

namespace zc {
namespace {

std::span<const uint8_t> octets(std::string_view bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

ImageSize size_of(const Image& image) {
  return {image.width, image.height};
}

Interpolation scaling(ImageSize from, ImageSize to) {
  const bool grows = to.width > from.width || to.height > from.height;
  return grows ? Interpolation::lanczos4 : Interpolation::area;
}

Image scaled(const Image& image, ImageSize size) {
  return size_of(image) == size ? image : resize(image, size, scaling(size_of(image), size));
}

ImageSize scaled_size(ImageSize size, double scale) {
  return {std::max(1, static_cast<int>(std::lround(size.width * scale))),
          std::max(1, static_cast<int>(std::lround(size.height * scale)))};
}

// The inner picture in the middle, its outermost pixels repeated to the edges.
Image with_repeated_edges(const Image& inner, ImageSize size) {
  const int left = (size.width - inner.width) / 2;
  const int top = (size.height - inner.height) / 2;
  Image result(size.width, size.height, inner.channels);
  for (int y = 0; y < size.height; ++y) {
    const int from_y = std::clamp(y - top, 0, inner.height - 1);
    for (int x = 0; x < size.width; ++x) {
      const uint8_t* from = inner.at(std::clamp(x - left, 0, inner.width - 1), from_y);
      std::copy_n(from, inner.channels, result.at(x, y));
    }
  }
  return result;
}

Image cut_to_cover(const Image& image, ImageSize size) {
  const double scale = std::max(static_cast<double>(size.width) / image.width,
                                static_cast<double>(size.height) / image.height);
  ImageSize cover = scaled_size(size_of(image), scale);
  cover = {std::max(cover.width, size.width), std::max(cover.height, size.height)};
  const Image whole = scaled(image, cover);
  return crop(whole, (cover.width - size.width) / 2, (cover.height - size.height) / 2, size);
}

// Widths of three boxes whose blurs one after the other come near a Gaussian
// (W. Wells, "Efficient synthesis of Gaussian filters by cascaded uniform filters", 1986).
std::array<int, 3> gauss_boxes(double sigma) {
  const double ideal = std::sqrt(12 * sigma * sigma / 3 + 1);
  int narrow = static_cast<int>(ideal);
  if (narrow % 2 == 0) --narrow;
  const double w = narrow;
  const auto narrow_ones =
      std::lround((12 * sigma * sigma - 3 * w * w - 12 * w - 9) / (-4 * w - 4));
  std::array<int, 3> boxes{};
  for (size_t i = 0; i < boxes.size(); ++i)
    boxes[i] = static_cast<long>(i) < narrow_ones ? narrow : narrow + 2;
  return boxes;
}

// The mean of `box` values around each of a line; the outermost ones are repeated.
void blur_line(std::vector<float>& line, std::vector<float>& out, int box) {
  const int radius = box / 2;
  const int count = static_cast<int>(line.size());
  const auto value = [&](int i) {
    return static_cast<double>(line[static_cast<size_t>(std::clamp(i, 0, count - 1))]);
  };
  double sum = 0;
  for (int i = -radius; i <= radius; ++i) sum += value(i);
  for (int i = 0; i < count; ++i) {
    out[static_cast<size_t>(i)] = static_cast<float>(sum / box);
    sum += value(i + radius + 1) - value(i - radius);
  }
  line.swap(out);
}

// All lines that begin at `begin`, `step` apart, their values `stride` apart.
struct BlurAlong {
  int lines = 0, step = 0, count = 0, stride = 0;
};
void blur_lines(std::vector<float>& values, const BlurAlong& along,
                const std::array<int, 3>& boxes) {
  std::vector<float> line(static_cast<size_t>(along.count)), spare(line.size());
  for (int n = 0; n < along.lines; ++n) {
    float* first = &values[static_cast<size_t>(n) * static_cast<size_t>(along.step)];
    const auto stride = static_cast<size_t>(along.stride);
    for (size_t i = 0; i < line.size(); ++i) line[i] = first[i * stride];
    for (const int box : boxes) blur_line(line, spare, box);
    for (size_t i = 0; i < line.size(); ++i) first[i * stride] = line[i];
  }
}

// Colours with weights, halved in size again and again.
struct WeightedColours {
  int width = 0, height = 0;
  std::vector<float> values;  // red, green, blue times weight, weight

  WeightedColours(int w, int h)
      : width(w), height(h), values(static_cast<size_t>(w) * static_cast<size_t>(h) * 4) {}
  float* at(int x, int y) {
    return values.data() +
           (static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)) * 4;
  }
};

WeightedColours known_colours(const Image& rgb, const Image& mask) {
  WeightedColours known(rgb.width, rgb.height);
  for (int y = 0; y < rgb.height; ++y) {
    for (int x = 0; x < rgb.width; ++x) {
      if (*mask.at(x, y) > 127) continue;
      for (int c = 0; c < 3; ++c) known.at(x, y)[c] = rgb.at(x, y)[c];
      known.at(x, y)[3] = 1;
    }
  }
  return known;
}

WeightedColours halved(WeightedColours& fine) {
  WeightedColours coarse((fine.width + 1) / 2, (fine.height + 1) / 2);
  for (int y = 0; y < fine.height; ++y) {
    for (int x = 0; x < fine.width; ++x) {
      for (int c = 0; c < 4; ++c) coarse.at(x / 2, y / 2)[c] += fine.at(x, y)[c];
    }
  }
  for (int y = 0; y < coarse.height; ++y) {
    for (int x = 0; x < coarse.width; ++x) {
      float* cell = coarse.at(x, y);
      const float weight = cell[3];
      if (weight <= 1) continue;  // a full cell weighs 1, else the mean of few would be drowned
      for (int c = 0; c < 4; ++c) cell[c] /= weight;
    }
  }
  return coarse;
}

// What is not known at this level comes from the coarser one, smoothly.
void fill_from(WeightedColours& fine, WeightedColours& coarse) {
  for (int y = 0; y < fine.height; ++y) {
    for (int x = 0; x < fine.width; ++x) {
      float* cell = fine.at(x, y);
      if (cell[3] >= 1) continue;
      const float cx = (static_cast<float>(x) - 0.5F) / 2, cy = (static_cast<float>(y) - 0.5F) / 2;
      const int x0 = static_cast<int>(std::floor(cx)), y0 = static_cast<int>(std::floor(cy));
      float sum[4] = {};
      for (int i = 0; i < 4; ++i) {
        const int nx = x0 + i % 2, ny = y0 + i / 2;
        const float share = (1 - std::abs(cx - static_cast<float>(nx))) *
                            (1 - std::abs(cy - static_cast<float>(ny)));
        const float* near =
            coarse.at(std::clamp(nx, 0, coarse.width - 1), std::clamp(ny, 0, coarse.height - 1));
        for (int c = 0; c < 4; ++c) sum[c] += share * near[c];
      }
      const float missing = 1 - cell[3];
      if (sum[3] <= 0) continue;
      for (int c = 0; c < 3; ++c) cell[c] += missing * sum[c] / sum[3];
      cell[3] = 1;
    }
  }
}

}  // namespace

WebuiPicture webui_picture(std::string_view text, const std::string& field) {
  if (text.starts_with("http://") || text.starts_with("https://"))
    throw webui_error(500, "Requests not allowed");
  WebuiPicture picture;
  try {
    picture.bytes = base64_decode(text, field);
    picture.image = decode_image(picture.bytes, field);
  } catch (const Error& error) {
    throw webui_invalid(field, fmt::format("Invalid encoded image: {}", error.text()));
  }
  return picture;
}

std::string put_webui_bytes(Store& store, std::string_view bytes) {
  const auto format = image_format_of(octets(bytes));
  const char* type = format == ImageFormat::jpeg   ? "image/jpeg"
                     : format == ImageFormat::webp ? "image/webp"
                                                   : "image/png";
  return store.blobs().put(std::as_bytes(std::span(bytes.data(), bytes.size())), type);
}

std::string put_webui_image(Store& store, const Image& image) {
  return put_webui_bytes(store, encode_png(image));
}

Image webui_resized(const Image& image, ImageSize size, WebuiResize mode) {
  if (size_of(image) == size) return image;
  if (mode == WebuiResize::just) return scaled(image, size);
  if (mode == WebuiResize::crop) return cut_to_cover(image, size);
  const double scale = std::min(static_cast<double>(size.width) / image.width,
                                static_cast<double>(size.height) / image.height);
  ImageSize inner = scaled_size(size_of(image), scale);
  inner = {std::min(inner.width, size.width), std::min(inner.height, size.height)};
  return with_repeated_edges(scaled(image, inner), size);
}

Image webui_mask(const Image& image, bool invert) {
  Image mask(image.width, image.height, 1);
  const auto channels = static_cast<size_t>(image.channels);
  for (size_t i = 0; i < mask.pixels.size(); ++i) {
    const uint8_t* pixel = &image.pixels[i * channels];
    int value = pixel[0];
    if (channels == 4) {
      value = pixel[3] > 128 ? 255 : 0;
    } else if (channels == 3) {
      value = (299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2] + 500) / 1000;  // ITU-R 601
    }
    mask.pixels[i] = static_cast<uint8_t>(invert ? 255 - value : value);
  }
  return mask;
}

bool is_black(const Image& mask) {
  return std::all_of(mask.pixels.begin(), mask.pixels.end(), [](uint8_t p) { return p == 0; });
}

Image blurred_mask(const Image& mask, double sigma) {
  if (sigma <= 0) return mask;
  const std::array<int, 3> boxes = gauss_boxes(sigma);
  std::vector<float> values(mask.pixels.begin(), mask.pixels.end());
  blur_lines(values, {mask.height, mask.width, mask.width, 1}, boxes);
  blur_lines(values, {mask.width, 1, mask.height, mask.width}, boxes);
  Image result(mask.width, mask.height, 1);
  for (size_t i = 0; i < values.size(); ++i)
    result.pixels[i] = static_cast<uint8_t>(std::clamp(std::lround(values[i]), 0L, 255L));
  return result;
}

Image filled_under_mask(const Image& rgb, const Image& mask) {
  std::vector<WeightedColours> levels = {known_colours(rgb, mask)};
  while (levels.back().width > 1 || levels.back().height > 1)
    levels.push_back(halved(levels.back()));
  for (size_t i = levels.size() - 1; i-- > 0;) fill_from(levels[i], levels[i + 1]);
  Image result = rgb;
  for (int y = 0; y < rgb.height; ++y) {
    for (int x = 0; x < rgb.width; ++x) {
      if (*mask.at(x, y) <= 127) continue;
      const float* colour = levels.front().at(x, y);
      for (int c = 0; c < 3; ++c) {
        const float value = colour[3] > 0 ? colour[c] : 127;  // the mask covers everything
        result.at(x, y)[c] = static_cast<uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F));
      }
    }
  }
  return result;
}

WebuiRegion masked_region(const Image& mask, int padding, ImageSize processed) {
  int left = mask.width, top = mask.height, right = 0, bottom = 0;
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      if (*mask.at(x, y) == 0) continue;
      left = std::min(left, x), right = std::max(right, x + 1);
      top = std::min(top, y), bottom = std::max(bottom, y + 1);
    }
  }
  if (right == 0) return {0, 0, size_of(mask)};
  left = std::max(0, left - padding), top = std::max(0, top - padding);
  right = std::min(mask.width, right + padding), bottom = std::min(mask.height, bottom + padding);
  // The shorter side grows evenly, and is pushed back where it would leave the picture.
  const double aspect = static_cast<double>(processed.width) / processed.height;
  ImageSize size{right - left, bottom - top};
  if (static_cast<double>(size.width) / size.height < aspect) {
    size.width = std::min(mask.width, static_cast<int>(std::lround(size.height * aspect)));
    left = std::clamp((left + right - size.width) / 2, 0, mask.width - size.width);
  } else {
    size.height = std::min(mask.height, static_cast<int>(std::lround(size.width / aspect)));
    top = std::clamp((top + bottom - size.height) / 2, 0, mask.height - size.height);
  }
  return {left, top, size};
}

Image pasted_back(const Image& picture, const Image& made, const WebuiRegion& region,
                  const Image& mask) {
  Image result = hwc3(picture);
  const Image part = scaled(hwc3(made), region.size);
  for (int y = 0; y < region.size.height; ++y) {
    for (int x = 0; x < region.size.width; ++x) {
      const int share = *mask.at(region.x + x, region.y + y);
      uint8_t* pixel = result.at(region.x + x, region.y + y);
      for (int c = 0; c < 3; ++c)
        pixel[c] =
            static_cast<uint8_t>((part.at(x, y)[c] * share + pixel[c] * (255 - share) + 127) / 255);
    }
  }
  return result;
}

}  // namespace zc
