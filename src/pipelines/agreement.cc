// SPDX-License-Identifier: Apache-2.0
#include "pipelines/agreement.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <numbers>
#include <vector>

#include "annotators/pose_match.h"
#include "base/error.h"

namespace zc {
namespace {

struct Edges {
  int width;
  int height;
  std::vector<uint8_t> is_edge;
  size_t count = 0;
};

template <class IsEdge>
Edges edges_where(const Image& map, IsEdge&& is_edge) {
  Edges edges{map.width, map.height,
              std::vector<uint8_t>(static_cast<size_t>(map.width) * map.height)};
  for (size_t i = 0; i < edges.is_edge.size(); ++i) {
    edges.is_edge[i] = is_edge(&map.pixels[i * static_cast<size_t>(map.channels)]) ? 1 : 0;
    edges.count += edges.is_edge[i];
  }
  return edges;
}

bool has_edge_near(const Edges& edges, int x, int y, int tolerance) {
  for (int v = std::max(0, y - tolerance); v <= std::min(edges.height - 1, y + tolerance); ++v) {
    for (int u = std::max(0, x - tolerance); u <= std::min(edges.width - 1, x + tolerance); ++u) {
      const bool inside = (u - x) * (u - x) + (v - y) * (v - y) <= tolerance * tolerance;
      if (inside && edges.is_edge[static_cast<size_t>(v) * edges.width + u]) return true;
    }
  }
  return false;
}

// How many edges of `a` lie near one of `b`.
size_t count_near(const Edges& a, const Edges& b, int tolerance) {
  size_t near = 0;
  for (int y = 0; y < a.height; ++y) {
    for (int x = 0; x < a.width; ++x) {
      if (a.is_edge[static_cast<size_t>(y) * a.width + x] && has_edge_near(b, x, y, tolerance))
        ++near;
    }
  }
  return near;
}

double ratio(size_t part, size_t whole, bool other_is_empty) {
  if (whole == 0) return other_is_empty ? 1.0 : 0.0;
  return static_cast<double>(part) / static_cast<double>(whole);
}

double f1_of(double precision, double recall) {
  return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0.0;
}

EdgeMatch match(const Edges& wanted, const Edges& found, int tolerance) {
  EdgeMatch result;
  result.precision = ratio(count_near(found, wanted, tolerance), found.count, wanted.count == 0);
  result.recall = ratio(count_near(wanted, found, tolerance), wanted.count, found.count == 0);
  result.f1 = f1_of(result.precision, result.recall);
  return result;
}

// Pearson's, of the first channels; 0 when a map is constant.
double correlation(const Image& a, const Image& b) {
  const size_t count = static_cast<size_t>(a.width) * a.height;
  double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
  for (size_t i = 0; i < count; ++i) {
    const double x = a.pixels[i * a.channels], y = b.pixels[i * b.channels];
    sa += x;
    sb += y;
    saa += x * x;
    sbb += y * y;
    sab += x * y;
  }
  const auto n = static_cast<double>(count);
  const double va = saa - sa * sa / n, vb = sbb - sb * sb / n;
  return va > 1e-9 && vb > 1e-9 ? (sab - sa * sb / n) / std::sqrt(va * vb) : 0.0;
}

std::array<double, 3> direction(const uint8_t* pixel) {
  std::array<double, 3> n{};
  double length = 0;
  for (int c = 0; c < 3; ++c) {
    n[c] = pixel[c] / 127.5 - 1.0;
    length += n[c] * n[c];
  }
  length = std::max(1e-6, std::sqrt(length));
  for (double& x : n) x /= length;
  return n;
}

double mean_angle(const Image& a, const Image& b) {
  const size_t count = static_cast<size_t>(a.width) * a.height;
  double sum = 0;
  for (size_t i = 0; i < count; ++i) {
    const auto n = direction(&a.pixels[3 * i]), m = direction(&b.pixels[3 * i]);
    sum += std::acos(std::clamp(n[0] * m[0] + n[1] * m[1] + n[2] * m[2], -1.0, 1.0));
  }
  return sum / static_cast<double>(count) * 180 / std::numbers::pi;
}

uint32_t colour_at(const Image& map, size_t i) {
  const uint8_t* p = &map.pixels[3 * i];
  return static_cast<uint32_t>(p[0]) << 16 | static_cast<uint32_t>(p[1]) << 8 | p[2];
}

// Over the colours of the wanted map that cover at least a thousandth of it: edges that were
// blended by scaling are no class.
double mean_iou(const Image& wanted, const Image& found) {
  const size_t count = static_cast<size_t>(wanted.width) * wanted.height;
  std::map<uint32_t, std::array<size_t, 3>> classes;  // wanted, found, both
  for (size_t i = 0; i < count; ++i) {
    const uint32_t w = colour_at(wanted, i), f = colour_at(found, i);
    ++classes[w][0];
    ++classes[f][1];
    if (w == f) ++classes[w][2];
  }
  double sum = 0, number = 0;
  for (const auto& [colour, n] : classes) {
    if (n[0] * 1000 < count) continue;
    sum += static_cast<double>(n[2]) / static_cast<double>(n[0] + n[1] - n[2]);
    number += 1;
  }
  return number > 0 ? sum / number : 0.0;
}

// Limbs differ in hue, which blending keeps: twelve classes of it.
int hue_class(const uint8_t* p) {
  const int high = std::max({p[0], p[1], p[2]}), low = std::min({p[0], p[1], p[2]});
  if (high < 48 || high - low < 24) return -1;
  const double range = high - low;
  double hue = high == p[0]   ? (p[1] - p[2]) / range
               : high == p[1] ? 2 + (p[2] - p[0]) / range
                              : 4 + (p[0] - p[1]) / range;
  if (hue < 0) hue += 6;
  return static_cast<int>(hue * 2) % 12;
}

double skeleton_f1(const Image& wanted, const Image& found) {
  // 3 pixels at 256, as a tenth of a small figure's trunk.
  const int tolerance = std::max(2, std::min(wanted.width, wanted.height) * 3 / 256);
  size_t near_wanted = 0, near_found = 0, all_wanted = 0, all_found = 0;
  for (int hue = 0; hue < 12; ++hue) {
    const auto is_limb = [hue](const uint8_t* p) { return hue_class(p) == hue; };
    const Edges a = edges_where(wanted, is_limb), b = edges_where(found, is_limb);
    near_wanted += count_near(a, b, tolerance);
    near_found += count_near(b, a, tolerance);
    all_wanted += a.count;
    all_found += b.count;
  }
  return f1_of(ratio(near_found, all_found, all_wanted == 0),
               ratio(near_wanted, all_wanted, all_found == 0));
}

bool is_white(const uint8_t* pixel) {
  return *pixel > 127;
}

}  // namespace

std::optional<Agreement> pose_agreement(const PoseDocument& wanted, const PoseDocument& found) {
  const std::vector<BodyPose> bodies = measurable_bodies(wanted);
  if (bodies.empty()) return std::nullopt;
  std::vector<BodyPose> seen;
  for (const PosePerson& person : found.people) seen.push_back(person.body);
  return Agreement{std::string(kPoseMetric), match_bodies(bodies, seen).share(), true};
}

EdgeMatch match_edges(const Image& wanted, const Image& found, int tolerance) {
  ZC_BUG_IF(wanted.width != found.width || wanted.height != found.height);
  return match(edges_where(wanted, is_white), edges_where(found, is_white), tolerance);
}

std::optional<Agreement> map_agreement(std::string_view kind, const Image& wanted,
                                       const Image& found) {
  ZC_BUG_IF(wanted.width != found.width || wanted.height != found.height);
  if (kind == "canny" || kind == "mlsd" || kind == "hed" || kind == "scribble")
    return Agreement{"edge F1 (2 px)", match_edges(wanted, found).f1, true};
  if (kind == "depth") return Agreement{"correlation", correlation(wanted, found), true};
  if (wanted.channels != 3 || found.channels != 3) return std::nullopt;
  if (kind == "normal") return Agreement{"mean angle (degrees)", mean_angle(wanted, found), false};
  if (kind == "seg") return Agreement{"mean IoU", mean_iou(wanted, found), true};
  if (kind == "openpose") return Agreement{"skeleton F1", skeleton_f1(wanted, found), true};
  return std::nullopt;
}

}  // namespace zc
