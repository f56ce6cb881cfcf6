// SPDX-License-Identifier: Apache-2.0
#include "training/toyworld_hints.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "annotators/ade20k_palette.h"
#include "annotators/canny.h"
#include "annotators/pose_draw.h"
#include "annotators/scribble.h"
#include "base/error.h"
#include "image/draw.h"
#include "image/resize.h"
#include "training/toyworld_math.h"

namespace zc {
namespace {

size_t pixel_count(const ToyRender& render) {
  return static_cast<size_t>(render.rgb.width) * render.rgb.height;
}

// The reference truncates when its maps, 0 to 1, become bytes.
uint8_t to_byte(float value) {
  return static_cast<uint8_t>(clamp01(value) * 255);
}

Image grey_image(const ToyRender& render, const std::vector<float>& values) {
  Image out(render.rgb.width, render.rgb.height, 3);
  for (size_t i = 0; i < values.size(); ++i) {
    std::fill_n(out.pixels.begin() + static_cast<std::ptrdiff_t>(3 * i), 3, to_byte(values[i]));
  }
  return out;
}

Image canny_hint(const ToyRender& render) {
  return hwc3(canny(render.rgb, CannyOptions{}));
}

// M-LSD's drawing: ends truncated to whole pixels, white lines one pixel wide.
Image mlsd_hint(const ToyRender& render) {
  Image out(render.rgb.width, render.rgb.height, 3);
  for (const ToySegment& s : render.segments) {
    draw_line(out, {static_cast<int>(s.x0), static_cast<int>(s.y0)},
              {static_cast<int>(s.x1), static_cast<int>(s.y1)}, {255, 255, 255});
  }
  return out;
}

// The apps find and draw their maps with 512 pixels on the short side. Sticks and strokes have a
// width in pixels: on a smaller canvas they would swallow small figures.
ImageSize drawing_size(const Image& picture) {
  const float scale =
      std::clamp(512 / static_cast<float>(std::min(picture.width, picture.height)), 1.0f, 8.0f);
  return {static_cast<int>(std::lround(scale * static_cast<float>(picture.width))),
          static_cast<int>(std::lround(scale * static_cast<float>(picture.height)))};
}

// Drawn large, then scaled down to the nearest pixels, as the app does it.
Image openpose_hint(const ToyRender& render) {
  const ImageSize size = {render.rgb.width, render.rgb.height};
  const ImageSize large = drawing_size(render.rgb);
  const float scale = static_cast<float>(large.width) / static_cast<float>(size.width);
  std::vector<BodyPose> bodies;
  for (const ToyFigure& figure : render.figures) {
    BodyPose& body = bodies.emplace_back();
    for (size_t k = 0; k < body.size(); ++k) {
      const ToyKeypoint& point = figure.keypoints[k];
      // OpenPose finds peaks at whole pixels.
      if (point.visible)
        body[k] = PosePoint{std::floor(scale * point.x), std::floor(scale * point.y)};
    }
  }
  Image out(large.width, large.height, 3);
  draw_body_pose(out, bodies);
  return large == size ? out : resize(out, size, Interpolation::nearest);
}

Image seg_hint(const ToyRender& render) {
  Image out(render.rgb.width, render.rgb.height, 3);
  for (size_t i = 0; i < pixel_count(render); ++i) {
    const auto& colour = ade20k_palette().at(render.labels[i]);
    std::copy(colour.begin(), colour.end(),
              out.pixels.begin() + static_cast<std::ptrdiff_t>(3 * i));
  }
  return out;
}

// MiDaS: inverse depth, stretched so that the farthest pixel is black and the nearest white.
Image depth_hint(const ToyRender& render) {
  std::vector<float> inverse(pixel_count(render));
  for (size_t i = 0; i < inverse.size(); ++i) {
    inverse[i] = render.depth[i] < kToyFarDepth ? 1 / render.depth[i] : 0;
  }
  const auto [low, high] = std::minmax_element(inverse.begin(), inverse.end());
  const float farthest = *low;
  const float range = *high - farthest;
  for (float& value : inverse) value = range > 0 ? (value - farthest) / range : 0;
  return grey_image(render, inverse);
}

// The convention of both releases, here as RGB: red is left, green is up, blue is towards the
// viewer. Ours has x to the right. (The first release's app hands its map to the model as BGR,
// which is its app's affair; NormalBae's stays RGB.)
Image normal_hint(const ToyRender& render) {
  Image out(render.rgb.width, render.rgb.height, 3);
  for (size_t i = 0; i < out.pixels.size(); ++i) {
    const float along = i % 3 == 0 ? -render.normals[i] : render.normals[i];
    out.pixels[i] = to_byte(along * 0.5f + 0.5f);
  }
  return out;
}

// How strongly HED would mark the boundaries between neighbouring pixels, 1 the strongest.
constexpr float kObjectEdge = 1.0f;
constexpr float kLabelEdge = 0.8f;
constexpr float kDepthEdge = 0.8f;
constexpr float kCreaseEdge = 0.6f;
constexpr float kPartEdge = 0.5f;
constexpr float kColourEdge = 0.35f;

bool on_ground(const ToyRender& render, size_t at) {
  return render.object_ids[at] == kToyNoObject && render.normals[3 * at + 1] > 0.999f;
}

// Jumps in depth of more than 10 % and creases of more than about 25 degrees. The ground is one
// plane, however fast its depth grows towards the horizon.
float relief_edge(const ToyRender& render, size_t a, size_t b) {
  const float depth_a = render.depth[a];
  const float depth_b = render.depth[b];
  if (depth_a >= kToyFarDepth || depth_b >= kToyFarDepth) return 0;
  if (on_ground(render, a) && on_ground(render, b)) return 0;
  const float jump = std::fabs(depth_a - depth_b) / std::min(depth_a, depth_b);
  const float* n = &render.normals[3 * a];
  const float* m = &render.normals[3 * b];
  const float cosine = n[0] * m[0] + n[1] * m[1] + n[2] * m[2];
  return std::max(kDepthEdge * clamp01((jump - 0.1f) / 0.15f),
                  kCreaseEdge * clamp01((0.9f - cosine) / 0.4f));
}

// Windows, doors, stripes, road lines.
float colour_edge(const ToyRender& render, size_t a, size_t b) {
  int difference = 0;
  for (size_t c = 0; c < 3; ++c) {
    difference =
        std::max(difference, std::abs(render.rgb.pixels[3 * a + c] - render.rgb.pixels[3 * b + c]));
  }
  return kColourEdge * clamp01(static_cast<float>(difference - 24) / 60);
}

float edge_between(const ToyRender& render, size_t a, size_t b) {
  if (render.object_ids[a] != render.object_ids[b]) return kObjectEdge;
  if (render.labels[a] != render.labels[b]) return kLabelEdge;
  const float part = render.parts[a] != render.parts[b] ? kPartEdge : 0;
  return std::max({part, relief_edge(render, a, b), colour_edge(render, a, b)});
}

// For each pixel, its strongest boundary with one of its four neighbours; so edges are two pixels
// wide.
std::vector<float> edge_strengths(const ToyRender& render) {
  std::vector<float> strengths(pixel_count(render), 0.0f);
  const int width = render.rgb.width;
  const int height = render.rgb.height;
  const auto mark = [&](size_t a, size_t b) {
    const float edge = edge_between(render, a, b);
    strengths[a] = std::max(strengths[a], edge);
    strengths[b] = std::max(strengths[b], edge);
  };
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const size_t at = static_cast<size_t>(y) * width + x;
      if (x + 1 < width) mark(at, at + 1);
      if (y + 1 < height) mark(at, at + width);
    }
  }
  return strengths;
}

// The right half of a Gaussian whose whole sums to 1.
std::vector<float> half_gaussian(float sigma) {
  std::vector<float> taps(static_cast<size_t>(std::ceil(3 * sigma)) + 1);
  float sum = 0;
  for (size_t i = 0; i < taps.size(); ++i) {
    const float x = static_cast<float>(i) / sigma;
    taps[i] = std::exp(-0.5f * x * x);
    sum += i == 0 ? taps[i] : 2 * taps[i];
  }
  for (float& tap : taps) tap /= sum;
  return taps;
}

// Borders are repeated.
void blur(std::vector<float>& values, int width, int height, const std::vector<float>& taps) {
  const int radius = static_cast<int>(taps.size()) - 1;
  std::vector<float> padded(static_cast<size_t>(width) + 2 * radius);
  std::vector<float> rows(values.size(), 0.0f);
  for (int y = 0; y < height; ++y) {
    const float* in = &values[static_cast<size_t>(y) * width];
    float* out = &rows[static_cast<size_t>(y) * width];
    for (int x = 0; x < width + 2 * radius; ++x) {
      padded[x] = in[std::clamp(x - radius, 0, width - 1)];
    }
    for (int k = -radius; k <= radius; ++k) {
      const float tap = taps[std::abs(k)];
      const float* shifted = padded.data() + radius + k;
      for (int x = 0; x < width; ++x) out[x] += tap * shifted[x];
    }
  }
  std::fill(values.begin(), values.end(), 0.0f);
  for (int y = 0; y < height; ++y) {
    float* out = &values[static_cast<size_t>(y) * width];
    for (int k = -radius; k <= radius; ++k) {
      const float tap = taps[std::abs(k)];
      const float* in = &rows[static_cast<size_t>(std::clamp(y + k, 0, height - 1)) * width];
      for (int x = 0; x < width; ++x) out[x] += tap * in[x];
    }
  }
}

// The strengths as a grey map. `sigma` is in pixels of a picture whose short side has 256. A long
// straight edge of strength 1 is white in its middle.
Image soft_edges(const ToyRender& render, std::vector<float> strengths, float sigma) {
  const int short_side = std::min(render.rgb.width, render.rgb.height);
  const auto taps = half_gaussian(std::max(0.5f, sigma * static_cast<float>(short_side) / 256));
  blur(strengths, render.rgb.width, render.rgb.height, taps);
  const float gain = 1 / (taps[0] + taps[1]);
  for (float& value : strengths) value *= gain;
  return grey_image(render, strengths);
}

Image hed_hint(const ToyRender& render) {
  return soft_edges(render, edge_strengths(render), 1.0f);
}

// The soft edges are scaled up linearly, the strokes drawn large. The edges are wider and stronger
// than hed's: the strokes' threshold would swallow those.
Image scribble_hint(const ToyRender& render) {
  std::vector<float> strengths = edge_strengths(render);
  for (float& strength : strengths) {
    strength = strength > kColourEdge ? std::min(1.0f, 1.5f * strength) : 0;
  }
  const Image edges = soft_edges(render, std::move(strengths), 1.25f);
  const ImageSize size = {edges.width, edges.height};
  const ImageSize large = drawing_size(render.rgb);
  Image grey(edges.width, edges.height, 1);
  for (size_t i = 0; i < grey.pixels.size(); ++i) grey.pixels[i] = edges.pixels[3 * i];
  if (large == size) return hwc3(fake_scribble(grey));
  Image strokes =
      resize(fake_scribble(resize(grey, large, Interpolation::linear)), size, Interpolation::area);
  for (uint8_t& pixel : strokes.pixels) pixel = pixel > 127 ? 255 : 0;
  return hwc3(strokes);
}

struct Kind {
  const char* name;
  bool needs_maps;
  Image (*draw)(const ToyRender&);
};

constexpr Kind kKinds[] = {
    {"canny", false, canny_hint},      {"mlsd", true, mlsd_hint},         {"hed", true, hed_hint},
    {"scribble", true, scribble_hint}, {"openpose", true, openpose_hint}, {"seg", true, seg_hint},
    {"depth", true, depth_hint},       {"normal", true, normal_hint},
};

const Kind& find_kind(const std::string& name) {
  for (const Kind& kind : kKinds) {
    if (name == kind.name) return kind;
  }
  throw Error(ErrorKind::unsupported, "control",
              fmt::format("toy world has no maps of kind `{}`; there are {}", name,
                          fmt::join(toy_hint_kinds(), ", ")));
}

}  // namespace

const std::vector<std::string>& toy_hint_kinds() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const Kind& kind : kKinds) list.emplace_back(kind.name);
    return list;
  }();
  return names;
}

void require_toy_hint_kind(const std::string& kind) {
  find_kind(kind);
}

bool toy_hint_needs_maps(const std::string& kind) {
  return find_kind(kind).needs_maps;
}

Image toy_hint(const ToyRender& render, const std::string& kind) {
  const Kind& found = find_kind(kind);
  ZC_BUG_IF(render.rgb.empty() || render.rgb.channels != 3);
  ZC_BUG_IF(found.needs_maps && render.depth.size() != pixel_count(render));
  return found.draw(render);
}

}  // namespace zc
