// SPDX-License-Identifier: Apache-2.0
// What may become an asset: pictures, people as OpenPose JSON, and archives of training pairs.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "store/store.h"

namespace zc {

// Shown in capabilities.
struct AssetLimits {
  int64_t picture_bytes = int64_t{32} << 20;
  int64_t pixels = int64_t{16} << 20;
  int64_t side = 16384;
};

struct AssetInfo {
  std::string sha;
  std::string media_type;
  int64_t width = 0;  // of a picture as it is shown, of people their canvas, 0 of an archive
  int64_t height = 0;
  int64_t bytes = 0;
};

// What the bytes are is seen from themselves, whatever they are called; a picture is decoded once,
// so that what is stored can be used. Throws ProblemError 422 image_unreadable, image_truncated or
// image_unsupported, 413 image_too_large; bad_request for JSON that shows no people.
AssetInfo look_at_asset(std::span<const uint8_t> bytes, const AssetLimits& limits = {});

// The same, and puts them into the store.
AssetInfo put_asset(Store& store, std::span<const uint8_t> bytes, const AssetLimits& limits = {});

}  // namespace zc
