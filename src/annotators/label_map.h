// SPDX-License-Identifier: Apache-2.0
// Pictures of class numbers: their files, and their colours.
#pragma once

#include <filesystem>

#include "base/options.h"
#include "image/image.h"

namespace zc {

struct LabelOptions {
  int first = 0;
};

template <OptionsOf<LabelOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("first", o.first, Range{0, 1},
        "number of the class wall: 0 as in maps of seg, 1 as in ADE20K's own files, where 0 is "
        "none and becomes black");
}

// Class numbers (of more channels, the first counts) in ADE20K's colours, RGB. Throws bad_request
// with `label` as where, naming the pixel, for a number that is no class.
Image ade20k_colored(const Image& labels, const LabelOptions& options = {});

// One channel: the indices of an indexed PNG, the levels of an 8-bit grey one. Throws bad_request
// for other pictures, whose colours may have been mixed already; bad_file, not_found, io as
// load_image.
Image load_label_map(const std::filesystem::path& path);

// Labels 0..149, one channel. A PNG is indexed, with ADE20K's palette: it shows the colours, and
// holds the numbers. Other endings get the colours alone. Throws as save_image.
void save_label_map(const std::filesystem::path& path, const Image& labels);

}  // namespace zc
