// SPDX-License-Identifier: Apache-2.0
// Sky, ground and cast shadows of toy world: what lies behind and under the meshes.
#pragma once

#include <cstdint>
#include <vector>

#include "training/toyworld_mesh.h"
#include "training/toyworld_raster.h"

namespace zc {

// Display colours of all pixels, as if nothing stood on the ground and the ground had no end above
// the horizon.
std::vector<ToyVec> paint_sky(const ToyScene& scene, int width, int height);

enum class ToyFloor : uint8_t { ground, road, line, path };

// What covers the ground at each pixel of the camera; meaningless above the horizon.
std::vector<ToyFloor> paint_floor(const ToyScene& scene, const ToyCamera& camera);

// The strips of road and path in the world, as (left, right) pairs of border points from near to
// far.
struct ToyStrip {
  ToyFloor floor;
  std::vector<std::pair<ToyVec, ToyVec>> pairs;
  bool straight = true;
};
std::vector<ToyStrip> ground_strips(const ToyScene& scene);

// 0 lit .. 255 in shadow for each pixel, edges softened.
std::vector<uint8_t> paint_shadow(const ToyScene& scene, const ToyMesh& mesh,
                                  const ToyCamera& camera);

// Display colour of the ground `depth` metres away.
ToyVec ground_colour(const ToyScene& scene, ToyFloor floor, float depth, bool shadowed);

}  // namespace zc
