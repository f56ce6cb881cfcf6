// SPDX-License-Identifier: Apache-2.0
// Scenes of toy world that training never drew, chosen so that each shows what is measured on it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "annotators/pose_json.h"
#include "base/task.h"
#include "training/toyworld.h"

namespace zc {

// The nine conditions in the order of the original's apps: canny mlsd hed scribble fake_scribble
// openpose seg depth normal.
const std::vector<std::string>& measured_conditions();
// Whose ControlNet a condition uses: fake_scribble has scribble's, all others their own.
std::string control_of_condition(const std::string& condition);
// Throws unsupported for a name that is not in the list, naming those that are.
void require_measured_condition(const std::string& condition);

struct UnseenScene {
  int64_t number = 0;  // among the unseen ones; also the seed of its pictures' noise
  ToyScene scene;
  ToyRender truth;
};
UnseenScene unseen_scene(int64_t number, int size);

// The visible joints of its figures, in pixels of the picture.
PoseDocument toy_people(const ToyRender& render);

// Whether there is something to obey: for openpose a person whose limbs and trunk are all visible,
// at least an eighth of the picture tall or wide; for kinds of lines white on one pixel in two
// hundred; for others something on one pixel in twenty that is not the map's commonest colour.
// Where nothing is wanted, a picture would agree by showing nothing.
bool shows_condition(const ToyRender& truth, const std::string& condition);

// The numbers of the first `count` scenes from `first` on that show all of these conditions. Throws
// cancelled; unsupported when next to no scene does.
std::vector<int64_t> scenes_that_show(std::span<const std::string> conditions, int64_t first,
                                      int64_t count, int size, const TaskContext& task);

}  // namespace zc
