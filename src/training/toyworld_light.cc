// SPDX-License-Identifier: Apache-2.0
#include "training/toyworld_light.h"

#include <array>

namespace zc {
namespace {

ToyVec squared(float r, float g, float b) {
  return {r * r, g * g, b * b};
}

std::array<ToyLight, 4> make_lights() {
  ToyLight morning = {.sun = {0.92f, 0.80f, 0.60f},
                      .sky = {0.40f, 0.46f, 0.54f},
                      .bounce = {0.26f, 0.25f, 0.22f},
                      .zenith = {0.53f, 0.76f, 0.90f},
                      .middle = {0.80f, 0.89f, 0.90f},
                      .horizon = {1.0f, 0.91f, 0.74f},
                      .haze = squared(0.95f, 0.90f, 0.80f),
                      .cloud_top = {1.0f, 0.98f, 0.93f},
                      .cloud_bottom = {0.96f, 0.86f, 0.80f},
                      .disc = {1.0f, 0.97f, 0.80f},
                      .halo = {1.0f, 0.90f, 0.62f},
                      .haze_distance = 85};
  ToyLight noon = {.sun = {0.98f, 0.95f, 0.87f},
                   .sky = {0.42f, 0.47f, 0.55f},
                   .bounce = {0.27f, 0.27f, 0.25f},
                   .zenith = {0.18f, 0.50f, 0.90f},
                   .middle = {0.44f, 0.73f, 0.96f},
                   .horizon = {0.80f, 0.92f, 0.98f},
                   .haze = squared(0.74f, 0.87f, 0.96f),
                   .cloud_top = {1.0f, 1.0f, 1.0f},
                   .cloud_bottom = {0.84f, 0.90f, 0.96f},
                   .disc = {1.0f, 1.0f, 0.88f},
                   .halo = {1.0f, 0.98f, 0.86f},
                   .haze_distance = 130};
  ToyLight sunset = {.sun = {1.05f, 0.66f, 0.38f},
                     .sky = {0.38f, 0.32f, 0.42f},
                     .bounce = {0.27f, 0.20f, 0.20f},
                     .zenith = {0.33f, 0.27f, 0.55f},
                     .middle = {0.86f, 0.44f, 0.47f},
                     .horizon = {1.0f, 0.73f, 0.38f},
                     .haze = squared(0.96f, 0.64f, 0.46f),
                     .cloud_top = {0.98f, 0.66f, 0.56f},
                     .cloud_bottom = {0.62f, 0.38f, 0.56f},
                     .disc = {1.0f, 0.88f, 0.56f},
                     .halo = {1.0f, 0.70f, 0.34f},
                     .haze_distance = 95};
  ToyLight night = {.sun = {0.36f, 0.39f, 0.50f},
                    .sky = {0.20f, 0.22f, 0.31f},
                    .bounce = {0.13f, 0.14f, 0.18f},
                    .zenith = {0.04f, 0.06f, 0.18f},
                    .middle = {0.08f, 0.12f, 0.30f},
                    .horizon = {0.17f, 0.25f, 0.45f},
                    .haze = squared(0.15f, 0.21f, 0.38f),
                    .cloud_top = {0.25f, 0.31f, 0.48f},
                    .cloud_bottom = {0.12f, 0.16f, 0.32f},
                    .disc = {0.98f, 0.97f, 0.88f},
                    .halo = {0.42f, 0.50f, 0.70f},
                    .haze_distance = 100};
  return {morning, noon, sunset, night};
}

std::array<ToyGroundPaint, 3> make_grounds() {
  ToyGroundPaint grass = {.near = squared(0.42f, 0.66f, 0.27f),
                          .far = squared(0.60f, 0.77f, 0.38f),
                          .hill = squared(0.36f, 0.62f, 0.36f),
                          .road = squared(0.42f, 0.42f, 0.46f),
                          .line = squared(0.93f, 0.92f, 0.86f),
                          .path = squared(0.82f, 0.70f, 0.50f),
                          .label = 9};
  ToyGroundPaint sand = {.near = squared(0.82f, 0.66f, 0.40f),
                         .far = squared(0.87f, 0.74f, 0.50f),
                         .hill = squared(0.84f, 0.66f, 0.42f),
                         .road = squared(0.44f, 0.42f, 0.44f),
                         .line = squared(0.95f, 0.94f, 0.88f),
                         .path = squared(0.70f, 0.54f, 0.36f),
                         .label = 46};
  // ADE20K has no snow; 13, earth and ground, is what its annotators give bare land.
  ToyGroundPaint snow = {.near = squared(0.80f, 0.85f, 0.91f),
                         .far = squared(0.85f, 0.88f, 0.92f),
                         .hill = squared(0.78f, 0.84f, 0.93f),
                         .road = squared(0.40f, 0.42f, 0.47f),
                         .line = squared(0.93f, 0.92f, 0.88f),
                         .path = squared(0.68f, 0.60f, 0.54f),
                         .label = 13};
  return {grass, sand, snow};
}

}  // namespace

const ToyLight& toy_light(ToyTime time) {
  static const std::array<ToyLight, 4> lights = make_lights();
  return lights[static_cast<size_t>(time)];
}

const ToyGroundPaint& toy_ground_paint(ToyGround ground) {
  static const std::array<ToyGroundPaint, 3> grounds = make_grounds();
  return grounds[static_cast<size_t>(ground)];
}

ToyVec toy_paint(ToyColour colour) {
  switch (colour) {
    case ToyColour::red:
      return squared(0.86f, 0.15f, 0.13f);
    case ToyColour::orange:
      return squared(0.96f, 0.48f, 0.08f);
    case ToyColour::yellow:
      return squared(0.97f, 0.84f, 0.16f);
    case ToyColour::green:
      return squared(0.18f, 0.58f, 0.27f);
    case ToyColour::blue:
      return squared(0.15f, 0.38f, 0.84f);
    case ToyColour::purple:
      return squared(0.50f, 0.22f, 0.70f);
    case ToyColour::pink:
      return squared(0.96f, 0.56f, 0.70f);
    case ToyColour::white:
      return squared(0.93f, 0.93f, 0.92f);
    case ToyColour::black:
      return squared(0.14f, 0.14f, 0.16f);
    case ToyColour::brown:
      return squared(0.47f, 0.30f, 0.19f);
    case ToyColour::grey:
      return squared(0.56f, 0.57f, 0.60f);
  }
  return {};
}

ToyVec toy_paint(ToyColour colour, float amount) {
  ToyVec paint = toy_paint(colour);
  return amount >= 0 ? mix(paint, {0.9f, 0.9f, 0.9f}, 0.06f * amount)
                     : paint * (1 + 0.22f * amount);
}

ToyVec toy_shade(const ToyLight& light, ToyVec to_light, ToyVec albedo, ToyVec normal,
                 float openness) {
  // The light wraps a little round the edge, which keeps round things soft.
  float direct = (dot(normal, to_light) + 0.12f) * (1 / 1.12f);
  ToyVec ambient = mix(light.bounce, light.sky, 0.5f + 0.5f * normal.y) * openness;
  return albedo * (ambient + light.sun * (direct > 0 ? direct : 0.0f));
}

ToyVec toy_hazed(const ToyLight& light, ToyVec linear, float distance) {
  float square = distance * distance;
  return mix(linear, light.haze, square / (square + light.haze_distance * light.haze_distance));
}

}  // namespace zc
