// SPDX-License-Identifier: Apache-2.0
// Line charts over training steps as inline SVG; colours and lettering come from the page's style.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace zc {

struct ChartPoint {
  double step = 0;
  double value = 0;
};

// Points whose value is not finite are passed over.
struct ChartCurve {
  std::string name;   // stands at its right end; "" for none
  std::string style;  // class of the page's style
  std::vector<ChartPoint> points;
};

// A vertical line with a text at its top.
struct ChartMark {
  std::string name;
  double step = 0;
};

struct Chart {
  std::string title;  // what a screen reader says
  int width = 1080;   // of the coordinate system; the picture scales with the page
  int height = 340;
  bool from_zero = false;  // the scale begins at 0
  // Extremes beyond these quantiles of the values are cut off, so that one peak does not flatten
  // the rest; 0 shows all.
  double cut = 0.0;
  bool compact = false;  // two labels at each axis, no text for steps
  size_t followed = 0;   // the curve whose values are read off under the pointer
  std::vector<ChartCurve> curves;
  std::vector<ChartMark> marks;
  std::optional<ChartPoint> dot;  // a point to be seen, such as the best one
};

// "" when no curve has a point.
std::string svg_chart(const Chart& chart);

// Mean over the neighbours within `part` of the curve on either side. At the beginning over as many
// as there are on both sides, which keeps a steep fall; at the end over those before. Values that
// are not finite are passed over.
std::vector<ChartPoint> smoothed(const std::vector<ChartPoint>& points, double part = 0.02);

// Median over those neighbours, for numbers with single peaks; of long curves only every nth point.
std::vector<ChartPoint> running_median(const std::vector<ChartPoint>& points, double part = 0.02);

// About `count` points at most that keep the smallest and the largest value of each stretch.
std::vector<ChartPoint> thinned(const std::vector<ChartPoint>& points, size_t count);

}  // namespace zc
