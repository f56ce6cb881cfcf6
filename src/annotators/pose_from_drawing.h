// SPDX-License-Identifier: Apache-2.0
// Where the joints are in a finished map of skeletons: its drawing read back.
#pragma once

#include <optional>

#include "annotators/pose_json.h"
#include "image/image.h"

namespace zc {

// The bodies of an RGB map in one of the styles of pose_draw.h, also when it was scaled afterwards
// (to the nearest pixels or linearly): a joint is a disc of its colour, and where people are
// several the sticks between them tell whose it is. A joint that another one or a stick covers is
// missing or a little off, by its radius at most. Hands and faces are not read. Nothing when the
// map shows no joint, or is ambiguous: two joints in one place, sticks that could belong to either
// of two people, parts that could be anybody's, dots of hands, other drawings.
std::optional<PoseDocument> pose_from_drawing(const Image& map);

}  // namespace zc
