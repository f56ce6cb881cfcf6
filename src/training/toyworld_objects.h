// SPDX-License-Identifier: Apache-2.0
// Toy world's objects and background as meshes.
#pragma once

#include "training/toyworld_mesh.h"

namespace zc {

// ADE20K classes, 0-based.
enum ToyLabel : uint8_t {
  toy_sky = 2,
  toy_tree = 4,
  toy_road = 6,
  toy_grass = 9,
  toy_person = 12,
  toy_earth = 13,
  toy_mountain = 16,
  toy_plant = 17,
  toy_car = 20,
  toy_house = 25,
  toy_fence = 32,
  toy_box = 41,
  toy_sand = 46,
  toy_path = 52,
  toy_hill = 68
};

ToyFrame frame_of(const ToyObject& object);

void add_house(ToyMesh& mesh, const ToyObject& object, uint8_t id, bool lamps_on);
void add_tree(ToyMesh& mesh, const ToyObject& object, uint8_t id);
void add_car(ToyMesh& mesh, const ToyObject& object, uint8_t id, bool lamps_on);
void add_figure(ToyMesh& mesh, const ToyObject& object, uint8_t id);

// The 18 joints of a figure in the world, in OpenPose's order.
std::array<ToyVec, 18> figure_joints(const ToyObject& object);

// Everything of the scene that stands on the ground, in one mesh.
ToyMesh build_mesh(const ToyScene& scene);

}  // namespace zc
