// SPDX-License-Identifier: Apache-2.0
// Hills, mountains, fence and bushes of toy world, and the mesh of a whole scene.
#include <array>

#include "training/toyworld_light.h"
#include "training/toyworld_objects.h"

namespace zc {
namespace {

constexpr uint64_t kBackdropStream = 0xBAC4D809ull;

void add_hills(ToyMesh& mesh, const ToyScene& scene, ToyRandom& random) {
  ToyVec base = toy_ground_paint(scene.ground).hill;
  for (int row = 0; row < 2; ++row) {
    float z = row == 0 ? 110.0f : 62.0f;
    float height = row == 0 ? random.range(13, 20) : random.range(5, 8);
    uint32_t surface = mesh.add_surface(
        {.albedo = base * (row == 0 ? 0.8f : 1.0f), .label = toy_hill, .casts_shadow = false});
    float x = -z * 1.1f + random.range(-8, 8);
    while (x < z * 1.1f) {
      float half = height * random.range(2.2f, 3.4f);
      x += half * random.range(0.75f, 1.0f);
      ToyFrame frame = {.origin = {x, -height * 0.15f, z}};
      add_ellipsoid(mesh, frame, {}, {half, height * random.range(0.75f, 1.1f), height}, surface,
                    40, 20);
    }
  }
}

// A cone with few sides whose top is snow; flat faces give the cut-paper look.
void add_mountain(ToyMesh& mesh, ToyVec foot, float height, float radius, uint32_t rock,
                  uint32_t snow, ToyRandom& random) {
  constexpr int kSides = 7;
  ToyFrame frame = {.origin = foot};
  std::array<ToyVec, kSides> ring, line;
  float start = random.range(0, 6.28f);
  ToyVec peak = {radius * random.range(-0.12f, 0.12f), height, 0};
  for (int i = 0; i < kSides; ++i) {
    SinCos a = sin_cos(start + 6.2831853f * static_cast<float>(i) / kSides);
    float r = radius * random.range(0.85f, 1.15f);
    ring[i] = {a.cos * r, -1, a.sin * r};
    line[i] = mix(ring[i], peak, random.range(0.55f, 0.72f));
  }
  for (int i = 0; i < kSides; ++i) {
    int j = (i + 1) % kSides;
    add_quad(mesh, frame, std::array<ToyVec, 4>{ring[i], ring[j], line[j], line[i]}, rock);
    add_triangle(mesh, frame, std::array<ToyVec, 3>{line[i], line[j], peak}, snow);
  }
}

void add_mountains(ToyMesh& mesh, const ToyScene& scene, ToyRandom& random) {
  bool warm = scene.ground == ToyGround::sand;
  ToyVec rock_paint = to_linear(warm ? ToyVec{0.66f, 0.46f, 0.36f} : ToyVec{0.45f, 0.49f, 0.58f});
  ToyVec snow_paint = to_linear({0.93f, 0.95f, 0.97f});
  uint32_t rock =
      mesh.add_surface({.albedo = rock_paint, .label = toy_mountain, .casts_shadow = false});
  uint32_t snow = mesh.add_surface({.albedo = warm ? rock_paint * 1.15f : snow_paint,
                                    .label = toy_mountain,
                                    .casts_shadow = false});
  float x = -105;
  while (x < 105) {
    float height = random.range(15, 34);
    float radius = height * random.range(0.95f, 1.3f);
    float z = random.range(112, 128);
    add_mountain(mesh, {x, 0, z}, height, radius, rock, snow, random);
    x += radius * random.range(0.7f, 1.1f);
  }
}

void add_fence(ToyMesh& mesh, const ToyScene& scene) {
  uint32_t surface =
      mesh.add_surface({.albedo = to_linear({0.80f, 0.66f, 0.48f}), .label = toy_fence});
  float z = scene.fence_z;
  ToyFrame frame;
  float reach = z * 0.9f;
  for (float y : {0.42f, 0.84f})
    add_box(mesh, frame, {-reach, y, z}, {reach, y + 0.2f, z + 0.08f}, surface, false);
  constexpr float kStep = 2.0f;
  for (float x = -std::floor(reach / kStep) * kStep; x <= reach; x += kStep) {
    add_box(mesh, frame, {x - 0.12f, 0, z - 0.05f}, {x + 0.12f, 1.25f, z + 0.12f}, surface, false);
  }
}

}  // namespace

ToyMesh build_mesh(const ToyScene& scene) {
  ToyMesh mesh;
  mesh.vertices.reserve(8192);
  mesh.faces.reserve(16384);
  ToyRandom random(scene.seed ^ kBackdropStream);
  if (scene.backdrop == ToyBackdrop::hills) add_hills(mesh, scene, random);
  if (scene.backdrop == ToyBackdrop::mountains) add_mountains(mesh, scene, random);
  if (scene.fence) add_fence(mesh, scene);
  ToyVec leaves =
      scene.ground == ToyGround::snow ? ToyVec{0.42f, 0.60f, 0.52f} : ToyVec{0.30f, 0.55f, 0.26f};
  for (const ToyBush& bush : scene.bushes) {
    uint32_t surface = mesh.add_surface({.albedo = to_linear(leaves), .label = toy_plant});
    ToyFrame frame = {.origin = {bush.x, 0, bush.z}};
    float r = bush.radius;
    add_ellipsoid(mesh, frame, {0, r * 0.55f, 0}, {r, r * 0.8f, r}, surface);
    add_ellipsoid(mesh, frame, {r * 0.75f, r * 0.35f, -0.1f * r}, {r * 0.65f, r * 0.6f, r * 0.65f},
                  surface, 14, 8);
  }
  bool lamps_on = scene.time == ToyTime::night;
  for (size_t i = 0; i < scene.objects.size(); ++i) {
    const ToyObject& object = scene.objects[i];
    auto id = static_cast<uint8_t>(i);
    switch (object.kind) {
      case ToyKind::house:
        add_house(mesh, object, id, lamps_on);
        break;
      case ToyKind::tree:
        add_tree(mesh, object, id);
        break;
      case ToyKind::car:
        add_car(mesh, object, id, lamps_on);
        break;
      case ToyKind::figure:
        add_figure(mesh, object, id);
        break;
    }
  }
  return mesh;
}

}  // namespace zc
