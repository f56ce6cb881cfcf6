// SPDX-License-Identifier: Apache-2.0
// The control maps of a toy world scene, drawn from its exact ground truth as the annotators would
// draw them.
#pragma once

#include <string>
#include <vector>

#include "image/image.h"
#include "training/toyworld.h"

namespace zc {

// The kinds in the order of the original's apps: canny mlsd hed scribble openpose seg depth normal.
const std::vector<std::string>& toy_hint_kinds();

// Throws unsupported for a kind that is not in the list, naming those that are.
void require_toy_hint_kind(const std::string& kind);

// Whether toy_hint looks at more than the picture.
bool toy_hint_needs_maps(const std::string& kind);

// The map of one kind as RGB, the size of render.rgb. Throws as require_toy_hint_kind.
Image toy_hint(const ToyRender& render, const std::string& kind);

}  // namespace zc
