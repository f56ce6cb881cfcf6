// SPDX-License-Identifier: Apache-2.0
// Does a picture have the colours and the time of day that its prompt names?
#pragma once

#include <cstdint>
#include <string>

#include "training/evaluate_records.h"
#include "training/evaluate_scenes.h"

namespace zc {

// A scene with a combination of kind, colour and time that training never shows, in its first
// object.
UnseenScene held_out_scene(int64_t number, int size);

// Adds `colour_<name>` and `time_<name>`, 1 or 0, of a picture that should look like the scene; the
// colour only where the scene shows the first object's body.
void judge_colours(const UnseenScene& scene, const Image& picture, const std::string& name,
                   MeasuredValues& values);

}  // namespace zc
