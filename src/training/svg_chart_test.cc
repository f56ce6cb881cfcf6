// SPDX-License-Identifier: Apache-2.0
#include "training/svg_chart.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace zc {
namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

std::vector<ChartPoint> counted_points(size_t count, double value) {
  std::vector<ChartPoint> points;
  for (size_t i = 0; i < count; ++i) points.push_back({static_cast<double>(i), value});
  return points;
}

TEST(SvgChart, IsNothingWithoutAPoint) {
  Chart chart;
  EXPECT_EQ(svg_chart(chart), "");
  chart.curves = {{"", "value", {{1, kNotANumber}}}};
  EXPECT_EQ(svg_chart(chart), "");
}

TEST(SvgChart, DrawsACurveFromItsFirstToItsLastStep) {
  Chart chart;
  chart.width = 1000;
  chart.curves = {{"", "value", {{0, 1.0}, {50, 3.0}, {100, 2.0}}}};
  const std::string svg = svg_chart(chart);
  EXPECT_NE(svg.find("d=\"M58.0 "), std::string::npos) << svg;
  EXPECT_NE(svg.find("L974.0 "), std::string::npos) << svg;
  EXPECT_NE(svg.find(";50;3|"), std::string::npos) << "the value under the pointer";
}

TEST(SvgChart, ASinglePointIsADot) {
  Chart chart;
  chart.curves = {{"", "value", {{500, 0.25}}}};
  EXPECT_NE(svg_chart(chart).find("<circle class=\"point value\""), std::string::npos);
}

TEST(SvgChart, HasNoNumberThatSvgCannotRead) {
  for (const double value : {0.0, -1.0, 1e-300, 1e300, 5.0}) {
    Chart chart;
    chart.from_zero = value >= 0;
    chart.curves = {{"", "value", {{1, value}, {2, kNotANumber}, {3, value}}}};
    chart.marks = {{"mark", 2}, {"outside", 1e9}};
    const std::string svg = svg_chart(chart);
    EXPECT_FALSE(svg.empty());
    EXPECT_EQ(svg.find("nan"), std::string::npos) << value;
    EXPECT_EQ(svg.find("inf"), std::string::npos) << value;
    EXPECT_EQ(svg.find("outside"), std::string::npos) << value;
  }
}

TEST(SvgChart, RoundingOfAConstantIsNotMagnified) {
  Chart chart;
  chart.curves = {{"", "value", {{1, 0.3}, {2, 0.3 + 1e-15}}}};
  const std::string svg = svg_chart(chart);
  const size_t at = svg.find("d=\"M");
  const std::string path = svg.substr(at, svg.find('"', at + 3) - at);
  EXPECT_EQ(path.substr(path.find(' ') + 1, 5), path.substr(path.rfind(' ') + 1, 5)) << path;
}

TEST(SvgChart, EscapesItsTexts) {
  Chart chart;
  chart.title = "\"><script>";
  chart.curves = {{"<b>name", "value", {{1, 1.0}, {2, 2.0}}}};
  chart.marks = {{"<i>mark", 1.5}};
  const std::string svg = svg_chart(chart);
  EXPECT_EQ(svg.find("<script"), std::string::npos);
  EXPECT_EQ(svg.find("<b>"), std::string::npos);
  EXPECT_EQ(svg.find("<i>"), std::string::npos);
  EXPECT_NE(svg.find("&lt;b&gt;name"), std::string::npos);
}

TEST(Smoothed, KeepsAConstantAndFlattensNoise) {
  auto points = counted_points(1000, 2.0);
  for (const ChartPoint& p : smoothed(points)) EXPECT_DOUBLE_EQ(p.value, 2.0);
  for (size_t i = 0; i < points.size(); ++i) points[i].value += i % 2 == 0 ? 1.0 : -1.0;
  for (const ChartPoint& p : smoothed(points)) {
    if (p.step < 20) continue;
    EXPECT_NEAR(p.value, 2.0, 0.1) << p.step;
  }
}

TEST(Smoothed, PassesOverWhatIsNoNumber) {
  EXPECT_EQ(smoothed({{1, 1.0}, {2, kNotANumber}, {3, 1.0}}).size(), 2u);
}

TEST(RunningMedian, IsNotMovedBySinglePeaks) {
  auto points = counted_points(1000, 2.0);
  for (size_t i = 0; i < points.size(); i += 100) points[i].value = 1000.0;
  for (const ChartPoint& p : running_median(points)) EXPECT_DOUBLE_EQ(p.value, 2.0) << p.step;
}

TEST(Thinned, KeepsEndsAndExtremes) {
  auto points = counted_points(100000, 1.0);
  points[31234].value = 9.0;
  points[77777].value = -5.0;
  const auto few = thinned(points, 500);
  EXPECT_LE(few.size(), 500u);
  EXPECT_DOUBLE_EQ(few.front().step, 0.0);
  EXPECT_DOUBLE_EQ(few.back().step, 99999.0);
  const auto less = [](const ChartPoint& a, const ChartPoint& b) { return a.value < b.value; };
  EXPECT_DOUBLE_EQ(std::max_element(few.begin(), few.end(), less)->value, 9.0);
  EXPECT_DOUBLE_EQ(std::min_element(few.begin(), few.end(), less)->value, -5.0);
}

TEST(Thinned, LeavesShortCurvesAlone) {
  EXPECT_EQ(thinned(counted_points(7, 1.0), 500).size(), 7u);
}

}  // namespace
}  // namespace zc
