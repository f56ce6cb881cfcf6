// SPDX-License-Identifier: Apache-2.0
// Means of measurements over scenes, and how sure they are.
#pragma once

#include <cstdint>
#include <span>

namespace zc {

struct Estimate {
  double mean = 0;
  double spread = 0;  // standard deviation over scenes (n - 1)
  double error = 0;   // standard error of the mean
  int64_t scenes = 0;
};
Estimate estimate(std::span<const double> values);

// Of b - a, scene by scene.
Estimate estimate_difference(std::span<const double> a, std::span<const double> b);

// Part of the way from the baseline to the ceiling: (value - baseline) / (ceiling - baseline) of
// the means; 0 where these are equal.
struct Share {
  double value = 0;
  double error = 0;  // standard error, by the delta method over the same scenes
};
// All three have one value for each scene, in one order.
Share share_of_the_way(std::span<const double> values, std::span<const double> baselines,
                       std::span<const double> ceilings);

// A condition passes with this share.
inline constexpr double kPassingShare = 0.65;

}  // namespace zc
