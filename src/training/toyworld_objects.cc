// SPDX-License-Identifier: Apache-2.0
#include "training/toyworld_objects.h"

#include <algorithm>

#include "training/toyworld_light.h"

namespace zc {
namespace {

ToyVec display_paint(float r, float g, float b) {
  return to_linear({r, g, b});
}

// A pane on the front wall (z = wall) from x0,y0 to x1,y1, standing a little out of it.
struct Pane {
  float x0, y0, x1, y1;
};

void add_front_pane(ToyMesh& mesh, const ToyFrame& frame, float wall, float out, Pane p,
                    uint32_t surface, bool edges) {
  const std::array<ToyVec, 4> corners = {ToyVec{p.x0, p.y0, wall - out},
                                         {p.x1, p.y0, wall - out},
                                         {p.x1, p.y1, wall - out},
                                         {p.x0, p.y1, wall - out}};
  add_quad(mesh, frame, corners, surface, edges);
}

void add_side_pane(ToyMesh& mesh, const ToyFrame& frame, float wall, Pane p, uint32_t surface) {
  const std::array<ToyVec, 4> corners = {
      ToyVec{wall, p.y0, p.x0}, {wall, p.y0, p.x1}, {wall, p.y1, p.x1}, {wall, p.y1, p.x0}};
  add_quad(mesh, frame, corners, surface);
}

Pane grown(Pane p, float by) {
  return {p.x0 - by, p.y0 - by, p.x1 + by, p.y1 + by};
}

struct HouseShape {
  float half_width, half_depth, wall, ridge;
  bool gable_in_front;
};

// Local axes exchanged so that the ridge always runs along x; the gables are at +-x.
struct RidgeAxes {
  bool swapped;
  ToyVec operator()(float along, float y, float across) const {
    return swapped ? ToyVec{across, y, along} : ToyVec{along, y, across};
  }
};

void add_roof(ToyMesh& mesh, const ToyFrame& frame, const HouseShape& h, uint32_t walls,
              uint32_t roof) {
  RidgeAxes at{h.gable_in_front};
  float along = h.gable_in_front ? h.half_depth : h.half_width;
  float across = h.gable_in_front ? h.half_width : h.half_depth;
  float slope = (h.ridge - h.wall) / across;
  constexpr float kOverhang = 0.32f;
  constexpr float kThick = 0.2f;
  float eave = across + kOverhang;
  float eave_y = h.wall - slope * kOverhang;
  float end = along + kOverhang;
  for (float side : {-1.0f, 1.0f}) {
    const std::array<ToyVec, 3> gable = {at(side * along, h.wall, -across),
                                         at(side * along, h.wall, across),
                                         at(side * along, h.ridge, 0)};
    add_triangle(mesh, frame, gable, walls);
    const std::array<ToyVec, 8> slab = {at(-end, h.ridge, 0),
                                        at(end, h.ridge, 0),
                                        at(end, eave_y, side * eave),
                                        at(-end, eave_y, side * eave),
                                        at(-end, h.ridge + kThick, 0),
                                        at(end, h.ridge + kThick, 0),
                                        at(end, eave_y + kThick, side * eave),
                                        at(-end, eave_y + kThick, side * eave)};
    add_hexahedron(mesh, frame, slab, roof, true);
  }
}

void add_windows(ToyMesh& mesh, const ToyFrame& frame, const HouseShape& h, ToyRandom& random,
                 uint32_t frames, uint32_t glass) {
  float low = 0.95f;
  float high = 1.75f;
  constexpr float kBorder = 0.09f;
  float spot = h.half_width * 0.58f;
  for (float side : {-1.0f, 1.0f}) {
    Pane pane = {side * spot - 0.36f, low, side * spot + 0.36f, high};
    add_front_pane(mesh, frame, -h.half_depth, 0.02f, grown(pane, kBorder), frames, true);
    add_front_pane(mesh, frame, -h.half_depth, 0.04f, pane, glass, false);
  }
  for (float side : {-1.0f, 1.0f}) {
    Pane pane = {-0.42f, low, 0.42f, high};
    add_side_pane(mesh, frame, side * (h.half_width + 0.02f), grown(pane, kBorder), frames);
    add_side_pane(mesh, frame, side * (h.half_width + 0.04f), pane, glass);
  }
  if (h.gable_in_front && h.ridge - h.wall > 1.2f && random.chance(0.7f)) {
    Pane pane = {-0.3f, h.wall + 0.05f, 0.3f, h.wall + 0.6f};
    add_front_pane(mesh, frame, -h.half_depth, 0.02f, grown(pane, kBorder), frames, true);
    add_front_pane(mesh, frame, -h.half_depth, 0.04f, pane, glass, false);
  }
}

}  // namespace

ToyFrame frame_of(const ToyObject& object) {
  return {.origin = {object.x, 0, object.z}, .turn = sin_cos(object.heading), .size = object.size};
}

void add_house(ToyMesh& mesh, const ToyObject& object, uint8_t id, bool lamps_on) {
  ToyRandom random(object.style);
  ToyFrame frame = frame_of(object);
  HouseShape h;
  h.half_width = random.range(1.9f, 2.3f);
  h.half_depth = random.range(1.5f, 1.8f);
  h.wall = random.range(2.1f, 2.4f);
  h.gable_in_front = random.chance(0.5f);
  h.ridge = h.wall + (h.gable_in_front ? random.range(1.5f, 1.8f) : random.range(1.2f, 1.5f));
  float shade = random.range(-1, 1);

  auto surface = [&](ToyVec paint, ToyPart part, float glow = 0) {
    return mesh.add_surface(
        {.albedo = paint, .label = toy_house, .object = id, .part = part, .glow = glow});
  };
  uint32_t walls = surface(toy_paint(object.colour, shade), ToyPart::body);
  uint32_t roof = surface(toy_paint(object.second_colour, random.range(-1, 1)), ToyPart::second);
  bool pale = object.colour == ToyColour::white || object.colour == ToyColour::yellow;
  uint32_t frames =
      surface(pale ? display_paint(0.55f, 0.44f, 0.36f) : display_paint(0.94f, 0.93f, 0.90f),
              ToyPart::other);
  uint32_t glass = lamps_on ? surface(display_paint(1.0f, 0.86f, 0.45f), ToyPart::other, 1)
                            : surface(display_paint(0.52f, 0.68f, 0.80f), ToyPart::other);
  uint32_t door = surface(display_paint(0.44f, 0.27f, 0.17f), ToyPart::other);

  add_box(mesh, frame, {-h.half_width, 0, -h.half_depth}, {h.half_width, h.wall, h.half_depth},
          walls, true);
  add_roof(mesh, frame, h, walls, roof);
  Pane opening = {-0.42f, 0, 0.42f, 1.55f};
  add_front_pane(mesh, frame, -h.half_depth, 0.02f,
                 {opening.x0 - 0.1f, 0, opening.x1 + 0.1f, opening.y1 + 0.1f}, frames, true);
  add_front_pane(mesh, frame, -h.half_depth, 0.04f, opening, door, false);
  add_windows(mesh, frame, h, random, frames, glass);
  if (random.chance(0.6f)) {
    float x = h.gable_in_front ? h.half_width * 0.5f : h.half_width * 0.55f;
    uint32_t bricks = surface(display_paint(0.62f, 0.36f, 0.29f), ToyPart::other);
    float z = h.gable_in_front ? 0.2f : 0.45f;
    add_box(mesh, frame, {x - 0.24f, h.wall + 0.3f, z - 0.24f},
            {x + 0.24f, h.ridge + 0.55f, z + 0.24f}, bricks, true);
  }
}

void add_tree(ToyMesh& mesh, const ToyObject& object, uint8_t id) {
  ToyRandom random(object.style);
  ToyFrame frame = frame_of(object);
  uint32_t bark = mesh.add_surface({.albedo = display_paint(0.45f, 0.31f, 0.22f),
                                    .label = toy_tree,
                                    .object = id,
                                    .part = ToyPart::other});
  uint32_t crown = mesh.add_surface({.albedo = toy_paint(object.colour, random.range(-1, 1)),
                                     .label = toy_tree,
                                     .object = id,
                                     .part = ToyPart::body});
  if (object.tree_shape == ToyTreeShape::conifer) {
    const std::array<ToyRing, 3> trunk = {
        ToyRing{0, 0.24f, 0.24f}, {0.9f, 0.2f, 0.2f}, {0.9f, 0, 0}};
    add_loft(mesh, frame, {}, trunk, bark, 10);
    float width = random.range(1.15f, 1.4f);
    float bottom = 0.65f;
    for (int tier = 0; tier < 3; ++tier) {
      float r = width * (1 - 0.24f * static_cast<float>(tier));
      float top = bottom + 1.75f - 0.12f * static_cast<float>(tier);
      const std::array<ToyRing, 5> cone = {ToyRing{bottom, 0, 0},
                                           {bottom, r, r},
                                           {bottom, r, r},
                                           {mix(bottom, top, 0.5f), r * 0.5f, r * 0.5f},
                                           {top, 0, 0}};
      add_loft(mesh, frame, {}, cone, crown, 18);
      bottom += 1.05f;
    }
    return;
  }
  const std::array<ToyRing, 3> trunk = {
      ToyRing{0, 0.27f, 0.27f}, {0.5f, 0.2f, 0.2f}, {2.0f, 0.17f, 0.17f}};
  add_loft(mesh, frame, {}, trunk, bark, 10);
  float width = random.range(1.2f, 1.4f);
  float height = random.range(1.25f, 1.5f);
  float middle = 1.55f + height;
  add_ellipsoid(mesh, frame, {0, middle, 0}, {width, height, width}, crown, 22, 14);
  // Smaller balls break the outline without adding anything fine.
  int balls = 2 + random.index(3);
  float start = random.range(0, 6.28f);
  for (int i = 0; i < balls; ++i) {
    SinCos around = sin_cos(start + 6.2831853f * static_cast<float>(i) / static_cast<float>(balls));
    float r = width * random.range(0.55f, 0.68f);
    float y = middle - height * random.range(0.15f, 0.45f);
    add_ellipsoid(mesh, frame, {around.cos * width * 0.68f, y, around.sin * width * 0.68f},
                  {r, r * 0.95f, r}, crown, 16, 10);
  }
}

namespace {

// A side outline (z from front to back, y) drawn out along x from -half to half.
void add_extrusion(ToyMesh& mesh, const ToyFrame& frame, std::span<const ToyVec, 4> outline,
                   float half_low, float half_high, uint32_t surface) {
  std::array<ToyVec, 8> corners;
  for (int i = 0; i < 4; ++i) {
    float half = i < 2 ? half_low : half_high;
    corners[i] = {-half, outline[i].y, outline[i].z};
    corners[4 + i] = {half, outline[i].y, outline[i].z};
  }
  add_hexahedron(mesh, frame, corners, surface, true);
}

void add_car_glass(ToyMesh& mesh, const ToyFrame& frame, uint32_t glass, float base, float top,
                   float z0, float z1) {
  // The panes follow the cabin's slopes: at the share t of its height the cabin is so wide and so
  // long.
  auto half_at = [](float t) { return mix(0.76f, 0.62f, t) + 0.015f; };
  auto front_at = [&](float t) { return mix(z0, z0 + 0.55f, t); };
  auto back_at = [&](float t) { return mix(z1, z1 - 0.38f, t); };
  auto y_at = [&](float t) { return mix(base, top, t); };
  constexpr float kLow = 0.14f;
  constexpr float kHigh = 0.86f;
  for (float side : {-1.0f, 1.0f}) {
    float post = mix(z0, z1, 0.52f);
    const std::array<ToyVec, 4> first = {
        ToyVec{side * half_at(kLow), y_at(kLow), front_at(kLow) + 0.16f},
        {side * half_at(kLow), y_at(kLow), post - 0.07f},
        {side * half_at(kHigh), y_at(kHigh), post - 0.07f},
        {side * half_at(kHigh), y_at(kHigh), front_at(kHigh) + 0.12f}};
    const std::array<ToyVec, 4> second = {
        ToyVec{side * half_at(kLow), y_at(kLow), post + 0.07f},
        {side * half_at(kLow), y_at(kLow), back_at(kLow) - 0.14f},
        {side * half_at(kHigh), y_at(kHigh), back_at(kHigh) - 0.12f},
        {side * half_at(kHigh), y_at(kHigh), post + 0.07f}};
    add_quad(mesh, frame, first, glass);
    add_quad(mesh, frame, second, glass);
  }
  for (bool front : {true, false}) {
    auto z_at = [&](float t) { return front ? front_at(t) - 0.02f : back_at(t) + 0.02f; };
    const std::array<ToyVec, 4> pane = {ToyVec{-half_at(kLow) + 0.12f, y_at(kLow), z_at(kLow)},
                                        {half_at(kLow) - 0.12f, y_at(kLow), z_at(kLow)},
                                        {half_at(kHigh) - 0.11f, y_at(kHigh), z_at(kHigh)},
                                        {-half_at(kHigh) + 0.11f, y_at(kHigh), z_at(kHigh)}};
    add_quad(mesh, frame, pane, glass);
  }
}

}  // namespace

void add_car(ToyMesh& mesh, const ToyObject& object, uint8_t id, bool lamps_on) {
  ToyRandom random(object.style);
  ToyFrame frame = frame_of(object);
  auto surface = [&](ToyVec paint, ToyPart part, float glow = 0) {
    return mesh.add_surface(
        {.albedo = paint, .label = toy_car, .object = id, .part = part, .glow = glow});
  };
  uint32_t body = surface(toy_paint(object.colour, random.range(-1, 1)), ToyPart::body);
  bool dark = object.colour == ToyColour::black;
  uint32_t glass =
      surface(dark ? display_paint(0.60f, 0.70f, 0.78f) : display_paint(0.22f, 0.30f, 0.40f),
              ToyPart::other);
  uint32_t tyre = surface(display_paint(0.13f, 0.13f, 0.15f), ToyPart::other);
  uint32_t hub = surface(display_paint(0.78f, 0.79f, 0.80f), ToyPart::other);
  uint32_t lamp =
      surface(display_paint(1.0f, 0.94f, 0.70f), ToyPart::other, lamps_on ? 1.0f : 0.25f);
  uint32_t rear =
      surface(display_paint(0.80f, 0.12f, 0.12f), ToyPart::other, lamps_on ? 0.6f : 0.0f);
  uint32_t sill = surface(display_paint(0.24f, 0.25f, 0.28f), ToyPart::other);

  // Long bonnet and boot, or a van-like tail.
  bool van = random.chance(0.35f);
  float z0 = -0.75f;
  float z1 = van ? 1.75f : 1.2f;
  constexpr float kBelt = 0.95f;
  float top = van ? 1.62f : 1.5f;
  const std::array<ToyVec, 4> lower = {
      ToyVec{0, 0.42f, -1.85f}, {0, 0.42f, 1.85f}, {0, kBelt, 1.8f}, {0, kBelt - 0.08f, -1.72f}};
  const std::array<ToyVec, 4> cabin = {
      ToyVec{0, kBelt - 0.06f, z0}, {0, kBelt, z1}, {0, top, z1 - 0.38f}, {0, top, z0 + 0.55f}};
  add_extrusion(mesh, frame, lower, 0.84f, 0.78f, body);
  add_extrusion(mesh, frame, cabin, 0.76f, 0.62f, body);
  add_box(mesh, frame, {-0.8f, 0.26f, -1.78f}, {0.8f, 0.44f, 1.78f}, sill, false);
  add_car_glass(mesh, frame, glass, kBelt - 0.03f, top, z0, z1);
  for (float side : {-1.0f, 1.0f}) {
    for (float z : {-1.12f, 1.15f}) {
      add_wheel(mesh, frame, {side * 0.74f, 0.37f, z}, 0.37f, 0.14f, tyre);
      add_wheel(mesh, frame, {side * 0.78f, 0.37f, z}, 0.19f, 0.12f, hub);
    }
    add_ellipsoid(mesh, frame, {side * 0.55f, 0.68f, -1.8f}, {0.17f, 0.14f, 0.08f}, lamp, 12, 8);
    add_box(mesh, frame, {side * 0.58f - 0.17f, 0.64f, 1.8f}, {side * 0.58f + 0.17f, 0.82f, 1.87f},
            rear, false);
  }
}

}  // namespace zc
