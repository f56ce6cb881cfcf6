// SPDX-License-Identifier: Apache-2.0
#include "annotators/padded_image.h"

#include <algorithm>

#include "base/error.h"

namespace zc {

Image padded(const Image& image, int least, int multiple) {
  ZC_BUG_IF(image.empty() || least < 1 || multiple < 1);
  const auto side = [&](int length) {
    const int wanted = std::max(length, least);
    return (wanted + multiple - 1) / multiple * multiple;
  };
  if (side(image.width) == image.width && side(image.height) == image.height) return image;
  Image result(side(image.width), side(image.height), image.channels);
  for (int y = 0; y < result.height; ++y) {
    const int from = std::min(y, image.height - 1);
    std::copy_n(image.row(from), static_cast<size_t>(image.width) * image.channels, result.row(y));
    for (int x = image.width; x < result.width; ++x) {
      std::copy_n(image.at(image.width - 1, from), image.channels, result.at(x, y));
    }
  }
  return result;
}

}  // namespace zc
