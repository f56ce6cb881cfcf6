// SPDX-License-Identifier: Apache-2.0
// Toy world's palettes: light and sky for each time of day, and the paints behind the colour words.
#pragma once

#include "training/toyworld.h"
#include "training/toyworld_math.h"

namespace zc {

// Colours of light are linear, colours of the sky are display values.
struct ToyLight {
  ToyVec sun, sky, bounce;  // direct light, ambient from above, ambient from below
  ToyVec zenith, middle, horizon;
  ToyVec haze;  // linear; where distance fades to
  ToyVec cloud_top, cloud_bottom;
  ToyVec disc, halo;    // sun or moon
  float haze_distance;  // metres at which half is haze
};

const ToyLight& toy_light(ToyTime time);

// Linear albedo of a colour word.
ToyVec toy_paint(ToyColour colour);
// The same, a little lighter or darker as `amount` in -1..1 says, hue kept.
ToyVec toy_paint(ToyColour colour, float amount);

struct ToyGroundPaint {
  ToyVec near, far;  // linear albedo
  ToyVec hill;       // hills of the same land
  ToyVec road, line, path;
  uint8_t label;  // ADE20K
};
const ToyGroundPaint& toy_ground_paint(ToyGround ground);

// The light that leaves a matt surface; `openness` 0..1 dims the ambient light near the ground.
ToyVec toy_shade(const ToyLight& light, ToyVec to_light, ToyVec albedo, ToyVec normal,
                 float openness);

// Haze between the eye and something `distance` metres away.
ToyVec toy_hazed(const ToyLight& light, ToyVec linear, float distance);

// Display value is the square root: near enough to sRGB and exact on every machine.
inline ToyVec to_display(ToyVec linear) {
  return {std::sqrt(clamp01(linear.x)), std::sqrt(clamp01(linear.y)), std::sqrt(clamp01(linear.z))};
}
inline ToyVec to_linear(ToyVec display) {
  return display * display;
}

}  // namespace zc
