// SPDX-License-Identifier: Apache-2.0
// Triangle meshes of toy world and the solids of which its objects are made.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "training/toyworld.h"
#include "training/toyworld_math.h"

namespace zc {

struct ToySurface {
  ToyVec albedo;      // linear light
  uint8_t label = 0;  // ADE20K
  uint8_t object = kToyNoObject;
  ToyPart part = ToyPart::none;
  float glow = 0;  // share of the albedo that shines without light
  bool casts_shadow = true;
};

struct ToyVertex {
  ToyVec at, normal;
  uint32_t surface;
};

struct ToyEdge {
  ToyVec a, b;
};

struct ToyMesh {
  std::vector<ToySurface> surfaces;
  std::vector<ToyVertex> vertices;
  std::vector<std::array<uint32_t, 3>> faces;
  std::vector<ToyEdge> edges;  // straight edges a line detector should find

  uint32_t add_surface(const ToySurface& surface);
};

// Where the solids of one object stand: local coordinates have the front at -z.
struct ToyFrame {
  ToyVec origin;
  SinCos turn = {0, 1};
  float size = 1;

  ToyVec point(ToyVec local) const { return origin + turned(local * size, turn); }
  ToyVec direction(ToyVec local) const { return turned(local, turn); }
};

// Single faces on the outside of an object: the normal points away from its inside. Corners go
// round.
void add_quad(ToyMesh& mesh, const ToyFrame& frame, std::span<const ToyVec, 4> corners,
              uint32_t surface, bool with_edges = false);

// The first four corners go round one end, the other four lie opposite to them in the same order.
void add_hexahedron(ToyMesh& mesh, const ToyFrame& frame, std::span<const ToyVec, 8> corners,
                    uint32_t surface, bool with_edges);
void add_box(ToyMesh& mesh, const ToyFrame& frame, ToyVec low, ToyVec high, uint32_t surface,
             bool with_edges);
void add_triangle(ToyMesh& mesh, const ToyFrame& frame, std::span<const ToyVec, 3> corners,
                  uint32_t surface);

void add_ellipsoid(ToyMesh& mesh, const ToyFrame& frame, ToyVec centre, ToyVec radii,
                   uint32_t surface, int slices = 16, int stacks = 10);
void add_capsule(ToyMesh& mesh, const ToyFrame& frame, ToyVec a, ToyVec b, float radius_a,
                 float radius_b, uint32_t surface);

// A disc-ended drum along local x.
void add_wheel(ToyMesh& mesh, const ToyFrame& frame, ToyVec centre, float radius, float half_width,
               uint32_t surface);

// A closed stack of upright ellipses; two rings of the same height make a sharp edge.
struct ToyRing {
  float y, rx, rz;
};
void add_loft(ToyMesh& mesh, const ToyFrame& frame, ToyVec foot, std::span<const ToyRing> rings,
              uint32_t surface, int slices = 16);

}  // namespace zc
