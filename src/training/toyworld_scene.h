// SPDX-License-Identifier: Apache-2.0
// What toy world's scene and its painters must agree on.
#pragma once

#include "training/toyworld.h"

namespace zc {

// x of the middle of the road or path, z metres away; for ways that lead away from the camera.
float toy_way_middle(const ToyScene& scene, float z);

}  // namespace zc
