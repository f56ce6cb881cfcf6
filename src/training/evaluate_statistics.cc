// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <vector>

#include "base/error.h"

namespace zc {

Estimate estimate(std::span<const double> values) {
  Estimate e{.mean = 0, .spread = 0, .error = 0, .scenes = static_cast<int64_t>(values.size())};
  if (values.empty()) return e;
  const auto n = static_cast<double>(values.size());
  for (const double value : values) e.mean += value / n;
  if (values.size() < 2) return e;
  double squares = 0;
  for (const double value : values) squares += (value - e.mean) * (value - e.mean);
  e.spread = std::sqrt(squares / (n - 1));
  e.error = e.spread / std::sqrt(n);
  return e;
}

Estimate estimate_difference(std::span<const double> a, std::span<const double> b) {
  ZC_BUG_IF(a.size() != b.size());
  std::vector<double> differences(a.size());
  std::ranges::transform(b, a, differences.begin(), std::minus<>());
  return estimate(differences);
}

Share share_of_the_way(std::span<const double> values, std::span<const double> baselines,
                       std::span<const double> ceilings) {
  ZC_BUG_IF(values.size() != baselines.size() || values.size() != ceilings.size());
  const double way = estimate_difference(baselines, ceilings).mean;
  if (way == 0) return {};
  Share share{.value = estimate_difference(baselines, values).mean / way, .error = 0};
  // The ratio's change with each scene, to first order: what the scene went minus what it should
  // have gone at this share.
  std::vector<double> pulls(values.size());
  for (size_t i = 0; i < pulls.size(); ++i) {
    const double went = values[i] - baselines[i], could = ceilings[i] - baselines[i];
    pulls[i] = (went - share.value * could) / way;
  }
  share.error = estimate(pulls).error;
  return share;
}

}  // namespace zc
