// SPDX-License-Identifier: Apache-2.0
#include "training/toyworld_paint.h"

#include <array>

#include "training/toyworld_light.h"
#include "training/toyworld_scene.h"

namespace zc {
namespace {

constexpr uint64_t kSkyStream = 0x5C1E5ull;

struct Spot {
  float x, y, radius;
};

struct Cloud {
  std::vector<Spot> puffs;
  float base;
  float left, right, top;
};

// The sky's own coordinates: shorter sides right of the middle and above the horizon.
struct SkyPainter {
  const ToyScene& scene;
  const ToyLight& light;
  float pixel;  // size of a pixel
  std::vector<Cloud> clouds;
  std::vector<Spot> stars;

  SkyPainter(const ToyScene& s, float pixel_size);
  ToyVec gradient(float v) const;
  ToyVec with_disc(ToyVec colour, float u, float v) const;
  ToyVec with_cloud(const Cloud& cloud, ToyVec colour, float u, float v) const;
};

SkyPainter::SkyPainter(const ToyScene& s, float pixel_size)
    : scene(s), light(toy_light(s.time)), pixel(pixel_size) {
  ToyRandom random(scene.seed ^ kSkyStream);
  for (int i = 0; i < scene.clouds; ++i) {
    Cloud cloud;
    float x =
        (static_cast<float>(i) + random.range(0.2f, 0.8f)) / static_cast<float>(scene.clouds) -
        0.5f;
    float r = random.range(0.040f, 0.062f);
    cloud.base = random.range(0.24f, 0.40f);
    int puffs = 3 + random.index(2);
    float at = x - r * static_cast<float>(puffs - 1) * 0.55f;
    for (int p = 0; p < puffs; ++p) {
      bool outer = p == 0 || p == puffs - 1;
      float radius = r * (outer ? random.range(0.60f, 0.75f) : random.range(0.95f, 1.2f));
      cloud.puffs.push_back({at, cloud.base + radius * 0.35f, radius});
      at += r * 1.1f;
    }
    cloud.left = cloud.puffs.front().x - r;
    cloud.right = cloud.puffs.back().x + r;
    cloud.top = cloud.base + 2 * r;
    clouds.push_back(cloud);
  }
  if (scene.time != ToyTime::night) return;
  for (int i = 0; i < 26; ++i) {
    float x = random.range(-0.5f, 0.5f);
    float y = random.range(0.10f, 0.54f);
    float radius = random.range(0.0045f, 0.0075f);
    float dx = x - scene.disc_x;
    float dy = y - scene.disc_y;
    if (dx * dx + dy * dy > 0.014f) stars.push_back({x, y, radius});
  }
}

ToyVec SkyPainter::gradient(float v) const {
  v = v < 0 ? 0 : v;
  if (v < 0.2f) return mix(light.horizon, light.middle, smooth_step(v * 5) * 0.5f + v * 2.5f);
  return mix(light.middle, light.zenith,
             smooth_step((v - 0.2f) * 2.2f) * 0.4f + clamp01((v - 0.2f) * 2.2f) * 0.6f);
}

ToyVec SkyPainter::with_disc(ToyVec colour, float u, float v) const {
  bool moon = scene.time == ToyTime::night;
  float radius = moon ? 0.048f : scene.time == ToyTime::sunset ? 0.062f : 0.05f;
  float dx = u - scene.disc_x;
  float dy = v - scene.disc_y;
  float square = dx * dx + dy * dy;
  float wide = moon ? 0.010f : 0.022f;
  float strength = scene.time == ToyTime::noon ? 0.45f : moon ? 0.6f : 0.75f;
  float glow = wide / (wide + square);
  colour = mix(colour, light.halo, glow * glow * strength);
  if (square > (radius + pixel) * (radius + pixel)) return colour;
  float inside = clamp01((radius - std::sqrt(square)) / pixel + 0.5f);
  return mix(colour, light.disc, inside);
}

ToyVec SkyPainter::with_cloud(const Cloud& cloud, ToyVec colour, float u, float v) const {
  if (u < cloud.left || u > cloud.right || v < cloud.base - pixel || v > cloud.top) return colour;
  float inside = -1;
  for (const Spot& puff : cloud.puffs) {
    float dx = u - puff.x;
    float dy = v - puff.y;
    float distance = std::sqrt(dx * dx + dy * dy);
    inside = std::max(inside, clamp01((puff.radius - distance) / (2 * pixel) + 0.5f));
  }
  inside *= clamp01((v - cloud.base) / (2 * pixel) + 0.5f);
  if (inside <= 0) return colour;
  float height = (v - cloud.base) / (cloud.top - cloud.base);
  return mix(colour, mix(light.cloud_bottom, light.cloud_top, smooth_step(height * 1.5f)), inside);
}

// Both borders of a strip with straight sides, cut fine enough that haze and bends look smooth.
void add_band(std::vector<ToyStrip>& strips, ToyFloor floor, std::array<ToyVec, 4> corners) {
  ToyStrip strip;
  strip.floor = floor;
  strip.pairs = {{corners[0], corners[1]}, {corners[3], corners[2]}};
  strips.push_back(strip);
}

void add_road_across(std::vector<ToyStrip>& strips, float z) {
  constexpr float kHalf = 1.75f;
  float reach = z * 2.5f + 8;
  add_band(strips, ToyFloor::road,
           {ToyVec{-reach, 0, z - kHalf},
            {reach, 0, z - kHalf},
            {reach, 0, z + kHalf},
            {-reach, 0, z + kHalf}});
  for (float x = -std::floor(reach / 3) * 3; x < reach; x += 3) {
    add_band(strips, ToyFloor::line,
             {ToyVec{x, 0, z - 0.16f},
              {x + 1.6f, 0, z - 0.16f},
              {x + 1.6f, 0, z + 0.16f},
              {x, 0, z + 0.16f}});
  }
}

void add_road_ahead(std::vector<ToyStrip>& strips, float x, float slant) {
  auto band = [&](ToyFloor floor, float half, float z0, float z1) {
    float x0 = x + slant * z0;
    float x1 = x + slant * z1;
    add_band(
        strips, floor,
        {ToyVec{x0 - half, 0, z0}, {x0 + half, 0, z0}, {x1 + half, 0, z1}, {x1 - half, 0, z1}});
  };
  band(ToyFloor::road, 1.9f, kToyNear, 220);
  for (float z = 1; z < 40; z += 3) band(ToyFloor::line, 0.11f, z, z + 1.6f);
}

void add_path(std::vector<ToyStrip>& strips, const ToyScene& scene) {
  ToyStrip strip;
  strip.floor = ToyFloor::path;
  strip.straight = false;
  float z = kToyNear;
  while (z < 60) {
    float middle = toy_way_middle(scene, z);
    strip.pairs.push_back({{middle - 0.75f, 0, z}, {middle + 0.75f, 0, z}});
    z *= 1.08f;
  }
  strips.push_back(strip);
}

void blur(std::vector<uint8_t>& values, int width, int height, int radius) {
  std::vector<uint8_t> line(static_cast<size_t>(std::max(width, height)));
  auto pass = [&](uint8_t* first, int count, size_t stride) {
    int span = 2 * radius + 1;
    for (int i = 0; i < count; ++i) line[i] = first[i * stride];
    int sum = 0;
    for (int i = -radius; i <= radius; ++i) sum += line[std::clamp(i, 0, count - 1)];
    for (int i = 0; i < count; ++i) {
      first[i * stride] = static_cast<uint8_t>((sum + span / 2) / span);
      sum += line[std::min(i + radius + 1, count - 1)] - line[std::max(i - radius, 0)];
    }
  };
  for (int times = 0; times < 2; ++times) {
    for (int y = 0; y < height; ++y) pass(values.data() + static_cast<size_t>(y) * width, width, 1);
    for (int x = 0; x < width; ++x) pass(values.data() + x, height, static_cast<size_t>(width));
  }
}

}  // namespace

std::vector<ToyVec> paint_sky(const ToyScene& scene, int width, int height) {
  ToyCamera camera(scene, width, height);
  float pixel = 1 / static_cast<float>(std::min(width, height));
  SkyPainter painter(scene, pixel);
  std::vector<ToyVec> out(static_cast<size_t>(width) * height);
  for (int y = 0; y < height; ++y) {
    float v = (camera.horizon_y - (static_cast<float>(y) + 0.5f)) * pixel;
    ToyVec base = painter.gradient(v);
    ToyVec* row = out.data() + static_cast<size_t>(y) * width;
    if (v < -2 * pixel) {
      std::fill(row, row + width, base);
      continue;
    }
    for (int x = 0; x < width; ++x) {
      float u = (static_cast<float>(x) + 0.5f - camera.middle_x) * pixel;
      row[x] = painter.with_disc(base, u, v);
    }
    auto column = [&](float u) {
      return static_cast<int>(std::floor(u / pixel + camera.middle_x));
    };
    for (const Spot& star : painter.stars) {
      if (std::fabs(v - star.y) > star.radius + pixel) continue;
      for (int x = std::max(0, column(star.x - star.radius) - 1);
           x <= std::min(width - 1, column(star.x + star.radius) + 1); ++x) {
        float u = (static_cast<float>(x) + 0.5f - camera.middle_x) * pixel;
        float distance = std::sqrt((u - star.x) * (u - star.x) + (v - star.y) * (v - star.y));
        row[x] = mix(row[x], {0.93f, 0.94f, 1.0f},
                     clamp01((star.radius - distance) / pixel + 0.5f) * 0.9f);
      }
    }
    for (const Cloud& cloud : painter.clouds) {
      for (int x = std::max(0, column(cloud.left)); x <= std::min(width - 1, column(cloud.right));
           ++x) {
        float u = (static_cast<float>(x) + 0.5f - camera.middle_x) * pixel;
        row[x] = painter.with_cloud(cloud, row[x], u, v);
      }
    }
  }
  return out;
}

std::vector<ToyStrip> ground_strips(const ToyScene& scene) {
  std::vector<ToyStrip> strips;
  switch (scene.way) {
    case ToyWay::none:
      break;
    case ToyWay::road_across:
      add_road_across(strips, scene.way_at);
      break;
    case ToyWay::road_ahead:
      add_road_ahead(strips, scene.way_at, scene.way_slant);
      break;
    case ToyWay::path:
      add_path(strips, scene);
      break;
  }
  return strips;
}

std::vector<ToyFloor> paint_floor(const ToyScene& scene, const ToyCamera& camera) {
  std::vector<ToyFloor> out(static_cast<size_t>(camera.width) * camera.height, ToyFloor::ground);
  for (const ToyStrip& strip : ground_strips(scene)) {
    auto put = [&](const ToySample& s, ToyVec) {
      out[static_cast<size_t>(s.y) * camera.width + s.x] = strip.floor;
    };
    for (size_t i = 0; i + 1 < strip.pairs.size(); ++i) {
      const auto& [a, b] = strip.pairs[i];
      const auto& [d, c] = strip.pairs[i + 1];
      raster_triangle(camera, {a, b, c}, put);
      raster_triangle(camera, {a, c, d}, put);
    }
  }
  return out;
}

std::vector<uint8_t> paint_shadow(const ToyScene& scene, const ToyMesh& mesh,
                                  const ToyCamera& camera) {
  std::vector<uint8_t> out(static_cast<size_t>(camera.width) * camera.height, 0);
  ToyVec to_light = {scene.to_light[0], scene.to_light[1], scene.to_light[2]};
  ToyVec slide = to_light * (1 / to_light.y);
  auto cast = [&](ToyVec p) { return p - slide * std::max(p.y, 0.0f); };
  for (const auto& face : mesh.faces) {
    const ToyVertex& v0 = mesh.vertices[face[0]];
    if (!mesh.surfaces[v0.surface].casts_shadow) continue;
    std::array<ToyVec, 3> flat = {cast(v0.at), cast(mesh.vertices[face[1]].at),
                                  cast(mesh.vertices[face[2]].at)};
    for (ToyVec& p : flat) p.y = 0;
    raster_triangle(camera, flat, [&](const ToySample& s, ToyVec) {
      out[static_cast<size_t>(s.y) * camera.width + s.x] = 255;
    });
  }
  blur(out, camera.width, camera.height, std::max(1, std::min(camera.width, camera.height) / 256));
  return out;
}

ToyVec ground_colour(const ToyScene& scene, ToyFloor floor, float depth, bool shadowed) {
  const ToyGroundPaint& paint = toy_ground_paint(scene.ground);
  const ToyLight& light = toy_light(scene.time);
  ToyVec albedo = mix(paint.near, paint.far, depth / (depth + 18));
  if (floor == ToyFloor::road) albedo = paint.road;
  if (floor == ToyFloor::line) albedo = paint.line;
  if (floor == ToyFloor::path) albedo = paint.path;
  ToyVec to_light = {scene.to_light[0], scene.to_light[1], scene.to_light[2]};
  ToyVec lit = toy_shade(light, to_light, albedo, {0, 1, 0}, 1);
  if (shadowed) {
    // A quarter of the direct light stays: shadows of toys are never black.
    ToyLight dim = light;
    dim.sun = dim.sun * 0.22f;
    lit = toy_shade(dim, to_light, albedo, {0, 1, 0}, 0.95f);
  }
  return to_display(toy_hazed(light, lit, depth));
}

}  // namespace zc
