// SPDX-License-Identifier: Apache-2.0
// The circles of Fill50K, drawn anew: a ring to fill with one named colour before another.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "image/image.h"

namespace zc {

struct CssColour {
  std::string_view name;  // in words, "light sea green"
  uint8_t r, g, b;
};

// The 140 named colours of CSS, in alphabetical order; two pairs of names mean the same colour.
std::span<const CssColour> css_colours();

struct CirclePair {
  Image source;        // black with one white ring, not anti-aliased
  Image target;        // the disc inside the ring, on a flat background
  std::string prompt;  // "<colour> circle with <colour> background"
  CssColour disc, background;
  // Pixels of this size; the middle of the first pixel is 0.5.
  double centre_x = 0, centre_y = 0, radius = 0;
};

// The same seed gives the same bytes on every machine. At size 512: radius 64..256, centre
// 128..384, ring 4 wide; other sizes (16..4096, else bad_request) show the same picture scaled.
CirclePair sample_circle(uint64_t seed, int size = 512);

}  // namespace zc
