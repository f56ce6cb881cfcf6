// SPDX-License-Identifier: Apache-2.0
#include "training/augment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numbers>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "training/sample_order.h"
#include "training/toyworld_math.h"

namespace zc {
namespace {

// What the keys of the different choices begin with.
enum AugmentPurpose : uint64_t {
  kCropX = 1,
  kCropY,
  kFlip,
  kCanny,
  kPhrasing,
  kPromptDropout,
  kTagDropout,
  kHintDropout,
  kHintNoise,
  kHintBlur
};

constexpr double kMaxShapeDifference = 0.01;

bool shows_people(const std::string& control) {
  return control.find("pose") != std::string::npos;
}

bool shows_normals(const std::string& control) {
  return control.starts_with("normal") || control == "toy_normal";
}

bool shows_classes(const std::string& control) {
  return control.starts_with("seg") || control == "toy_seg";
}

Error no_mirrored_people(ErrorKind kind, const std::string& control) {
  return Error(kind, "--flip",
               fmt::format("does not suit `{}`: its colours tell a person's left from the right, "
                           "and a mirrored map would show a turned person",
                           control));
}

// Where a cut of a picture lies, in its pixels.
struct CutWindow {
  int x = 0, y = 0;
  ImageSize size;
};

int rounded_side(double side, int most) {
  return std::clamp(static_cast<int>(std::lround(side)), 1, most);
}

// As center_crop_fill cuts: first in the picture's own pixels, then scaled.
CutWindow window_of(ImageSize picture, const PairCut& cut) {
  const double scale = std::max(static_cast<double>(cut.size.width) / picture.width,
                                static_cast<double>(cut.size.height) / picture.height);
  CutWindow window;
  window.size = {rounded_side(cut.size.width / scale, picture.width),
                 rounded_side(cut.size.height / scale, picture.height)};
  window.x = static_cast<int>(cut.x * (picture.width - window.size.width));
  window.y = static_cast<int>(cut.y * (picture.height - window.size.height));
  return window;
}

// The same part of a picture of another size.
CutWindow scaled_window(const CutWindow& window, ImageSize from, ImageSize to) {
  if (from == to) return window;
  const double sx = static_cast<double>(to.width) / from.width;
  const double sy = static_cast<double>(to.height) / from.height;
  CutWindow scaled;
  scaled.size = {rounded_side(window.size.width * sx, to.width),
                 rounded_side(window.size.height * sy, to.height)};
  scaled.x =
      std::clamp(static_cast<int>(std::lround(window.x * sx)), 0, to.width - scaled.size.width);
  scaled.y =
      std::clamp(static_cast<int>(std::lround(window.y * sy)), 0, to.height - scaled.size.height);
  return scaled;
}

Image taken(const Image& image, const CutWindow& window, ImageSize size, bool nearest) {
  const bool whole =
      window.size == ImageSize{image.width, image.height};  // spares copying it once more
  if (whole && window.size == size) return image;
  const Image part = whole ? image : crop(image, window.x, window.y, window.size);
  if (window.size == size) return part;
  if (nearest) return resize(part, size, Interpolation::nearest);
  const bool grows = size.width > part.width || size.height > part.height;
  return resize(part, size, grows ? Interpolation::lanczos4 : Interpolation::area);
}

std::vector<float> gaussian_kernel(double sigma) {
  const int radius = std::max(1, static_cast<int>(std::ceil(3 * sigma)));
  std::vector<float> kernel;
  double sum = 0;
  for (int i = -radius; i <= radius; ++i) sum += std::exp(-0.5 * i * i / (sigma * sigma));
  for (int i = -radius; i <= radius; ++i)
    kernel.push_back(static_cast<float>(std::exp(-0.5 * i * i / (sigma * sigma)) / sum));
  return kernel;
}

// First along the rows, then along the columns; values beyond the edge are those of the edge.
void blur_hint(Image& image, double sigma) {
  const std::vector<float> kernel = gaussian_kernel(sigma);
  const int radius = static_cast<int>(kernel.size()) / 2;
  const int samples = image.width * image.channels;  // of a row
  std::vector<float> across(image.pixels.size());
  for (int y = 0; y < image.height; ++y) {
    float* to = across.data() + static_cast<size_t>(y) * static_cast<size_t>(samples);
    for (int i = 0; i < samples; ++i) {
      for (int k = -radius; k <= radius; ++k) {
        const int x = std::clamp(i / image.channels + k, 0, image.width - 1);
        to[i] += kernel[static_cast<size_t>(k + radius)] * image.at(x, y)[i % image.channels];
      }
    }
  }
  for (int y = 0; y < image.height; ++y) {
    for (int i = 0; i < samples; ++i) {
      float sum = 0.5f;  // rounds
      for (int k = -radius; k <= radius; ++k) {
        const auto row = static_cast<size_t>(std::clamp(y + k, 0, image.height - 1));
        sum += kernel[static_cast<size_t>(k + radius)] *
               across[row * static_cast<size_t>(samples) + static_cast<size_t>(i)];
      }
      image.row(y)[i] = static_cast<uint8_t>(std::clamp(sum, 0.0f, 255.0f));
    }
  }
}

// The same noise on all channels: maps are mostly grey, and coloured noise would make them
// coloured.
void add_noise(Image& image, double sigma, uint64_t key) {
  ToyRandom random(key);
  const auto channels = static_cast<size_t>(image.channels);
  for (size_t i = 0; i + channels <= image.pixels.size(); i += channels) {
    // Box-Muller; 1 - u lies in (0, 1].
    const double radius = std::sqrt(-2 * std::log(1.0 - random.uniform()));
    const double angle = 2 * std::numbers::pi * random.uniform();
    const double noise = 255.0 * sigma * radius * std::cos(angle);
    for (size_t c = 0; c < channels; ++c) {
      image.pixels[i + c] =
          static_cast<uint8_t>(std::clamp(std::lround(image.pixels[i + c] + noise), 0L, 255L));
    }
  }
}

std::string thinned_tags(const std::string& prompt, double dropout, uint64_t key) {
  const std::vector<std::string> tags = split(prompt, ',');
  if (tags.size() < 2) return prompt;
  ToyRandom random(key);
  std::string kept(trim(tags.front()));
  for (size_t i = 1; i < tags.size(); ++i) {
    if (!random.chance(static_cast<float>(dropout))) kept += ", " + std::string(trim(tags[i]));
  }
  return kept;
}

// Whole words only.
std::string left_and_right_exchanged(const std::string& text) {
  const auto is_letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  std::string result;
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    while (end < text.size() && is_letter(text[end])) ++end;
    const std::string word = text.substr(i, end - i);
    result += word == "left" ? "right" : word == "right" ? "left" : word;
    if (end < text.size()) result += text[end];
    i = end + 1;
  }
  return result;
}

}  // namespace

void check_augmentation(const AugmentOptions& o, const PairSource& pairs) {
  if (o.flip && !pairs.takes_maps() && shows_people(pairs.control()))
    throw no_mirrored_people(ErrorKind::bad_request, pairs.control());
  if (o.random_canny && (!pairs.takes_maps() || pairs.control() != "canny")) {
    throw Error(ErrorKind::bad_request, "--random-thresholds",
                fmt::format("needs maps that Canny takes from the pictures; those of {} are {}",
                            pairs.description(),
                            pairs.takes_maps() ? fmt::format("of the kind `{}`", pairs.control())
                                               : "there already: take them out of the data"));
  }
  if (o.random_crop && !pairs.sizes_differ()) {
    throw Error(ErrorKind::bad_request, "--random-crop",
                fmt::format("has nothing to cut: the pictures of {} are drawn in the size that is "
                            "asked for",
                            pairs.description()));
  }
}

Augmentation draw_augmentation(const AugmentOptions& o, int64_t seed, int64_t step,
                               int64_t number) {
  const auto key = [&](AugmentPurpose purpose) {
    return mixed_key({purpose, static_cast<uint64_t>(seed), static_cast<uint64_t>(step),
                      static_cast<uint64_t>(number)});
  };
  const auto uniform = [&](AugmentPurpose purpose) {
    return static_cast<double>(key(purpose) >> 11) * 0x1p-53;
  };
  Augmentation a;
  a.phrasing = key(kPhrasing);
  if (o.random_crop) {
    a.x = uniform(kCropX);
    a.y = uniform(kCropY);
  }
  a.flip = o.flip && uniform(kFlip) < 0.5;
  if (o.random_canny) {
    // Around the annotator's 100 and 200. The paper (arXiv 2302.05543, 3.1) says "random
    // thresholds" and no more.
    ToyRandom random(key(kCanny));
    a.canny_low = static_cast<int>(random.range(40, 160));
    a.canny_high = static_cast<int>(static_cast<float>(a.canny_low) * random.range(1.5f, 3));
  }
  a.no_prompt = uniform(kPromptDropout) < o.prompt_dropout;
  a.tag_dropout = o.tag_dropout;
  a.tag_key = key(kTagDropout);
  a.no_hint = uniform(kHintDropout) < o.hint_dropout;
  a.noise = o.hint_noise * uniform(kHintNoise);
  a.noise_key = mixed_key({key(kHintNoise)});
  a.blur = o.hint_blur * uniform(kHintBlur);
  return a;
}

PairCut cut_of(const Augmentation& a, ImageSize size) {
  return {.size = size,
          .x = a.x,
          .y = a.y,
          .flip = a.flip,
          .canny_low = a.canny_low,
          .canny_high = a.canny_high};
}

std::string augmented_prompt(const std::string& prompt, const Augmentation& a) {
  if (a.no_prompt) return "";
  const std::string thinned =
      a.tag_dropout > 0 ? thinned_tags(prompt, a.tag_dropout, a.tag_key) : prompt;
  return a.flip ? left_and_right_exchanged(thinned) : thinned;
}

void augment_hint(Image& hint, const Augmentation& a) {
  if (hint.empty()) return;
  if (a.no_hint) {
    std::fill(hint.pixels.begin(), hint.pixels.end(), uint8_t{0});
    return;
  }
  constexpr double kVisibleBlur = 0.1;  // below, the neighbours of a pixel weigh nothing
  if (a.blur > kVisibleBlur) blur_hint(hint, a.blur);
  if (a.noise > 0) add_noise(hint, a.noise, a.noise_key);
}

Image cut_image(const Image& image, const PairCut& cut, bool nearest) {
  ZC_BUG_IF(image.empty() || cut.size.width < 1 || cut.size.height < 1);
  Image result = taken(image, window_of({image.width, image.height}, cut), cut.size, nearest);
  if (cut.flip) mirror(result);
  return result;
}

Pair cut_pair(const Image& target, const Image& hint, const PairCut& cut,
              const std::string& control, const std::string& where) {
  Pair pair;
  pair.target = cut_image(target, cut);
  if (hint.empty()) return pair;
  const ImageSize picture = {target.width, target.height}, map = {hint.width, hint.height};
  const double ratio = static_cast<double>(picture.width) * map.height /
                       (static_cast<double>(picture.height) * map.width);
  if (std::abs(ratio - 1) > kMaxShapeDifference) {
    throw Error(ErrorKind::bad_file, where,
                fmt::format("is {} x {} pixels and its map {} x {}: not the same shape",
                            picture.width, picture.height, map.width, map.height));
  }
  const CutWindow window = scaled_window(window_of(picture, cut), picture, map);
  pair.hint = taken(hint, window, cut.size, shows_classes(control));
  if (cut.flip) mirror_map(pair.hint, control);
  return pair;
}

void mirror(Image& image) {
  for (int y = 0; y < image.height; ++y) {
    for (int left = 0, right = image.width - 1; left < right; ++left, --right)
      std::swap_ranges(image.at(left, y), image.at(left, y) + image.channels, image.at(right, y));
  }
}

void mirror_map(Image& map, const std::string& control) {
  if (shows_people(control)) throw no_mirrored_people(ErrorKind::unsupported, control);
  mirror(map);
  if (!shows_normals(control)) return;
  for (size_t i = 0; i < map.pixels.size(); i += static_cast<size_t>(map.channels))
    map.pixels[i] = static_cast<uint8_t>(255 - map.pixels[i]);
}

}  // namespace zc
