// SPDX-License-Identifier: Apache-2.0
// The exact maps of a toy world scene.
#pragma once

#include "training/toyworld_mesh.h"

namespace zc {

// Fills every map of `render`, at the size of its picture.
void add_maps(const ToyScene& scene, const ToyMesh& mesh, ToyRender& render);

}  // namespace zc
