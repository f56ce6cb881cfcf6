// SPDX-License-Identifier: Apache-2.0
#include "annotators/shuffle.h"

#include <algorithm>
#include <climits>

#include <fmt/format.h>
#include <opencv2/imgproc.hpp>

#include "base/error.h"

namespace zc {
namespace {

constexpr int kSmallestDrawnSpacing = 64, kLargestDrawnSpacing = 384;

cv::Mat view(const Image& image) {
  return {image.height, image.width, CV_8UC(image.channels),
          const_cast<uint8_t*>(image.pixels.data())};
}

ImageSize size_of(const Image& image) {
  return {image.width, image.height};
}

// clip(0, 255) and truncation of float32 pixels.
Image to_image(const cv::Mat& pixels) {
  Image image(pixels.cols, pixels.rows, pixels.channels());
  const int count = pixels.cols * pixels.channels();
  for (int y = 0; y < pixels.rows; ++y) {
    const auto* from = pixels.ptr<float>(y);
    uint8_t* to = image.row(y);
    for (int i = 0; i < count; ++i) to[i] = static_cast<uint8_t>(std::clamp(from[i], 0.0f, 255.0f));
  }
  return image;
}

// h += numpy.random.normal(0, k, h.shape).
void add_noise(cv::Mat& pixels, double k, NumpyRandom& random) {
  const int count = pixels.cols * pixels.channels();
  for (int y = 0; y < pixels.rows; ++y) {
    auto* row = pixels.ptr<float>(y);
    for (int i = 0; i < count; ++i) row[i] = static_cast<float>(row[i] + k * random.normal());
  }
}

// cv::remap counts in 16 bits.
void check_sides(ImageSize from, ImageSize to) {
  const int longest = std::max({from.width, from.height, to.width, to.height});
  if (longest >= SHRT_MAX) {
    throw Error(ErrorKind::bad_request, "image",
                fmt::format("a side has {} pixels, wanted fewer than {}", longest, SHRT_MAX));
  }
}

NumpyRandom generator(int64_t seed) {
  return NumpyRandom(static_cast<uint32_t>(seed));
}

}  // namespace

NoiseField coarse_noise(NumpyRandom& random, ImageSize size, int channels, int spacing) {
  ZC_BUG_IF(size.width < 1 || size.height < 1 || channels < 1 || spacing < 1);
  NoiseField noise{size.width / spacing + 2, size.height / spacing + 2, channels, {}};
  noise.values.resize(static_cast<size_t>(noise.width) * noise.height * channels);
  for (double& value : noise.values) value = random.uniform();
  return noise;
}

NoiseField noise_disk(const NoiseField& coarse, ImageSize size, int spacing) {
  ZC_BUG_IF(spacing < 1 || coarse.width != size.width / spacing + 2 ||
            coarse.height != size.height / spacing + 2);
  const int channels = coarse.channels;
  const cv::Mat source(coarse.height, coarse.width, CV_64FC(channels),
                       const_cast<double*>(coarse.values.data()));
  cv::Mat enlarged;
  cv::resize(source, enlarged, {size.width + 2 * spacing, size.height + 2 * spacing}, 0, 0,
             cv::INTER_CUBIC);
  NoiseField disk{size.width, size.height, channels, {}};
  disk.values.reserve(static_cast<size_t>(size.width) * size.height * channels);
  for (int y = 0; y < size.height; ++y) {
    const double* row = enlarged.ptr<double>(y + spacing) + static_cast<size_t>(spacing) * channels;
    disk.values.insert(disk.values.end(), row, row + static_cast<size_t>(size.width) * channels);
  }
  const double least = *std::ranges::min_element(disk.values);
  const double range = *std::ranges::max_element(disk.values) - least;
  for (double& value : disk.values) value = range > 0 ? (value - least) / range : 0.0;
  return disk;
}

Image content_shuffle(const Image& image, const NoiseField& disk_x, const NoiseField& disk_y) {
  ZC_BUG_IF(image.empty() || disk_x.channels != 1 || disk_y.channels != 1 ||
            disk_x.width != disk_y.width || disk_x.height != disk_y.height);
  check_sides(size_of(image), {disk_x.width, disk_x.height});
  const Image source = hwc3(image);
  cv::Mat flow(disk_x.height, disk_x.width, CV_32FC2);
  for (int y = 0; y < flow.rows; ++y) {
    const size_t start = static_cast<size_t>(y) * disk_x.width;
    for (int x = 0; x < flow.cols; ++x) {
      flow.at<cv::Vec2f>(y, x) = {
          static_cast<float>(disk_x.values[start + x] * (source.width - 1)),
          static_cast<float>(disk_y.values[start + x] * (source.height - 1))};
    }
  }
  Image shuffled(flow.cols, flow.rows, 3);
  cv::Mat target = view(shuffled);
  cv::remap(view(source), target, flow, cv::noArray(), cv::INTER_LINEAR, cv::BORDER_CONSTANT);
  ZC_BUG_IF(target.data != shuffled.pixels.data());
  return shuffled;
}

Image content_shuffle(const Image& image, ImageSize size, const ContentShuffleOptions& options) {
  check_options(options, "shuffle");
  check_sides(size_of(image), size);
  NumpyRandom random = generator(options.seed);
  const NoiseField x = coarse_noise(random, size, 1, options.f);
  const NoiseField y = coarse_noise(random, size, 1, options.f);
  return content_shuffle(image, noise_disk(x, size, options.f), noise_disk(y, size, options.f));
}

Image content_shuffle(const Image& image, const ContentShuffleOptions& options) {
  return content_shuffle(image, size_of(image), options);
}

Image color_shuffle(const Image& image, const NoiseField& disk_a, const NoiseField& disk_b) {
  const Image source = hwc3(image);
  ZC_BUG_IF(source.empty() || disk_a.values.size() != source.pixels.size() ||
            disk_b.values.size() != source.pixels.size());
  constexpr double kContrast = 3.0;
  std::vector<double> mixed(source.pixels.size());
  std::array<double, 3> least, largest;
  least.fill(2.0);
  largest.fill(-2.0);
  for (size_t i = 0; i < mixed.size(); ++i) {
    const double middle = (disk_a.values[i] + disk_b.values[i]) / 2.0;
    const double a = std::clamp(middle + (disk_a.values[i] - middle) * kContrast, 0.0, 1.0);
    const double b = std::clamp(middle + (disk_b.values[i] - middle) * kContrast, 0.0, 1.0);
    const float light = static_cast<float>(source.pixels[i]) / 255.0f;
    mixed[i] = a * light + b * (1.0f - light);
    least[i % 3] = std::min(least[i % 3], mixed[i]);
    largest[i % 3] = std::max(largest[i % 3], mixed[i]);
  }
  Image result(source.width, source.height, 3);
  for (size_t i = 0; i < mixed.size(); ++i) {
    const double range = std::max(largest[i % 3] - least[i % 3], 1e-5);
    const double value = (mixed[i] - least[i % 3]) / range * 255.0;
    result.pixels[i] = static_cast<uint8_t>(std::clamp(value, 0.0, 255.0));
  }
  return result;
}

Image color_shuffle(const Image& image, const ColorShuffleOptions& options) {
  check_options(options, "color_shuffle");
  NumpyRandom random = generator(options.seed);
  constexpr int kChoices = kLargestDrawnSpacing - kSmallestDrawnSpacing + 1;
  const int spacing = options.f
                          ? *options.f
                          : kSmallestDrawnSpacing + static_cast<int>(random.uniform() * kChoices);
  const ImageSize size = size_of(image);
  const NoiseField a = coarse_noise(random, size, 3, spacing);
  const NoiseField b = coarse_noise(random, size, 3, spacing);
  return color_shuffle(image, noise_disk(a, size, spacing), noise_disk(b, size, spacing));
}

Image random_gray(const Image& image, const std::array<double, 3>& draws) {
  ZC_BUG_IF(image.empty());
  constexpr double kEpsilon = 1e-5;
  const double sum = (draws[0] + kEpsilon) + (draws[1] + kEpsilon) + (draws[2] + kEpsilon);
  std::array<float, 3> weights;
  for (size_t c = 0; c < 3; ++c) weights[c] = static_cast<float>((draws[c] + kEpsilon) / sum);
  const Image rgb = hwc3(image);
  Image gray(rgb.width, rgb.height, 1);
  for (size_t i = 0; i < gray.pixels.size(); ++i) {
    const uint8_t* pixel = rgb.pixels.data() + 3 * i;
    const float value = static_cast<float>(pixel[0]) * weights[0] +
                        static_cast<float>(pixel[1]) * weights[1] +
                        static_cast<float>(pixel[2]) * weights[2];
    gray.pixels[i] = static_cast<uint8_t>(std::clamp(value, 0.0f, 255.0f));
  }
  return gray;
}

Image random_gray(const Image& image, const RandomGrayOptions& options) {
  check_options(options, "random_gray");
  NumpyRandom random = generator(options.seed);
  std::array<double, 3> draws;
  for (double& draw : draws) draw = random.uniform();
  return random_gray(image, draws);
}

Image downsample(const Image& image, const DownsampleOptions& options) {
  ZC_BUG_IF(image.empty());
  check_options(options, "downsample");
  NumpyRandom random = generator(options.seed);
  cv::Mat pixels, scaled;
  const Image rgb = hwc3(image);
  view(rgb).convertTo(pixels, CV_32F);
  for (int i = 0; i < options.level; ++i) {
    add_noise(pixels, options.k, random);
    cv::pyrDown(pixels, scaled);
    std::swap(pixels, scaled);
  }
  for (int i = 0; i < options.level; ++i) {
    cv::pyrUp(pixels, scaled);
    std::swap(pixels, scaled);
    add_noise(pixels, options.k, random);
  }
  return to_image(pixels);
}

}  // namespace zc
