// SPDX-License-Identifier: Apache-2.0
#include "pipelines/receipt.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "annotators/annotator.h"
#include "base/error.h"
#include "pipelines/maps.h"

namespace zc {
namespace {

struct Edges {
  int width;
  int height;
  std::vector<uint8_t> is_edge;
  size_t count = 0;
};

Edges edges_of(const Image& map) {
  Edges edges{map.width, map.height,
              std::vector<uint8_t>(static_cast<size_t>(map.width) * map.height)};
  for (size_t i = 0; i < edges.is_edge.size(); ++i) {
    edges.is_edge[i] = map.pixels[i * static_cast<size_t>(map.channels)] > 127;
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

// Share of the edges of `a` that lie near one of `b`.
double share_near(const Edges& a, const Edges& b, int tolerance) {
  if (a.count == 0) return b.count == 0 ? 1.0 : 0.0;
  size_t near = 0;
  for (int y = 0; y < a.height; ++y) {
    for (int x = 0; x < a.width; ++x) {
      if (a.is_edge[static_cast<size_t>(y) * a.width + x] && has_edge_near(b, x, y, tolerance))
        ++near;
    }
  }
  return static_cast<double>(near) / static_cast<double>(a.count);
}

}  // namespace

EdgeMatch match_edges(const Image& wanted, const Image& found, int tolerance) {
  ZC_BUG_IF(wanted.width != found.width || wanted.height != found.height);
  const Edges a = edges_of(wanted), b = edges_of(found);
  EdgeMatch match{.precision = share_near(b, a, tolerance), .recall = share_near(a, b, tolerance)};
  const double both = match.precision + match.recall;
  match.f1 = both > 0 ? 2 * match.precision * match.recall / both : 0.0;
  return match;
}

UnitReceipt make_receipt(const ControlUnit& unit, const Image& map, const Image& picture,
                         std::vector<double> residual_rms) {
  UnitReceipt receipt{
      .kind = unit.kind, .metric = "", .obeys = {}, .residual_rms = std::move(residual_rms)};
  if (unit.kind == "canny") {
    const Image found = find_annotator("canny").make(annotator_parameters(unit))(picture);
    receipt.metric = "edge F1 (2 px)";
    receipt.obeys = match_edges(map, found).f1;
  }
  return receipt;
}

nlohmann::json to_json(const UnitReceipt& receipt) {
  nlohmann::json json = {{"kind", receipt.kind},
                         {"residual_rms", receipt.residual_rms},
                         {"acted", !receipt.residual_rms.empty()}};
  if (receipt.obeys) {
    json["metric"] = receipt.metric;
    json["obeys"] = *receipt.obeys;
  }
  return json;
}

std::string receipt_text(const UnitReceipt& receipt) {
  std::string text = receipt.kind + ":";
  if (receipt.obeys) text += fmt::format(" {} {:.2f},", receipt.metric, *receipt.obeys);
  if (receipt.residual_rms.empty()) return text + " did not act in this run";
  return text + fmt::format(" residual of the middle block {:.3g}", receipt.residual_rms.back());
}

}  // namespace zc
