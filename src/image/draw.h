// SPDX-License-Identifier: Apache-2.0
// Pictures of pictures: captions and contact sheets.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "image/image.h"
#include "image/resize.h"

namespace zc {

using Color = std::array<uint8_t, 3>;

// Writes one line of ASCII with smooth edges; other characters become '?'. (x, y) is the left end
// of the base line; what lies outside the RGB image is not drawn. `height` is that of a capital
// letter in pixels.
void draw_text(Image& image, std::string_view text, int x, int y, int height, Color color);
// How wide draw_text makes it.
int text_width(std::string_view text, int height);

struct PixelPoint {
  int x = 0, y = 0;
};

// One pixel wide, hard edges, both ends included (the reference's cv2.line); parts outside the RGB
// image are not drawn.
void draw_line(Image& image, PixelPoint from, PixelPoint to, Color color);

struct ContactSheetOptions {
  int columns = 3;
  int gap = 16;  // between pictures and around them
  int caption_height =
      11;  // of a capital letter; there is no room for captions when there are none
  Color background = {24, 26, 30};
  Color ink = {222, 225, 230};
};

// The pictures in rows, each cell as large as the largest one; smaller ones are fitted in and
// centred. A caption stands under its picture, shortened when it is wider. `captions` is empty or
// has one for each image.
Image contact_sheet(std::span<const Image> images, std::span<const std::string> captions,
                    const ContactSheetOptions& options = {});

}  // namespace zc
