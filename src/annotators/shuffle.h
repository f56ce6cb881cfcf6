// SPDX-License-Identifier: Apache-2.0
// Pictures whose content or colours are stirred by noise (the reference's annotator/shuffle,
// version 1.1).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "annotators/numpy_random.h"
#include "base/options.h"
#include "image/image.h"
#include "image/resize.h"

namespace zc {

inline constexpr double kLargestNumpySeed = 4294967295.0;

// height x width x channels numbers, row by row, channels innermost.
struct NoiseField {
  int width = 0, height = 0, channels = 1;
  std::vector<double> values;
};

// Uniform noise from which noise_disk makes a field of `size`: one point every `spacing` pixels and
// one more on each side.
NoiseField coarse_noise(NumpyRandom& random, ImageSize size, int channels, int spacing);

// The noise, smoothly enlarged to `size` and stretched to [0, 1] over all channels together (0
// everywhere when it is constant). The reference's make_noise_disk.
NoiseField noise_disk(const NoiseField& coarse, ImageSize size, int spacing);

struct ContentShuffleOptions {
  int64_t seed = 0;
  int f = 256;
};

template <OptionsOf<ContentShuffleOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("seed", o.seed, Range{0, kLargestNumpySeed}, "seed of the noise, as of numpy.random.seed");
  visit("f", o.f, Range{1, 1024}, "pixels between the points of the noise");
}

// An RGB picture of the disks' size: the pixel of `image` at disk_x of its width and disk_y of its
// height. Throws bad_request for sides of 32767 pixels and more.
Image content_shuffle(const Image& image, const NoiseField& disk_x, const NoiseField& disk_y);
// Of another size than the image's: what the app does with an image that is not scaled yet.
Image content_shuffle(const Image& image, ImageSize size, const ContentShuffleOptions& options);
Image content_shuffle(const Image& image, const ContentShuffleOptions& options = {});

// The reference draws f from 64 to 384.
struct ColorShuffleOptions {
  int64_t seed = 0;
  std::optional<int32_t> f;
};

template <OptionsOf<ColorShuffleOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("seed", o.seed, Range{0, kLargestNumpySeed}, "seed of the noise, as of numpy.random.seed");
  visit("f", o.f, Range{1, 1024}, "pixels between the points of the noise; else drawn, 64 to 384");
}

// RGB: each pixel is mixed of two colours that drift over the picture. Disks of three channels and
// of the image's size.
Image color_shuffle(const Image& image, const NoiseField& disk_a, const NoiseField& disk_b);
Image color_shuffle(const Image& image, const ColorShuffleOptions& options = {});

struct RandomGrayOptions {
  int64_t seed = 0;
};

template <OptionsOf<RandomGrayOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("seed", o.seed, Range{0, kLargestNumpySeed}, "seed of the weights");
}

// One channel: red, green and blue weighted by three numbers of [0, 1).
Image random_gray(const Image& image, const std::array<double, 3>& draws);
Image random_gray(const Image& image, const RandomGrayOptions& options = {});

struct DownsampleOptions {
  int level = 3;
  double k = 16.0;
  int64_t seed = 0;
};

template <OptionsOf<DownsampleOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("level", o.level, Range{1, 8}, "how often the picture is halved and doubled again");
  visit("k", o.k, Range{0, 255}, "deviation of the noise that is added at each size");
  visit("seed", o.seed, Range{0, kLargestNumpySeed}, "seed of the noise, as of numpy.random.seed");
}

// RGB, without its fine detail. A side that is not a multiple of 2^level becomes the next one.
Image downsample(const Image& image, const DownsampleOptions& options = {});

}  // namespace zc
