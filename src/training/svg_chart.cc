// SPDX-License-Identifier: Apache-2.0
#include "training/svg_chart.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "training/html_text.h"

namespace zc {
namespace {

constexpr size_t kDrawnPoints = 500;
constexpr double kLabelHeight = 17;

std::vector<ChartPoint> finite_points(const std::vector<ChartPoint>& points) {
  std::vector<ChartPoint> finite;
  for (const ChartPoint& p : points) {
    if (std::isfinite(p.step) && std::isfinite(p.value)) finite.push_back(p);
  }
  return finite;
}

// The plot's place in the picture and the scales of both axes.
struct Frame {
  double left = 0, right = 0, top = 0, bottom = 0;
  double first_step = 0, last_step = 1;
  double low = 0, high = 1;

  double x(double step) const {
    return left + (step - first_step) / (last_step - first_step) * (right - left);
  }
  double y(double value) const {
    const double part = (std::clamp(value, low, high) - low) / (high - low);
    return bottom - part * (bottom - top);
  }
};

// 1, 2 or 5 times a power of ten, so that about `count` of them fit.
double tick_distance(double range, int count) {
  const double rough = range / count;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * 0.999) return factor * power;
  }
  return 10.0 * power;
}

std::vector<double> ticks_between(double low, double high, int count) {
  const double distance = tick_distance(high - low, count);
  std::vector<double> ticks;
  for (double i = std::ceil(low / distance - 1e-9); i * distance <= high + distance * 1e-9; ++i) {
    ticks.push_back(i * distance);
  }
  return ticks;
}

void choose_value_scale(const Chart& chart, std::vector<double> values, Frame& frame) {
  std::sort(values.begin(), values.end());
  const auto quantile = [&](double q) {
    return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
  };
  frame.low = quantile(chart.cut);
  frame.high = quantile(1 - chart.cut);
  if (chart.from_zero) frame.low = std::min(0.0, frame.low);
  // A constant, but for the rounding of means.
  if (frame.high - frame.low <= 1e-7 * std::max(std::abs(frame.high), std::abs(frame.low))) {
    const double around = std::max(std::abs(frame.high) / 2, 1e-9);
    frame.low -= chart.from_zero && frame.low == 0 ? 0 : around;
    frame.high += around;
  }
  const double margin = (frame.high - frame.low) * 0.06;
  if (frame.low != 0) frame.low -= margin;
  frame.high += margin;
}

Frame frame_of(const Chart& chart) {
  Frame frame;
  const bool named = std::any_of(chart.curves.begin(), chart.curves.end(),
                                 [](const ChartCurve& c) { return !c.name.empty(); });
  frame.left = chart.compact ? 44 : 58;
  frame.right = chart.width - (named ? 150 : chart.compact ? 8 : 26);
  frame.top = chart.marks.empty() ? 12 : 30;
  frame.bottom = chart.height - (chart.compact ? 12 : 28);
  std::vector<double> values;
  double first = std::numeric_limits<double>::infinity(), last = -first;
  for (const ChartCurve& curve : chart.curves) {
    for (const ChartPoint& p : curve.points) {
      values.push_back(p.value);
      first = std::min(first, p.step);
      last = std::max(last, p.step);
    }
  }
  if (values.empty()) return frame;
  frame.first_step = first;
  frame.last_step = last > first ? last : first + 1;
  choose_value_scale(chart, std::move(values), frame);
  return frame;
}

std::string axes_svg(const Chart& chart, const Frame& f) {
  std::string svg;
  for (const double value : ticks_between(f.low, f.high, chart.compact ? 3 : 5)) {
    const double y = f.y(value);
    // What rounding leaves of zero.
    const double shown = std::abs(value) < (f.high - f.low) * 1e-9 ? 0.0 : value;
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>", f.left, y,
        f.right, y);
    svg += fmt::format("<text class=\"tick end\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", f.left - 8,
                       y + 4, html_escaped(number_text(shown)));
  }
  svg +=
      fmt::format("<line class=\"axis\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>",
                  f.left, f.bottom, f.right, f.bottom);
  if (chart.compact) return svg;
  for (const double step : ticks_between(f.first_step, f.last_step, chart.width / 140)) {
    if (step != std::floor(step)) continue;
    svg += fmt::format("<text class=\"tick middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", f.x(step),
                       f.bottom + 20, count_text(static_cast<int64_t>(step)));
  }
  return svg;
}

std::string curve_svg(const ChartCurve& curve, const Frame& f) {
  if (curve.points.empty()) return "";
  const std::string style = html_escaped(curve.style);
  if (curve.points.size() == 1) {
    return fmt::format("<circle class=\"point {}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\"/>", style,
                       f.x(curve.points[0].step), f.y(curve.points[0].value));
  }
  std::string path;
  for (const ChartPoint& p : thinned(curve.points, kDrawnPoints)) {
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", f.x(p.step), f.y(p.value));
  }
  return fmt::format("<path class=\"curve {}\" d=\"{}\"/>", style, path);
}

// Names at the right ends, moved apart where they would overlap.
std::string names_svg(const Chart& chart, const Frame& f) {
  struct Label {
    const ChartCurve* curve;
    double y;
  };
  std::vector<Label> labels;
  for (const ChartCurve& curve : chart.curves) {
    if (!curve.name.empty() && !curve.points.empty()) {
      labels.push_back({&curve, f.y(curve.points.back().value)});
    }
  }
  std::stable_sort(labels.begin(), labels.end(), [](auto& a, auto& b) { return a.y < b.y; });
  for (size_t i = 1; i < labels.size(); ++i) {
    labels[i].y = std::max(labels[i].y, labels[i - 1].y + kLabelHeight);
  }
  double lowest = f.bottom;
  for (size_t i = labels.size(); i-- > 0; lowest = labels[i].y - kLabelHeight) {
    labels[i].y = std::min(labels[i].y, lowest);
  }
  std::string svg;
  for (const Label& label : labels) {
    svg += fmt::format("<text class=\"name {}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
                       html_escaped(label.curve->style), f.right + 10, label.y + 4,
                       html_escaped(label.curve->name));
  }
  return svg;
}

std::string marks_svg(const Chart& chart, const Frame& f) {
  std::string svg;
  for (const ChartMark& mark : chart.marks) {
    if (mark.step < f.first_step || mark.step > f.last_step) continue;
    const double x = f.x(mark.step);
    const bool at_left = x < (f.left + f.right) / 2;
    svg += fmt::format(
        "<line class=\"mark\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>", x,
        f.top - 18, x, f.bottom);
    svg += fmt::format("<text class=\"mark {}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
                       at_left ? "start" : "end", x + (at_left ? 7 : -7), f.top - 8,
                       html_escaped(mark.name));
  }
  return svg;
}

// "x,y,step,value|..." for the page's script; in numbers without separators but in texts.
std::string followed_points(const Chart& chart, const Frame& f) {
  if (chart.followed >= chart.curves.size()) return "";
  std::string list;
  for (const ChartPoint& p : thinned(chart.curves[chart.followed].points, kDrawnPoints)) {
    list += fmt::format("{}{:.1f};{:.1f};{};{}", list.empty() ? "" : "|", f.x(p.step), f.y(p.value),
                        count_text(static_cast<int64_t>(p.step)), number_text(p.value));
  }
  return html_escaped(list);
}

}  // namespace

std::string svg_chart(const Chart& wanted) {
  Chart chart = wanted;
  bool any = false;
  for (ChartCurve& curve : chart.curves) {
    curve.points = finite_points(curve.points);
    any = any || !curve.points.empty();
  }
  if (!any) return "";
  const Frame frame = frame_of(chart);
  std::string svg = fmt::format(
      "<svg class=\"chart\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\" "
      "data-top=\"{:.0f}\" "
      "data-bottom=\"{:.0f}\" data-points=\"{}\">",
      chart.width, chart.height, html_escaped(chart.title), frame.top, frame.bottom,
      followed_points(chart, frame));
  svg += axes_svg(chart, frame) + marks_svg(chart, frame);
  for (const ChartCurve& curve : chart.curves) svg += curve_svg(curve, frame);
  if (chart.dot) {
    svg += fmt::format("<circle class=\"best\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\"/>",
                       frame.x(chart.dot->step), frame.y(chart.dot->value));
  }
  return svg + names_svg(chart, frame) + "</svg>";
}

std::vector<ChartPoint> smoothed(const std::vector<ChartPoint>& points, double part) {
  const std::vector<ChartPoint> finite = finite_points(points);
  std::vector<double> sums = {0.0};
  for (const ChartPoint& p : finite) sums.push_back(sums.back() + p.value);
  const size_t reach = static_cast<size_t>(static_cast<double>(finite.size()) * part);
  std::vector<ChartPoint> result;
  for (size_t i = 0; i < finite.size(); ++i) {
    const size_t before = std::min(reach, i);
    const size_t after = std::min(before, finite.size() - 1 - i);
    const double sum = sums[i + after + 1] - sums[i - before];
    result.push_back({finite[i].step, sum / static_cast<double>(before + after + 1)});
  }
  return result;
}

std::vector<ChartPoint> running_median(const std::vector<ChartPoint>& points, double part) {
  const std::vector<ChartPoint> finite = finite_points(points);
  const size_t reach = static_cast<size_t>(static_cast<double>(finite.size()) * part);
  const size_t stride = std::max<size_t>(1, finite.size() / kDrawnPoints);
  std::vector<ChartPoint> result;
  std::vector<double> values;
  for (size_t i = 0; i < finite.size(); i += stride) {
    const size_t begin = i - std::min(reach, i);
    const size_t end = std::min(i + reach + 1, finite.size());
    values.clear();
    for (size_t k = begin; k < end; ++k) values.push_back(finite[k].value);
    const auto middle = values.begin() + static_cast<ptrdiff_t>((values.size() - 1) / 2);
    std::nth_element(values.begin(), middle, values.end());
    result.push_back({finite[i].step, *middle});
  }
  return result;
}

std::vector<ChartPoint> thinned(const std::vector<ChartPoint>& points, size_t count) {
  if (points.size() <= count || count < 4) return points;
  std::vector<ChartPoint> result = {points.front()};
  const size_t stretches = count / 2 - 1;
  for (size_t i = 0; i < stretches; ++i) {
    const auto begin = points.begin() + static_cast<ptrdiff_t>(i * points.size() / stretches);
    const auto end = points.begin() + static_cast<ptrdiff_t>((i + 1) * points.size() / stretches);
    auto [least, most] = std::minmax_element(
        begin, end, [](const ChartPoint& a, const ChartPoint& b) { return a.value < b.value; });
    if (most < least) std::swap(least, most);
    result.push_back(*least);
    if (most != least) result.push_back(*most);
  }
  result.push_back(points.back());
  return result;
}

}  // namespace zc
