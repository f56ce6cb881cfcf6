// SPDX-License-Identifier: Apache-2.0
// How different two colours look: CIE L*a*b* and the CIEDE2000 formula.
#pragma once

#include <array>

#include "image/image.h"

namespace zc {

struct LabColour {
  double lightness = 0;  // L*, 0 to 100
  double a = 0, b = 0;   // green to red, blue to yellow
};

// Of an sRGB colour, each channel 0 to 255, white point D65 (IEC 61966-2-1).
LabColour lab_colour(const std::array<double, 3>& srgb);

// CIEDE2000 with all three weights 1: 0 for the same colour, about 1 where a difference begins to
// be seen, 100 from black to white. Sharma, Wu, Dalal: The CIEDE2000 Color-Difference Formula,
// Color Research and Application 30 (2005), whose numbers of equations the comments name.
double ciede2000(const LabColour& x, const LabColour& y);

// Mean over the pixels of two RGB pictures of one size.
double mean_colour_difference(const Image& a, const Image& b);

}  // namespace zc
