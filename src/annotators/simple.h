// SPDX-License-Identifier: Apache-2.0
// The preprocessors of AUTOMATIC1111's ControlNet extension that need no network. Names, defaults
// and ranges of the parameters are those of its sliders.
#pragma once

#include "base/options.h"
#include "image/image.h"

namespace zc {

struct ScribbleXdogOptions {
  double xdog_threshold = 32;
};

template <OptionsOf<ScribbleXdogOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("xdog_threshold", o.xdog_threshold, Range{1, 64}, "fewer and thinner strokes when higher");
}

// White strokes on black, one channel, where all three channels are darker than their surroundings.
Image scribble_xdog(const Image& image, const ScribbleXdogOptions& options = {});

struct ThresholdOptions {
  int binarization_threshold = 127;
};

template <OptionsOf<ThresholdOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("binarization_threshold", o.binarization_threshold, Range{0, 255},
        "white where all channels are above it");
}

// Black and white, one channel.
Image threshold_map(const Image& image, const ThresholdOptions& options = {});

struct BlurGaussianOptions {
  double sigma = 9.0;
};

template <OptionsOf<BlurGaussianOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("sigma", o.sigma, Range{0.01, 64}, "deviation of the blur in pixels");
}

// RGB, borders mirrored.
Image blur_gaussian(const Image& image, const BlurGaussianOptions& options = {});

struct RecolorOptions {
  double gamma_correction = 1.0;
};

template <OptionsOf<RecolorOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("gamma_correction", o.gamma_correction, Range{0.1, 2.0}, "darker when above 1");
}

// One channel: CIE L* with red and blue exchanged, which the extension reads as BGR and with which
// its models are used, to the power of gamma.
Image recolor_luminance(const Image& image, const RecolorOptions& options = {});
// One channel: the strongest of red, green and blue, to the power of gamma.
Image recolor_intensity(const Image& image, const RecolorOptions& options = {});

struct InvertOptions {};

template <OptionsOf<InvertOptions> O, class Visitor>
void for_each_field(O&, Visitor&&) {}

// RGB, 255 - x: dark lines on white become white lines on black.
Image inverted(const Image& image, const InvertOptions& options = {});

struct TileResampleOptions {
  double down_sampling_rate = 1.0;
};

template <OptionsOf<TileResampleOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("down_sampling_rate", o.down_sampling_rate, Range{1.0, 8.0},
        "how many times smaller the picture becomes; below 1.1 it stays as it is");
}

// RGB. Throws bad_request when a side would become 0.
Image tile_resample(const Image& image, const TileResampleOptions& options = {});

// The map for tile and ip2p: the RGB picture itself at the size of resize_image, scaled linearly
// (gradio_tile.py of version 1.1).
Image tile_map(const Image& image, int resolution);

}  // namespace zc
