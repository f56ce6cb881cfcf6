// SPDX-License-Identifier: Apache-2.0
// Pictures in the formats that clients ask for, with the infotext where each format keeps it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "image/codec.h"
#include "image/image.h"

namespace zc {

// "png", "jpg", "jpeg", "webp" in any case.
std::optional<ImageFormat> webui_format(std::string_view name);

// PNG: text `parameters`. JPEG and WebP: EXIF UserComment, "UNICODE\0" and UTF-16 with the high
// byte first and no mark, as the web UI writes it. An empty text is left out, and so is one that is
// too long for JPEG's EXIF (about 32,000 characters). Throws unsupported for WebP where the build
// has none.
std::string encode_with_infotext(const Image& image, ImageFormat format, int quality,
                                 std::string_view infotext);

// An EXIF block (TIFF, without "Exif\0\0") with this comment.
std::string exif_with_comment(std::string_view comment);

}  // namespace zc
