// SPDX-License-Identifier: Apache-2.0
// Aspect buckets: the sizes to which pictures of all shapes are cut, each with about as many
// pixels.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "image/resize.h"

namespace zc {

// For w = size/2 .. 2 size in steps of `unit`: w x min(2 size, floor(size^2 / w / unit) unit), both
// ways round, and the square; sorted by width. With size 512 and unit 64 these are the reference's
// (kohya-ss/sd-scripts, library/model_util.py, make_bucket_resolutions with its defaults: 256 to
// 1024, divisible by 64). unit: what the sides must be divisible by, 8 * 2^(levels of the UNet - 1)
// or more. Throws bad_request when size is smaller than unit.
std::vector<ImageSize> bucket_sizes(int size, int unit);

// The index of the one whose shape is nearest to the picture's, by the logarithm of the ratio: the
// reference takes the difference of width / height, which judges upright pictures and lying ones
// by different measures.
size_t nearest_bucket(std::span<const ImageSize> buckets, ImageSize picture);

}  // namespace zc
