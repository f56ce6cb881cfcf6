// SPDX-License-Identifier: Apache-2.0
// Pictures of requests: base64 in, the web UI's ways to resize, mask, fill and crop, and back
// again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "image/image.h"
#include "image/resize.h"
#include "store/store.h"

namespace zc {

// A picture as it came.
struct WebuiPicture {
  Image image;        // decoded: RGB, or RGBA where it has transparency
  std::string bytes;  // of the file
};

// Base64 with or without "data:image/png;base64,". Throws webui_error(500, "Requests not allowed")
// for a web address, which is never fetched, webui_invalid() naming the field for what is no
// picture. A name of a file is no picture.
WebuiPicture webui_picture(std::string_view text, const std::string& field);

// As an asset: PNG, JPEG and WebP as they are.
std::string put_webui_bytes(Store& store, std::string_view bytes);
std::string put_webui_image(Store& store, const Image& image);

enum class WebuiResize { just, crop, fill };
// img2img's resize modes: stretched; scaled to cover and cut; scaled to fit in, the rest filled
// with the picture's outermost lines. RGB, or one channel for a mask.
Image webui_resized(const Image& image, ImageSize size, WebuiResize mode);

// One channel: 255 where the picture is to be made anew. The alpha of a picture that has one, else
// its lightness.
Image webui_mask(const Image& image, bool invert);
bool is_black(const Image& mask);

// Gaussian blur of one channel; `sigma` in pixels, 0: unchanged.
Image blurred_mask(const Image& mask, double sigma);

// The picture with what the mask covers painted over with the colours around it, nearer ones more
// (the web UI's "fill").
Image filled_under_mask(const Image& rgb, const Image& mask);

// Where "only masked" works: the mask's box with `padding` pixels around it, widened to the aspect
// of `processed` as far as the picture goes.
struct WebuiRegion {
  int x = 0;
  int y = 0;
  ImageSize size;
  bool operator==(const WebuiRegion&) const = default;
};
WebuiRegion masked_region(const Image& mask, int padding, ImageSize processed);

// `made` scaled to the region and laid over the picture where the mask (of the picture's size) is
// white.
Image pasted_back(const Image& picture, const Image& made, const WebuiRegion& region,
                  const Image& mask);

}  // namespace zc
