// SPDX-License-Identifier: Apache-2.0
// Edges by thresholds (the reference's annotator/canny).
#pragma once

#include <string_view>

#include "base/options.h"
#include "image/image.h"

namespace zc {

// Edges whose gradient is above `high` start a line, those above `low` continue it; swapped when
// low > high.
struct CannyOptions {
  int low_threshold = 100;
  int high_threshold = 200;
};

template <OptionsOf<CannyOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("low", o.low_threshold, Range{0, 10000}, "gradient above which an edge goes on");
  visit("high", o.high_threshold, Range{0, 10000}, "gradient above which an edge begins");
}

// White edges on black, one channel, the size of `image`. Of the three channels, the one with the
// strongest gradient counts; grey is repeated and alpha laid over white first.
Image canny(const Image& image, const CannyOptions& options = {});

}  // namespace zc
