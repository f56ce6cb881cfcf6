// SPDX-License-Identifier: Apache-2.0
#include "training/buckets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/error.h"

namespace zc {
namespace {

double log_aspect(ImageSize size) {
  return std::log(static_cast<double>(size.width) / size.height);
}

}  // namespace

std::vector<ImageSize> bucket_sizes(int size, int unit) {
  ZC_BUG_IF(unit < 1);
  if (size < unit) {
    throw Error(ErrorKind::bad_request, "--size",
                fmt::format("is {}, buckets of this model need at least {}", size, unit));
  }
  const auto rounded = [&](int64_t side) { return static_cast<int>(side / unit * unit); };
  const int64_t area = int64_t{size} * size;
  const int smallest = std::max(unit, rounded(size / 2)), largest = rounded(2 * size);
  std::vector<ImageSize> sizes = {{rounded(size), rounded(size)}};
  for (int width = smallest; width <= largest; width += unit) {
    const int height = std::min(largest, rounded(area / width));
    if (height < smallest) continue;
    sizes.push_back({width, height});
    sizes.push_back({height, width});
  }
  const auto by_width = [](ImageSize a, ImageSize b) {
    return a.width != b.width ? a.width < b.width : a.height < b.height;
  };
  std::sort(sizes.begin(), sizes.end(), by_width);
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  return sizes;
}

size_t nearest_bucket(std::span<const ImageSize> buckets, ImageSize picture) {
  ZC_BUG_IF(buckets.empty() || picture.width < 1 || picture.height < 1);
  const double wanted = log_aspect(picture);
  size_t best = 0;
  for (size_t i = 1; i < buckets.size(); ++i) {
    if (std::abs(log_aspect(buckets[i]) - wanted) < std::abs(log_aspect(buckets[best]) - wanted))
      best = i;
  }
  return best;
}

}  // namespace zc
