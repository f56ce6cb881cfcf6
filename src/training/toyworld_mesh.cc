// SPDX-License-Identifier: Apache-2.0
#include "training/toyworld_mesh.h"

#include <algorithm>

namespace zc {
namespace {

constexpr float kPi = 3.14159265f;

// Single faces look away from this local point, which lies inside every object.
constexpr ToyVec kHeart = {0, 0.8f, 0};

uint32_t add_vertex(ToyMesh& mesh, ToyVec at, ToyVec normal, uint32_t surface) {
  mesh.vertices.push_back({at, normal, surface});
  return static_cast<uint32_t>(mesh.vertices.size() - 1);
}

// Faces of a grid of vertices whose columns close on themselves.
void add_closed_grid(ToyMesh& mesh, uint32_t first, int columns, int rows) {
  auto at = [&](int row, int column) {
    return first + static_cast<uint32_t>(row * columns + column % columns);
  };
  for (int row = 0; row + 1 < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      mesh.faces.push_back({at(row, column), at(row + 1, column), at(row, column + 1)});
      mesh.faces.push_back({at(row, column + 1), at(row + 1, column), at(row + 1, column + 1)});
    }
  }
}

// Flat faces of a convex solid look away from its middle, whatever way their corners go round.
ToyVec outward(ToyVec normal, ToyVec on_face, ToyVec middle) {
  return dot(normal, on_face - middle) < 0 ? normal * -1 : normal;
}

void add_flat_quad(ToyMesh& mesh, std::span<const ToyVec, 4> p, ToyVec normal, uint32_t surface) {
  uint32_t first = add_vertex(mesh, p[0], normal, surface);
  for (int i = 1; i < 4; ++i) add_vertex(mesh, p[i], normal, surface);
  mesh.faces.push_back({first, first + 1, first + 2});
  mesh.faces.push_back({first, first + 2, first + 3});
}

}  // namespace

uint32_t ToyMesh::add_surface(const ToySurface& surface) {
  surfaces.push_back(surface);
  return static_cast<uint32_t>(surfaces.size() - 1);
}

void add_quad(ToyMesh& mesh, const ToyFrame& frame, std::span<const ToyVec, 4> corners,
              uint32_t surface, bool with_edges) {
  std::array<ToyVec, 4> p;
  for (int i = 0; i < 4; ++i) p[i] = frame.point(corners[i]);
  ToyVec normal = normalised(cross(p[1] - p[0], p[2] - p[0]));
  add_flat_quad(mesh, p, outward(normal, p[0], frame.point(kHeart)), surface);
  for (int i = 0; with_edges && i < 4; ++i) mesh.edges.push_back({p[i], p[(i + 1) % 4]});
}

void add_triangle(ToyMesh& mesh, const ToyFrame& frame, std::span<const ToyVec, 3> corners,
                  uint32_t surface) {
  std::array<ToyVec, 3> p;
  for (int i = 0; i < 3; ++i) p[i] = frame.point(corners[i]);
  ToyVec normal = normalised(cross(p[1] - p[0], p[2] - p[0]));
  normal = outward(normal, p[0], frame.point(kHeart));
  uint32_t first = add_vertex(mesh, p[0], normal, surface);
  add_vertex(mesh, p[1], normal, surface);
  add_vertex(mesh, p[2], normal, surface);
  mesh.faces.push_back({first, first + 1, first + 2});
}

void add_hexahedron(ToyMesh& mesh, const ToyFrame& frame, std::span<const ToyVec, 8> corners,
                    uint32_t surface, bool with_edges) {
  constexpr int kFaces[6][4] = {{0, 1, 2, 3}, {4, 5, 6, 7}, {0, 1, 5, 4},
                                {1, 2, 6, 5}, {2, 3, 7, 6}, {3, 0, 4, 7}};
  std::array<ToyVec, 8> p;
  ToyVec middle;
  for (int i = 0; i < 8; ++i) {
    p[i] = frame.point(corners[i]);
    middle = middle + p[i] * 0.125f;
  }
  for (const auto& face : kFaces) {
    std::array<ToyVec, 4> q = {p[face[0]], p[face[1]], p[face[2]], p[face[3]]};
    ToyVec normal = normalised(cross(q[2] - q[0], q[3] - q[1]));
    add_flat_quad(mesh, q, outward(normal, (q[0] + q[2]) * 0.5f, middle), surface);
  }
  for (int i = 0; with_edges && i < 4; ++i) {
    mesh.edges.push_back({p[i], p[(i + 1) % 4]});
    mesh.edges.push_back({p[4 + i], p[4 + (i + 1) % 4]});
    mesh.edges.push_back({p[i], p[4 + i]});
  }
}

void add_box(ToyMesh& mesh, const ToyFrame& frame, ToyVec low, ToyVec high, uint32_t surface,
             bool with_edges) {
  const std::array<ToyVec, 8> corners = {ToyVec{low.x, low.y, low.z},  {high.x, low.y, low.z},
                                         {high.x, low.y, high.z},      {low.x, low.y, high.z},
                                         ToyVec{low.x, high.y, low.z}, {high.x, high.y, low.z},
                                         {high.x, high.y, high.z},     {low.x, high.y, high.z}};
  add_hexahedron(mesh, frame, corners, surface, with_edges);
}

void add_ellipsoid(ToyMesh& mesh, const ToyFrame& frame, ToyVec centre, ToyVec radii,
                   uint32_t surface, int slices, int stacks) {
  auto first = static_cast<uint32_t>(mesh.vertices.size());
  for (int stack = 0; stack <= stacks; ++stack) {
    SinCos polar = sin_cos(kPi * static_cast<float>(stack) / static_cast<float>(stacks));
    for (int slice = 0; slice < slices; ++slice) {
      SinCos around = sin_cos(2 * kPi * static_cast<float>(slice) / static_cast<float>(slices));
      ToyVec unit = {polar.sin * around.cos, polar.cos, polar.sin * around.sin};
      ToyVec normal = normalised({unit.x / radii.x, unit.y / radii.y, unit.z / radii.z});
      add_vertex(mesh, frame.point(centre + unit * radii), frame.direction(normal), surface);
    }
  }
  add_closed_grid(mesh, first, slices, stacks + 1);
}

void add_capsule(ToyMesh& mesh, const ToyFrame& frame, ToyVec a, ToyVec b, float radius_a,
                 float radius_b, uint32_t surface) {
  constexpr int kSlices = 12;
  constexpr int kCap = 3;
  ToyVec axis = normalised(b - a);
  ToyVec helper = std::fabs(axis.x) < 0.8f ? ToyVec{1, 0, 0} : ToyVec{0, 0, 1};
  ToyVec side = normalised(cross(axis, helper));
  ToyVec other = cross(axis, side);
  auto first = static_cast<uint32_t>(mesh.vertices.size());
  for (int end = 0; end < 2; ++end) {
    for (int ring = 0; ring <= kCap; ++ring) {
      float t = static_cast<float>(end == 0 ? ring - kCap : ring) / kCap;
      SinCos polar = sin_cos(t * kPi / 2);
      for (int slice = 0; slice < kSlices; ++slice) {
        SinCos around = sin_cos(2 * kPi * static_cast<float>(slice) / kSlices);
        ToyVec unit = axis * polar.sin + (side * around.cos + other * around.sin) * polar.cos;
        ToyVec at = end == 0 ? a + unit * radius_a : b + unit * radius_b;
        add_vertex(mesh, frame.point(at), frame.direction(unit), surface);
      }
    }
  }
  add_closed_grid(mesh, first, kSlices, 2 * (kCap + 1));
}

void add_wheel(ToyMesh& mesh, const ToyFrame& frame, ToyVec centre, float radius, float half_width,
               uint32_t surface) {
  constexpr int kSlices = 18;
  // Each end has its ring twice: once for the tread's normals and once for the flat side's.
  const struct {
    float x, radius;
    ToyVec axial;
    float radial;
  } rings[] = {{-half_width, 0, {-1, 0, 0}, 0},     {-half_width, radius, {-1, 0, 0}, 0},
               {-half_width, radius, {0, 0, 0}, 1}, {half_width, radius, {0, 0, 0}, 1},
               {half_width, radius, {1, 0, 0}, 0},  {half_width, 0, {1, 0, 0}, 0}};
  auto first = static_cast<uint32_t>(mesh.vertices.size());
  for (const auto& ring : rings) {
    for (int slice = 0; slice < kSlices; ++slice) {
      SinCos around = sin_cos(2 * kPi * static_cast<float>(slice) / kSlices);
      ToyVec radial = {0, around.sin, around.cos};
      ToyVec at = centre + ToyVec{ring.x, 0, 0} + radial * ring.radius;
      add_vertex(mesh, frame.point(at), frame.direction(ring.axial + radial * ring.radial),
                 surface);
    }
  }
  add_closed_grid(mesh, first, kSlices, 6);
}

void add_loft(ToyMesh& mesh, const ToyFrame& frame, ToyVec foot, std::span<const ToyRing> rings,
              uint32_t surface, int slices) {
  // Two vertices for each ring, one with the slope of the band below and one of the band above,
  // would facet smooth shapes; the mean slope of both bands is used unless the ring is doubled.
  auto first = static_cast<uint32_t>(mesh.vertices.size());
  int count = static_cast<int>(rings.size());
  auto doubled = [&](int i, int j) {
    return j < 0 || j >= count || (rings[i].y == rings[j].y && rings[i].rx == rings[j].rx);
  };
  for (int i = 0; i < count; ++i) {
    int below = doubled(i, i - 1) ? i : i - 1;
    int above = doubled(i, i + 1) ? i : i + 1;
    float rise = rings[above].y - rings[below].y;
    float shrink_x = rings[below].rx - rings[above].rx;
    float shrink_z = rings[below].rz - rings[above].rz;
    for (int slice = 0; slice < slices; ++slice) {
      SinCos around = sin_cos(2 * kPi * static_cast<float>(slice) / static_cast<float>(slices));
      float rx = std::max(rings[i].rx, 1e-3f);
      float rz = std::max(rings[i].rz, 1e-3f);
      ToyVec at = foot + ToyVec{rings[i].rx * around.cos, rings[i].y, rings[i].rz * around.sin};
      ToyVec flat = normalised({around.cos / rx, 0, around.sin / rz});
      float shrink = shrink_x * around.cos * around.cos + shrink_z * around.sin * around.sin;
      ToyVec normal = normalised({flat.x * rise, shrink, flat.z * rise});
      add_vertex(mesh, frame.point(at), frame.direction(normal), surface);
    }
  }
  add_closed_grid(mesh, first, slices, count);
}

}  // namespace zc
