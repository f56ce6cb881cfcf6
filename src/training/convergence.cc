// SPDX-License-Identifier: Apache-2.0
#include "training/convergence.h"

#include <algorithm>
#include <cmath>
#include <span>

#include <fmt/format.h>

namespace zc {
namespace {

// The lower one of two; 0 of none.
double median_of(std::vector<double> values) {
  if (values.empty()) return 0.0;
  const auto middle = values.begin() + static_cast<ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double typical_difference(std::span<const AdherencePoint> points) {
  std::vector<double> sizes;
  for (size_t i = 1; i < points.size(); ++i) {
    sizes.push_back(std::abs(points[i].share - points[i - 1].share));
  }
  return median_of(std::move(sizes));
}

double noise_of(std::span<const AdherencePoint> points) {
  std::vector<double> sizes;
  for (size_t i = 2; i < points.size(); ++i) {
    sizes.push_back(std::abs(points[i].share - 2 * points[i - 1].share + points[i - 2].share));
  }
  // Independent errors add up to 1 + 4 + 1 variances, and the median of a normal variable's
  // distance from zero is 0.6745 of its standard deviation.
  return median_of(std::move(sizes)) / (0.6745 * std::sqrt(6.0));
}

bool rose_suddenly(std::span<const AdherencePoint> earlier, double first_above, double after) {
  const double typical = typical_difference(earlier);
  for (size_t intervals = 1; intervals <= std::min<size_t>(2, earlier.size()); ++intervals) {
    const double rise = first_above - earlier[earlier.size() - intervals].share;
    if (rise >= after / 2 && rise >= 3.0 * typical * static_cast<double>(intervals)) return true;
  }
  return false;
}

// The event that the last two points confirm.
std::optional<ConvergenceEvent> find_convergence(std::span<const AdherencePoint> points,
                                                 double follows) {
  if (points.size() < 2) return std::nullopt;
  size_t first = points.size() - 2;
  const double threshold = std::max(follows, 3.0 * noise_of(points.first(first)));
  if (points[first].share < threshold || points[first + 1].share < threshold) return std::nullopt;
  // Where the noise has hidden it until now, it happened before these two.
  while (first > 0 && points[first - 1].share >= threshold) --first;
  ConvergenceEvent event;
  event.step = points[first].step;
  event.before = points[first].share;
  event.after = (points[first].share + points[first + 1].share) / 2;
  if (first == 0) return event;
  const AdherencePoint& below = points[first - 1];
  const double part = (threshold - below.share) / (points[first].share - below.share);
  event.step =
      below.step + std::llround(part * static_cast<double>(points[first].step - below.step));
  event.before = below.share;
  event.sudden = rose_suddenly(points.first(first), points[first].share, event.after);
  return event;
}

}  // namespace

std::optional<double> adherence_share(double value, double baseline, double ceiling) {
  const double share = (value - baseline) / (ceiling - baseline);
  if (!std::isfinite(share)) return std::nullopt;
  return share;
}

std::optional<ConvergenceEvent> ConvergenceState::add(int64_t step, double share) {
  if (!std::isfinite(share)) return std::nullopt;
  if (!points.empty() && step <= points.back().step) {
    std::vector<AdherencePoint> kept = std::move(points);
    std::erase_if(kept, [&](const AdherencePoint& p) { return p.step >= step; });
    *this = {.options = options, .points = {}, .event = {}, .best = {}};
    for (const AdherencePoint& p : kept) add(p.step, p.share);
  }
  points.push_back({step, share});
  if (!best || share > best->share) best = points.back();
  if (event) return std::nullopt;
  event = find_convergence(points, options.follows);
  return event;
}

bool ConvergenceState::plateau() const {
  if (!event) return false;
  double reached = points.front().share;
  int64_t without_gain = 0;
  for (const AdherencePoint& p : points) {
    ++without_gain;
    if (p.share <= reached + options.min_gain && p.step != points.front().step) continue;
    reached = p.share;
    without_gain = 0;
  }
  return without_gain >= options.patience;
}

std::string convergence_text(const ConvergenceEvent& event) {
  // + 0.0: a small loss is no "-0 %".
  const double before = std::round(100 * event.before) + 0.0;
  const double after = std::round(100 * event.after) + 0.0;
  if (event.sudden) {
    return fmt::format(
        "suddenly began to follow its map at step {}: adherence rose from {:.0f} % to {:.0f} % of "
        "what is possible",
        event.step, before, after);
  }
  return fmt::format("follows its map since step {}: adherence {:.0f} % of what is possible",
                     event.step, after);
}

}  // namespace zc
