// SPDX-License-Identifier: Apache-2.0
#include "training/toyworld_maps.h"

#include <algorithm>

#include "training/toyworld_light.h"
#include "training/toyworld_objects.h"
#include "training/toyworld_paint.h"

namespace zc {
namespace {

uint8_t floor_label(const ToyScene& scene, ToyFloor floor) {
  switch (floor) {
    case ToyFloor::ground:
      return toy_ground_paint(scene.ground).label;
    case ToyFloor::road:
    case ToyFloor::line:
      return toy_road;
    case ToyFloor::path:
      return toy_path;
  }
  return toy_earth;
}

void put_normal(ToyRender& out, size_t at, ToyVec world) {
  out.normals[3 * at] = world.x;
  out.normals[3 * at + 1] = world.y;
  out.normals[3 * at + 2] = -world.z;
}

void map_behind(const ToyScene& scene, const ToyCamera& camera, ToyRender& out,
                std::vector<float>& inverse) {
  std::vector<ToyFloor> floor = paint_floor(scene, camera);
  for (int y = 0; y < camera.height; ++y) {
    float depth = camera.ground_inverse_depth(static_cast<float>(y) + 0.5f);
    for (int x = 0; x < camera.width; ++x) {
      size_t at = static_cast<size_t>(y) * camera.width + x;
      if (depth <= 1 / kToyFarDepth) {
        put_normal(out, at, {0, 0, -1});
        out.labels[at] = depth > 0 ? floor_label(scene, floor[at]) : static_cast<uint8_t>(toy_sky);
        continue;
      }
      inverse[at] = depth;
      put_normal(out, at, {0, 1, 0});
      out.labels[at] = floor_label(scene, floor[at]);
    }
  }
}

void map_mesh(const ToyMesh& mesh, const ToyCamera& camera, ToyRender& out,
              std::vector<float>& inverse) {
  ToyVec eye = {0, camera.eye, 0};
  for (const auto& face : mesh.faces) {
    const ToyVertex* v[3] = {&mesh.vertices[face[0]], &mesh.vertices[face[1]],
                             &mesh.vertices[face[2]]};
    bool away = true;
    for (const ToyVertex* corner : v) away = away && dot(corner->normal, corner->at - eye) > 0;
    if (away) continue;
    const ToySurface& surface = mesh.surfaces[v[0]->surface];
    raster_triangle(camera, {v[0]->at, v[1]->at, v[2]->at}, [&](const ToySample& s, ToyVec w) {
      size_t at = static_cast<size_t>(s.y) * camera.width + s.x;
      if (s.inverse_depth <= inverse[at]) return;
      inverse[at] = s.inverse_depth;
      out.labels[at] = surface.label;
      out.object_ids[at] = surface.object;
      out.parts[at] = static_cast<uint8_t>(surface.part);
      // Weights on the screen become weights in space when divided by the corners' distances.
      ToyVec near = {w.x / v[0]->at.z, w.y / v[1]->at.z, w.z / v[2]->at.z};
      put_normal(out, at,
                 normalised(v[0]->normal * near.x + v[1]->normal * near.y + v[2]->normal * near.z));
    });
  }
}

// The middle of the pixel at or next to which something is seen.
class Visibility {
 public:
  Visibility(const ToyCamera& camera, const ToyRender& render) : camera_(camera), render_(render) {}

  bool inside(ToyVec screen) const {
    return screen.x >= 0 && screen.y >= 0 && screen.x < static_cast<float>(camera_.width) &&
           screen.y < static_cast<float>(camera_.height);
  }
  size_t index(ToyVec screen) const {
    return static_cast<size_t>(static_cast<int>(screen.y)) * camera_.width +
           static_cast<int>(screen.x);
  }
  // Edges lie on outlines, where the pixel itself may show what is behind: a neighbour at the right
  // depth is enough.
  bool edge_point(ToyVec p) const {
    if (p.z < kToyNear) return false;
    ToyVec screen = camera_.project(p);
    if (!inside(screen)) return false;
    int x = static_cast<int>(screen.x);
    int y = static_cast<int>(screen.y);
    for (int dy = -1; dy <= 1; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) {
        int nx = std::clamp(x + dx, 0, camera_.width - 1);
        int ny = std::clamp(y + dy, 0, camera_.height - 1);
        float depth = render_.depth[static_cast<size_t>(ny) * camera_.width + nx];
        if (std::fabs(depth - p.z) < 0.015f * p.z + 0.05f) return true;
      }
    }
    return false;
  }

 private:
  const ToyCamera& camera_;
  const ToyRender& render_;
};

void add_segment(const ToyCamera& camera, const Visibility& seen, ToyEdge edge,
                 std::vector<ToySegment>& out) {
  if (edge.a.z < kToyNear && edge.b.z < kToyNear) return;
  if (edge.a.z > edge.b.z) std::swap(edge.a, edge.b);
  if (edge.a.z < kToyNear) {
    edge.a = mix(edge.a, edge.b, (kToyNear - edge.a.z) / (edge.b.z - edge.a.z));
    edge.a.z = kToyNear;
  }
  ToyVec a = camera.project(edge.a);
  ToyVec b = camera.project(edge.b);
  float length = std::sqrt((b.x - a.x) * (b.x - a.x) + (b.y - a.y) * (b.y - a.y));
  float shortest =
      std::max(4.0f, 0.02f * static_cast<float>(std::min(camera.width, camera.height)));
  if (length < shortest) return;
  // Steps of half a pixel on the screen; long strips that run out of the picture keep to a bounded
  // number.
  int steps = static_cast<int>(std::clamp(length * 2, 2.0f, 20000.0f));
  auto at = [&](int i) { return mix(a, b, static_cast<float>(i) / static_cast<float>(steps)); };
  auto world_visible = [&](ToyVec s) {
    float z = 1 / s.z;
    return seen.edge_point({(s.x - camera.middle_x) * z / camera.focal,
                            (camera.horizon_y - s.y) * z / camera.focal + camera.eye, z});
  };
  int start = -1;
  for (int i = 0; i <= steps + 1; ++i) {
    bool visible = i <= steps && world_visible(at(i));
    if (visible && start < 0) start = i;
    if (visible || start < 0) continue;
    ToyVec p = at(start);
    ToyVec q = at(i - 1);
    float dx = q.x - p.x;
    float dy = q.y - p.y;
    if (dx * dx + dy * dy >= shortest * shortest) out.push_back({p.x, p.y, q.x, q.y});
    start = -1;
  }
}

void add_segments(const ToyScene& scene, const ToyMesh& mesh, const ToyCamera& camera,
                  ToyRender& out) {
  Visibility seen(camera, out);
  for (const ToyEdge& edge : mesh.edges) add_segment(camera, seen, edge, out.segments);
  for (const ToyStrip& strip : ground_strips(scene)) {
    if (!strip.straight || strip.floor != ToyFloor::road) continue;
    bool across = scene.way == ToyWay::road_across;
    const auto& [a, b] = strip.pairs.front();
    const auto& [d, c] = strip.pairs.back();
    add_segment(camera, seen, across ? ToyEdge{a, b} : ToyEdge{a, d}, out.segments);
    add_segment(camera, seen, across ? ToyEdge{d, c} : ToyEdge{b, c}, out.segments);
  }
}

void add_figures(const ToyScene& scene, const ToyCamera& camera, ToyRender& out) {
  Visibility seen(camera, out);
  for (size_t i = 0; i < scene.objects.size(); ++i) {
    const ToyObject& object = scene.objects[i];
    if (object.kind != ToyKind::figure) continue;
    ToyFigure figure;
    figure.object = static_cast<int>(i);
    std::array<ToyVec, 18> joints = figure_joints(object);
    for (int k = 0; k < 18; ++k) {
      ToyVec screen = camera.project(joints[k]);
      ToyKeypoint& point = figure.keypoints[k];
      point.x = screen.x;
      point.y = screen.y;
      if (!seen.inside(screen)) continue;
      size_t at = seen.index(screen);
      bool face = k == 0 || k >= 14;
      // Joints lie inside limbs, face points on the skin: the latter must not be behind the head.
      point.visible =
          out.object_ids[at] == i && (!face || out.depth[at] > joints[k].z - 0.1f * object.size);
    }
    out.figures.push_back(figure);
  }
}

}  // namespace

void add_maps(const ToyScene& scene, const ToyMesh& mesh, ToyRender& out) {
  ToyCamera camera(scene, out.rgb.width, out.rgb.height);
  size_t count = static_cast<size_t>(camera.width) * camera.height;
  std::vector<float> inverse(count, 0.0f);
  out.normals.assign(3 * count, 0.0f);
  out.labels.assign(count, toy_sky);
  out.object_ids.assign(count, kToyNoObject);
  out.parts.assign(count, 0);
  map_behind(scene, camera, out, inverse);
  map_mesh(mesh, camera, out, inverse);
  out.depth.resize(count);
  for (size_t i = 0; i < count; ++i)
    out.depth[i] = inverse[i] > 0 ? std::min(1 / inverse[i], kToyFarDepth) : kToyFarDepth;
  add_segments(scene, mesh, camera, out);
  add_figures(scene, camera, out);
}

Image toy_normal_image(const ToyRender& render) {
  Image out(render.rgb.width, render.rgb.height, 3);
  for (size_t i = 0; i < out.pixels.size() && i < render.normals.size(); ++i) {
    out.pixels[i] = static_cast<uint8_t>(clamp01(render.normals[i] * 0.5f + 0.5f) * 255 + 0.5f);
  }
  return out;
}

}  // namespace zc
