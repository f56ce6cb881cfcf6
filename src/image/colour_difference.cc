// SPDX-License-Identifier: Apache-2.0
#include "image/colour_difference.h"

#include <cmath>
#include <numbers>

#include "base/error.h"

namespace zc {
namespace {

constexpr double kDegree = std::numbers::pi / 180.0;
// Hues that lie opposite each other exactly may seem further apart by rounding.
constexpr double kHalfTurn = 180.0 + 1e-9;

double linear_light(double channel) {
  const double c = channel / 255.0;
  return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
}

double lab_curve(double t) {
  constexpr double kDelta = 6.0 / 29.0;
  return t > kDelta * kDelta * kDelta ? std::cbrt(t) : t / (3.0 * kDelta * kDelta) + 4.0 / 29.0;
}

// sqrt(c^7 / (c^7 + 25^7)).
double blue_share(double chroma) {
  const double c7 = std::pow(chroma, 7.0);
  return std::sqrt(c7 / (c7 + std::pow(25.0, 7.0)));
}

// 0 to 360; 0 for greys (eq. 7).
double hue_degrees(double a, double b) {
  if (a == 0 && b == 0) return 0;
  const double hue = std::atan2(b, a) / kDegree;
  return hue < 0 ? hue + 360.0 : hue;
}

struct HuePair {
  double difference = 0, mean = 0;
};

// The shorter way round the circle (eq. 10 and 14); greys take the other's hue.
HuePair compare_hues(double first, double second, bool has_grey) {
  if (has_grey) return {0, first + second};
  const double way = second - first, sum = first + second;
  if (std::abs(way) <= kHalfTurn) return {way, sum / 2.0};
  return {way > 0 ? way - 360.0 : way + 360.0, sum < 360.0 ? sum / 2.0 + 180.0 : sum / 2.0 - 180.0};
}

}  // namespace

LabColour lab_colour(const std::array<double, 3>& srgb) {
  const double r = linear_light(srgb[0]), g = linear_light(srgb[1]), b = linear_light(srgb[2]);
  const double x = lab_curve((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
  const double y = lab_curve(0.2126729 * r + 0.7151522 * g + 0.0721750 * b);
  const double z = lab_curve((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883);
  return {116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)};
}

double ciede2000(const LabColour& x, const LabColour& y) {
  // Chroma and hue, greys stretched along a (eq. 2 to 7).
  const double plain_chroma = (std::hypot(x.a, x.b) + std::hypot(y.a, y.b)) / 2.0;
  const double stretch = 1.0 + 0.5 * (1.0 - blue_share(plain_chroma));
  const double xa = stretch * x.a, ya = stretch * y.a;
  const double x_chroma = std::hypot(xa, x.b), y_chroma = std::hypot(ya, y.b);
  const HuePair hue =
      compare_hues(hue_degrees(xa, x.b), hue_degrees(ya, y.b), x_chroma * y_chroma == 0);

  // Differences (eq. 8 to 11) and means (eq. 12 to 14).
  const double lightness_step = y.lightness - x.lightness, chroma_step = y_chroma - x_chroma;
  const double hue_step =
      2.0 * std::sqrt(x_chroma * y_chroma) * std::sin(hue.difference / 2.0 * kDegree);
  const double from_middle = std::pow((x.lightness + y.lightness) / 2.0 - 50.0, 2.0);
  const double chroma = (x_chroma + y_chroma) / 2.0;

  // Weights (eq. 15 to 21) and their sum (eq. 22).
  const double t = 1.0 - 0.17 * std::cos((hue.mean - 30.0) * kDegree) +
                   0.24 * std::cos(2.0 * hue.mean * kDegree) +
                   0.32 * std::cos((3.0 * hue.mean + 6.0) * kDegree) -
                   0.20 * std::cos((4.0 * hue.mean - 63.0) * kDegree);
  const double l = lightness_step / (1.0 + 0.015 * from_middle / std::sqrt(20.0 + from_middle));
  const double c = chroma_step / (1.0 + 0.045 * chroma);
  const double h = hue_step / (1.0 + 0.015 * chroma * t);
  const double turn = 60.0 * std::exp(-std::pow((hue.mean - 275.0) / 25.0, 2.0));
  const double rotation = -2.0 * blue_share(chroma) * std::sin(turn * kDegree);
  return std::sqrt(l * l + c * c + h * h + rotation * c * h);
}

double mean_colour_difference(const Image& a, const Image& b) {
  ZC_BUG_IF(a.width != b.width || a.height != b.height || a.channels != 3 || b.channels != 3);
  const auto colour = [](const Image& image, size_t i) {
    return lab_colour({static_cast<double>(image.pixels[i]),
                       static_cast<double>(image.pixels[i + 1]),
                       static_cast<double>(image.pixels[i + 2])});
  };
  double sum = 0;
  for (size_t i = 0; i < a.pixels.size(); i += 3) sum += ciede2000(colour(a, i), colour(b, i));
  return a.empty() ? 0.0 : 3.0 * sum / static_cast<double>(a.pixels.size());
}

}  // namespace zc
