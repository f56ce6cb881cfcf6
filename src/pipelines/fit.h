// SPDX-License-Identifier: Apache-2.0
// Resize modes: how control images of another aspect than the picture are brought to its size
// (sd-webui-controlnet, scripts/controlnet.py, detectmap_proc).
#pragma once

#include <optional>

#include "annotators/pose_json.h"
#include "image/image.h"
#include "image/resize.h"
#include "pipelines/request.h"

namespace zc {

// Where the whole image lies: scaled to `inner`, its top left corner at (x, y) of the target, which
// is negative where something is cut off.
struct Placement {
  ImageSize inner;
  int x = 0, y = 0;
  bool operator==(const Placement&) const = default;
};

// `automatic` is as `just`. Sides of `whole` and `target` are at least 1.
Placement place(ImageSize whole, ImageSize target, ControlResize resize);

// A picture of size placement.inner at its place, the rest in the colour of its border (the median
// of each channel).
Image placed(const Image& inner, ImageSize target, const Placement& placement);

// People on a canvas of any size, at their place.
PoseDocument placed_pose(PoseDocument people, ImageSize target, const Placement& placement);

// A finished map, scaled as its pixels want it: few colours to the nearest ones, others by area or
// cubically, and black and white stays that; or by `interpolation`.
Image fitted_map(const Image& map, ImageSize target, ControlResize resize,
                 std::optional<Interpolation> interpolation = std::nullopt);

// What an annotator looks at, and where its map then lies.
struct FittedPhoto {
  Image photo;          // its map may be of another size than placement.inner
  Placement placement;  // `inner` is the target for all but `fill`
};
// RGB, for one of the modes that are not automatic. `smooth`: linearly, for maps that are the
// picture itself.
FittedPhoto fitted_photo(const Image& rgb, ImageSize target, ControlResize resize, bool smooth);

}  // namespace zc
