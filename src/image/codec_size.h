// SPDX-License-Identifier: Apache-2.0
// The size of an image file without decoding it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "image/resize.h"

namespace zc {

// The size that decode_image gives, read from the file's header (EXIF orientation included, but not
// one that a PNG keeps behind its pixels). Damage behind the header is not noticed. Throws as
// decode_image.
ImageSize image_size_of(std::span<const uint8_t> bytes, const std::string& name);

}  // namespace zc
