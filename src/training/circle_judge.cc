// SPDX-License-Identifier: Apache-2.0
#include "training/circle_judge.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "base/error.h"
#include "image/colour_difference.h"

namespace zc {
namespace {

using Rgb = std::array<double, 3>;

constexpr double kRightColour = 10.0;  // CIEDE2000
constexpr double kColourMargin = 0.1;  // of the radius, on both sides of the edge, is not looked at
constexpr int kOtsuBins = 256;

Rgb colour_of(const CssColour& c) {
  return {static_cast<double>(c.r), static_cast<double>(c.g), static_cast<double>(c.b)};
}

double dot_product(const Rgb& a, const Rgb& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

// Each pixel's place on the line of colours from `origin` in direction `axis`.
std::vector<double> places_along(const Image& picture, const Rgb& origin, const Rgb& axis) {
  std::vector<double> places(picture.pixels.size() / 3);
  for (size_t i = 0; i < places.size(); ++i) {
    const uint8_t* p = &picture.pixels[3 * i];
    places[i] = dot_product({p[0] - origin[0], p[1] - origin[1], p[2] - origin[2]}, axis);
  }
  return places;
}

std::vector<uint8_t> upper_group(std::span<const double> values) {
  const double threshold = otsu_threshold(values);
  std::vector<uint8_t> mask(values.size());
  for (size_t i = 0; i < values.size(); ++i) mask[i] = values[i] >= threshold ? 1 : 0;
  return mask;
}

// 1 for pixels that look like the disc's colour, which is 1 on a line that begins with the
// background's.
std::vector<uint8_t> disc_by_colours(const Image& picture, const WantedCircle& wanted) {
  const Rgb from = colour_of(wanted.background), to = colour_of(wanted.disc);
  Rgb axis = {to[0] - from[0], to[1] - from[1], to[2] - from[2]};
  const double length = dot_product(axis, axis);
  ZC_BUG_IF(length == 0);
  for (double& c : axis) c /= length;
  std::vector<double> places = places_along(picture, from, axis);
  // Beyond either colour nothing more is to be told.
  for (double& place : places) place = std::clamp(place, 0.0, 1.0);
  return upper_group(places);
}

Rgb mean_colour(const Image& picture) {
  Rgb mean{};
  const size_t count = picture.pixels.size() / 3;
  for (size_t i = 0; i < picture.pixels.size(); ++i)
    mean[i % 3] += static_cast<double>(picture.pixels[i]) / static_cast<double>(count);
  return mean;
}

// Direction in which the colours of the picture differ most: the largest eigenvector of their
// covariance, by power iteration. All 0 for a picture of one colour.
Rgb main_change_of_colour(const Image& picture, const Rgb& mean) {
  std::array<Rgb, 3> covariance{};
  for (size_t i = 0; i + 2 < picture.pixels.size(); i += 3) {
    Rgb d;
    for (size_t c = 0; c < 3; ++c) d[c] = picture.pixels[i + c] - mean[c];
    for (size_t row = 0; row < 3; ++row) {
      for (size_t column = 0; column < 3; ++column) covariance[row][column] += d[row] * d[column];
    }
  }
  // Begins with the channel that varies most, so that it cannot lie across the answer.
  size_t first = 0;
  for (size_t c = 1; c < 3; ++c) {
    if (covariance[c][c] > covariance[first][first]) first = c;
  }
  Rgb axis = covariance[first];
  for (int i = 0; i < 50; ++i) {
    const double length = std::sqrt(dot_product(axis, axis));
    if (length == 0) return {};
    for (double& c : axis) c /= length;
    axis = {dot_product(covariance[0], axis), dot_product(covariance[1], axis),
            dot_product(covariance[2], axis)};
  }
  const double length = std::sqrt(dot_product(axis, axis));
  for (double& c : axis) c /= length;
  return axis;
}

// Calls visit(pixel, distance from the wanted middle) for all pixels.
template <class Visit>
void for_each_distance(const Image& picture, const WantedCircle& wanted, Visit&& visit) {
  size_t pixel = 0;
  for (int y = 0; y < picture.height; ++y) {
    const double dy = y + 0.5 - wanted.centre_y;
    for (int x = 0; x < picture.width; ++x)
      visit(pixel++, std::hypot(x + 0.5 - wanted.centre_x, dy));
  }
}

double iou_with(const Image& picture, const WantedCircle& wanted, std::span<const uint8_t> mask) {
  size_t both = 0, either = 0;
  for_each_distance(picture, wanted, [&](size_t pixel, double distance) {
    const bool in_disc = distance < wanted.radius, in_mask = mask[pixel] != 0;
    both += in_disc && in_mask ? 1 : 0;
    either += in_disc || in_mask ? 1 : 0;
  });
  return either == 0 ? 0.0 : static_cast<double>(both) / static_cast<double>(either);
}

// What the picture's own main change of colour tells apart: the side that fits the disc better;
// nothing where there is one colour only.
std::vector<uint8_t> better_side(const Image& picture, const WantedCircle& wanted) {
  const Rgb mean = mean_colour(picture);
  const std::vector<uint8_t> side =
      upper_group(places_along(picture, mean, main_change_of_colour(picture, mean)));
  if (std::ranges::find(side, 1) == side.end()) return side;
  std::vector<uint8_t> other(side.size());
  std::ranges::transform(side, other.begin(), [](uint8_t one) { return one == 0 ? 1 : 0; });
  return iou_with(picture, wanted, other) > iou_with(picture, wanted, side) ? other : side;
}

CircleJudgement::Colour judge_colour(const Rgb& seen, const CssColour& wanted) {
  const LabColour lab = lab_colour(seen);
  double nearest = 1e9;
  for (const CssColour& named : css_colours())
    nearest = std::min(nearest, ciede2000(lab, lab_colour(colour_of(named))));
  const double difference = ciede2000(lab, lab_colour(colour_of(wanted)));
  return {difference, difference < kRightColour && difference <= nearest};
}

void judge_colours_of_disc(const Image& picture, const WantedCircle& wanted, CircleJudgement& j) {
  struct Sum {
    Rgb colour{};
    double pixels = 0;
  } inside, outside;
  for_each_distance(picture, wanted, [&](size_t pixel, double distance) {
    if (std::abs(distance - wanted.radius) < kColourMargin * wanted.radius) return;
    Sum& sum = distance < wanted.radius ? inside : outside;
    for (size_t c = 0; c < 3; ++c) sum.colour[c] += picture.pixels[3 * pixel + c];
    sum.pixels += 1;
  });
  for (Sum* sum : {&inside, &outside}) {
    for (double& c : sum->colour) c /= std::max(1.0, sum->pixels);
  }
  j.disc = judge_colour(inside.colour, wanted.disc);
  j.background = judge_colour(outside.colour, wanted.background);
}

// How many more pixels of a circle the mask covers than it leaves open, by sums along rows.
class CircleScore {
 public:
  CircleScore(std::span<const uint8_t> mask, int width, int height)
      : width_(width), height_(height), sums_(static_cast<size_t>(height) * (width + 1)) {
    for (int y = 0; y < height; ++y) {
      int* row = &sums_[static_cast<size_t>(y) * (width + 1)];
      for (int x = 0; x < width; ++x)
        row[x + 1] = row[x] + (mask[static_cast<size_t>(y) * width + x] != 0 ? 1 : -1);
    }
  }

  int operator()(const FittedCircle& c) const {
    int score = 0;
    const int top = std::max(0, static_cast<int>(std::floor(c.centre_y - c.radius)));
    const int bottom = std::min(height_ - 1, static_cast<int>(std::ceil(c.centre_y + c.radius)));
    for (int y = top; y <= bottom; ++y) {
      const double dy = y + 0.5 - c.centre_y, square = c.radius * c.radius - dy * dy;
      if (square <= 0) continue;
      const double half = std::sqrt(square);
      const int left = std::clamp(static_cast<int>(std::ceil(c.centre_x - half - 0.5)), 0, width_);
      const int right =
          std::clamp(static_cast<int>(std::floor(c.centre_x + half - 0.5)) + 1, left, width_);
      const int* row = &sums_[static_cast<size_t>(y) * (width_ + 1)];
      score += row[right] - row[left];
    }
    return score;
  }

 private:
  int width_, height_;
  std::vector<int> sums_;
};

// Moves to the best neighbour at distance `step` until there is none.
void climb(const CircleScore& score_of, double step, double width, double height,
           FittedCircle& best, int& best_score) {
  for (bool moved = true; moved;) {
    moved = false;
    const FittedCircle from = best;
    for (int move = 0; move < 27; ++move) {
      const FittedCircle to = {from.centre_x + step * (move % 3 - 1),
                               from.centre_y + step * (move / 3 % 3 - 1),
                               from.radius + step * (move / 9 - 1)};
      if (to.radius <= 0 || to.centre_x < 0 || to.centre_y < 0 || to.centre_x > width ||
          to.centre_y > height)
        continue;
      if (const int score = score_of(to); score > best_score) {
        best = to;
        best_score = score;
        moved = true;
      }
    }
  }
}

}  // namespace

WantedCircle wanted_circle(const CirclePair& pair) {
  return {pair.centre_x, pair.centre_y, pair.radius, pair.disc, pair.background};
}

double otsu_threshold(std::span<const double> values) {
  ZC_BUG_IF(values.empty());
  const auto [low, high] = std::ranges::minmax(values);
  if (low == high) return high + 1.0;
  std::array<double, kOtsuBins> counts{};
  const double scale = (kOtsuBins - 1) / (high - low);
  const double bottom = low;
  for (const double v : values) counts[static_cast<size_t>((v - bottom) * scale)] += 1;
  double all = 0, all_count = static_cast<double>(values.size());
  for (int bin = 0; bin < kOtsuBins; ++bin) all += bin * counts[static_cast<size_t>(bin)];
  double below = 0, below_count = 0, best = -1;
  int best_bin = 1;  // the first of the upper group
  for (int bin = 1; bin < kOtsuBins; ++bin) {
    below += (bin - 1) * counts[static_cast<size_t>(bin - 1)];
    below_count += counts[static_cast<size_t>(bin - 1)];
    const double above_count = all_count - below_count;
    const double gap = below / below_count - (all - below) / above_count;
    const double between = below_count * above_count * gap * gap;
    if (between > best) {
      best = between;
      best_bin = bin;
    }
  }
  return bottom + best_bin / scale;
}

FittedCircle fit_circle(std::span<const uint8_t> mask, int width, int height) {
  ZC_BUG_IF(mask.size() != static_cast<size_t>(width) * static_cast<size_t>(height));
  const CircleScore score_of(mask, width, height);
  FittedCircle best = {width / 2.0, height / 2.0, 0.0};
  int best_score = 0;
  const double step = std::max(1.0, std::min(width, height) / 16.0);
  for (double y = 0; y <= height; y += step) {
    for (double x = 0; x <= width; x += step) {
      for (double r = step; r <= 0.75 * std::max(width, height); r += step) {
        const FittedCircle circle = {x, y, r};
        if (const int score = score_of(circle); score > best_score) {
          best = circle;
          best_score = score;
        }
      }
    }
  }
  if (best_score == 0) return best;
  for (double fine = step / 2; fine >= 0.1; fine /= 2)
    climb(score_of, fine, width, height, best, best_score);
  return best;
}

CircleJudgement judge_circle(const Image& picture, const WantedCircle& wanted) {
  ZC_BUG_IF(picture.channels != 3 || picture.empty() || wanted.radius <= 0);
  CircleJudgement j;
  j.iou = iou_with(picture, wanted, disc_by_colours(picture, wanted));
  const std::vector<uint8_t> side = better_side(picture, wanted);
  j.shape_iou = iou_with(picture, wanted, side);
  const FittedCircle found = fit_circle(side, picture.width, picture.height);
  j.centre_error = std::hypot(found.centre_x - wanted.centre_x, found.centre_y - wanted.centre_y);
  j.radius_error = 100.0 * std::abs(found.radius - wanted.radius) / wanted.radius;
  judge_colours_of_disc(picture, wanted, j);
  return j;
}

}  // namespace zc
