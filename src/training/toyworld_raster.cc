// SPDX-License-Identifier: Apache-2.0
#include "training/toyworld_raster.h"

namespace zc {

ToyCamera::ToyCamera(const ToyScene& scene, int w, int h, int samples)
    : width(w * samples), height(h * samples) {
  auto side = static_cast<float>(std::min(width, height));
  focal = scene.focal * side;
  middle_x = static_cast<float>(width) * 0.5f;
  horizon_y = static_cast<float>(height) * 0.5f + (scene.horizon - 0.5f) * side;
  eye = scene.camera_height;
}

ToyClipped clip_near(const std::array<ToyVec, 3>& corners) {
  const ToyVec units[3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
  ToyClipped out;
  for (int i = 0; i < 3; ++i) {
    int j = (i + 1) % 3;
    bool here = corners[i].z >= kToyNear;
    bool there = corners[j].z >= kToyNear;
    if (here) {
      out.at[out.count] = corners[i];
      out.weights[out.count++] = units[i];
    }
    if (here != there) {
      float t = (kToyNear - corners[i].z) / (corners[j].z - corners[i].z);
      out.at[out.count] = mix(corners[i], corners[j], t);
      out.at[out.count].z = kToyNear;
      out.weights[out.count++] = mix(units[i], units[j], t);
    }
  }
  return out;
}

}  // namespace zc
