// SPDX-License-Identifier: Apache-2.0
// Toy world's camera and its exact-coverage triangle rasteriser.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "training/toyworld.h"
#include "training/toyworld_math.h"

namespace zc {

// Looks along z with the horizon level; a shifted lens, not a tilted one, so that verticals stay
// vertical.
struct ToyCamera {
  int width, height;
  float focal;      // pixels
  float middle_x;   // pixels
  float horizon_y;  // pixels
  float eye;        // metres above the ground

  ToyCamera(const ToyScene& scene, int w, int h, int samples = 1);

  // Pixels and 1 / z.
  ToyVec project(ToyVec p) const {
    float inverse = 1 / p.z;
    return {middle_x + focal * p.x * inverse, horizon_y - focal * (p.y - eye) * inverse, inverse};
  }
  // 1 / z of the ground in the row through `y`; not positive at and above the horizon.
  float ground_inverse_depth(float y) const { return (y - horizon_y) / (focal * eye); }
};

constexpr float kToyNear = 0.5f;  // metres; what is nearer is cut off

// The weights of the second and third corner, 1/z and the sample's place.
struct ToySample {
  int x, y;
  float w1, w2;
  float inverse_depth;
};

// Calls emit(ToySample) for each pixel middle inside the projected triangle. Corners are snapped to
// 1/16 pixel and the edge functions are integers, so neighbours leave no gap and every machine
// finds the same pixels.
template <class Emit>
void raster_projected(const std::array<ToyVec, 3>& p, int width, int height, Emit&& emit) {
  constexpr int kOne = 16;
  int64_t x[3], y[3];
  for (int i = 0; i < 3; ++i) {
    // The limit only keeps the products inside 64 bits.
    x[i] = static_cast<int64_t>(std::floor(std::clamp(p[i].x, -1e6f, 1e6f) * kOne + 0.5f));
    y[i] = static_cast<int64_t>(std::floor(std::clamp(p[i].y, -1e6f, 1e6f) * kOne + 0.5f));
  }
  int64_t area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]);
  if (area == 0) return;
  int64_t sign = area < 0 ? -1 : 1;
  auto first_pixel = [](int64_t v) { return (v - kOne / 2 + kOne - 1) >> 4; };
  auto last_pixel = [](int64_t v) { return (v - kOne / 2) >> 4; };
  int64_t x_low = std::max<int64_t>(0, first_pixel(std::min({x[0], x[1], x[2]})));
  int64_t x_high = std::min<int64_t>(width - 1, last_pixel(std::max({x[0], x[1], x[2]})));
  int64_t y_low = std::max<int64_t>(0, first_pixel(std::min({y[0], y[1], y[2]})));
  int64_t y_high = std::min<int64_t>(height - 1, last_pixel(std::max({y[0], y[1], y[2]})));
  if (x_low > x_high || y_low > y_high) return;

  float scale = 1 / static_cast<float>(area * sign);
  int64_t step_x[3], step_y[3], row[3];
  for (int i = 0; i < 3; ++i) {
    int a = (i + 1) % 3;
    int b = (i + 2) % 3;
    int64_t px = x_low * kOne + kOne / 2;
    int64_t py = y_low * kOne + kOne / 2;
    row[i] = sign * ((x[b] - x[a]) * (py - y[a]) - (y[b] - y[a]) * (px - x[a]));
    step_x[i] = -sign * (y[b] - y[a]) * kOne;
    step_y[i] = sign * (x[b] - x[a]) * kOne;
  }
  float d1 = p[1].z - p[0].z;
  float d2 = p[2].z - p[0].z;
  for (int64_t py = y_low; py <= y_high; ++py) {
    int64_t e0 = row[0], e1 = row[1], e2 = row[2];
    bool entered = false;
    for (int64_t px = x_low; px <= x_high; ++px) {
      if ((e0 | e1 | e2) >= 0) {
        entered = true;
        float w1 = static_cast<float>(e1) * scale;
        float w2 = static_cast<float>(e2) * scale;
        emit(ToySample{static_cast<int>(px), static_cast<int>(py), w1, w2,
                       p[0].z + w1 * d1 + w2 * d2});
      } else if (entered) {
        break;
      }
      e0 += step_x[0];
      e1 += step_x[1];
      e2 += step_x[2];
    }
    for (int i = 0; i < 3; ++i) row[i] += step_y[i];
  }
}

// A polygon cut at the near plane: each corner is a mixture of the triangle's corners.
struct ToyClipped {
  int count = 0;
  std::array<ToyVec, 4> at;
  std::array<ToyVec, 4> weights;  // of the triangle's three corners
};
ToyClipped clip_near(const std::array<ToyVec, 3>& corners);

// Projects and rasters a triangle given in the world. emit gets (sample, weights of the three
// corners).
template <class Emit>
void raster_triangle(const ToyCamera& camera, const std::array<ToyVec, 3>& corners, Emit&& emit) {
  if (corners[0].z >= kToyNear && corners[1].z >= kToyNear && corners[2].z >= kToyNear) {
    raster_projected(
        {camera.project(corners[0]), camera.project(corners[1]), camera.project(corners[2])},
        camera.width, camera.height,
        [&](const ToySample& s) { emit(s, ToyVec{1 - s.w1 - s.w2, s.w1, s.w2}); });
    return;
  }
  ToyClipped clipped = clip_near(corners);
  for (int i = 1; i + 1 < clipped.count; ++i) {
    raster_projected({camera.project(clipped.at[0]), camera.project(clipped.at[i]),
                      camera.project(clipped.at[i + 1])},
                     camera.width, camera.height, [&](const ToySample& s) {
                       emit(s, clipped.weights[0] * (1 - s.w1 - s.w2) + clipped.weights[i] * s.w1 +
                                   clipped.weights[i + 1] * s.w2);
                     });
  }
}

}  // namespace zc
