// SPDX-License-Identifier: Apache-2.0
// The picture of a toy world scene.
#include <algorithm>
#include <array>

#include "base/error.h"
#include "training/toyworld.h"
#include "training/toyworld_light.h"
#include "training/toyworld_maps.h"
#include "training/toyworld_objects.h"
#include "training/toyworld_paint.h"

namespace zc {
namespace {

// Samples along each side of a pixel.
constexpr int kSamples = 3;

struct Bytes {
  uint8_t r, g, b;
};

Bytes to_bytes(ToyVec display) {
  auto byte = [](float v) { return static_cast<uint8_t>(clamp01(v) * 255 + 0.5f); };
  return {byte(display.x), byte(display.y), byte(display.z)};
}

struct Canvas {
  int width, height;
  std::vector<Bytes> colour;
  std::vector<float> inverse_depth;

  Canvas(int w, int h)
      : width(w),
        height(h),
        colour(static_cast<size_t>(w) * h),
        inverse_depth(colour.size(), 0.0f) {}
};

// The floor's light changes only from row to row, so a row has few colours.
class FloorRow {
 public:
  FloorRow(const ToyScene& scene, float depth) {
    for (int f = 0; f < 4; ++f) {
      for (int s = 0; s < 2; ++s) {
        exact_[f][s] = ground_colour(scene, static_cast<ToyFloor>(f), depth, s == 1);
        bytes_[f][s] = to_bytes(exact_[f][s]);
      }
      if (scene.way == ToyWay::none) break;
    }
  }
  // `dark` 0 lit .. 255 in shadow.
  Bytes colour(ToyFloor floor, uint8_t dark) const {
    auto f = static_cast<size_t>(floor);
    if (dark == 0) return bytes_[f][0];
    if (dark == 255) return bytes_[f][1];
    return to_bytes(mix(exact_[f][0], exact_[f][1], static_cast<float>(dark) * (1.0f / 255)));
  }

 private:
  std::array<std::array<ToyVec, 2>, 4> exact_;
  std::array<std::array<Bytes, 2>, 4> bytes_;
};

// Sky and ground are smooth inside a pixel except for the floor's borders, so their light is
// computed once for each row.
void paint_behind(const ToyScene& scene, const ToyMesh& mesh, int width, int height,
                  Canvas& canvas) {
  ToyCamera fine(scene, width, height, kSamples);
  ToyCamera coarse(scene, width, height);
  std::vector<ToyVec> sky = paint_sky(scene, width, height);
  std::vector<uint8_t> shadow = paint_shadow(scene, mesh, coarse);
  std::vector<ToyFloor> floor;
  if (scene.way != ToyWay::none) floor = paint_floor(scene, fine);
  for (int y = 0; y < fine.height; ++y) {
    size_t start = static_cast<size_t>(y) * fine.width;
    size_t pixel_row = static_cast<size_t>(y / kSamples) * width;
    float inverse = fine.ground_inverse_depth(static_cast<float>(y) + 0.5f);
    if (inverse <= 0) {
      if (y % kSamples != 0 &&
          fine.ground_inverse_depth(static_cast<float>(y - y % kSamples) + 0.5f) <= 0) {
        std::copy_n(canvas.colour.begin() + static_cast<ptrdiff_t>(start - fine.width), fine.width,
                    canvas.colour.begin() + static_cast<ptrdiff_t>(start));
        continue;
      }
      for (int x = 0; x < width; ++x) {
        Bytes c = to_bytes(sky[pixel_row + x]);
        for (int i = 0; i < kSamples; ++i) canvas.colour[start + x * kSamples + i] = c;
      }
      continue;
    }
    std::fill_n(canvas.inverse_depth.begin() + static_cast<ptrdiff_t>(start), fine.width, inverse);
    FloorRow row(scene, 1 / inverse);
    for (int x = 0; x < width; ++x) {
      uint8_t dark = shadow[pixel_row + x];
      for (int i = 0; i < kSamples; ++i) {
        size_t at = start + x * kSamples + i;
        canvas.colour[at] = row.colour(floor.empty() ? ToyFloor::ground : floor[at], dark);
      }
    }
  }
}

std::vector<ToyVec> shade_vertices(const ToyScene& scene, const ToyMesh& mesh) {
  const ToyLight& light = toy_light(scene.time);
  ToyVec to_light = {scene.to_light[0], scene.to_light[1], scene.to_light[2]};
  std::vector<ToyVec> out(mesh.vertices.size());
  for (size_t i = 0; i < out.size(); ++i) {
    const ToyVertex& v = mesh.vertices[i];
    const ToySurface& surface = mesh.surfaces[v.surface];
    float openness = 0.78f + 0.22f * smooth_step(v.at.y * 0.8f);
    ToyVec linear = toy_shade(light, to_light, surface.albedo, v.normal, openness);
    linear = mix(linear, surface.albedo, surface.glow);
    out[i] = to_display(toy_hazed(light, linear, v.at.z));
  }
  return out;
}

void draw_mesh(const ToyScene& scene, const ToyMesh& mesh, const ToyCamera& camera,
               Canvas& canvas) {
  std::vector<ToyVec> colours = shade_vertices(scene, mesh);
  ToyVec eye = {0, camera.eye, 0};
  for (const auto& face : mesh.faces) {
    const ToyVertex* v[3] = {&mesh.vertices[face[0]], &mesh.vertices[face[1]],
                             &mesh.vertices[face[2]]};
    bool away = true;
    for (const ToyVertex* corner : v) away = away && dot(corner->normal, corner->at - eye) > 0;
    if (away) continue;
    ToyVec c0 = colours[face[0]] * 255.0f;
    ToyVec c1 = colours[face[1]] * 255.0f;
    ToyVec c2 = colours[face[2]] * 255.0f;
    raster_triangle(camera, {v[0]->at, v[1]->at, v[2]->at}, [&](const ToySample& s, ToyVec w) {
      size_t at = static_cast<size_t>(s.y) * camera.width + s.x;
      if (s.inverse_depth <= canvas.inverse_depth[at]) return;
      canvas.inverse_depth[at] = s.inverse_depth;
      ToyVec c = c0 * w.x + c1 * w.y + c2 * w.z;
      auto byte = [](float value) {
        return static_cast<uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f));
      };
      canvas.colour[at] = {byte(c.x), byte(c.y), byte(c.z)};
    });
  }
}

Image shrink(const Canvas& canvas, int width, int height) {
  Image out(width, height, 3);
  constexpr int kCount = kSamples * kSamples;
  for (int y = 0; y < height; ++y) {
    uint8_t* row = out.row(y);
    for (int x = 0; x < width; ++x) {
      unsigned r = 0, g = 0, b = 0;
      for (int i = 0; i < kSamples; ++i) {
        const Bytes* p = canvas.colour.data() +
                         static_cast<size_t>(y * kSamples + i) * canvas.width + x * kSamples;
        for (int j = 0; j < kSamples; ++j) {
          r += p[j].r;
          g += p[j].g;
          b += p[j].b;
        }
      }
      row[3 * x] = static_cast<uint8_t>((r + kCount / 2) / kCount);
      row[3 * x + 1] = static_cast<uint8_t>((g + kCount / 2) / kCount);
      row[3 * x + 2] = static_cast<uint8_t>((b + kCount / 2) / kCount);
    }
  }
  return out;
}

}  // namespace

ToyRender render(const ToyScene& scene, int width, int height, bool with_maps) {
  if (width < 1 || height < 1 || width > 4096 || height > 4096) {
    throw Error(
        ErrorKind::bad_request, "size",
        std::to_string(width) + "x" + std::to_string(height) + " is outside 1x1 to 4096x4096");
  }
  ToyMesh mesh = build_mesh(scene);
  ToyRender out;
  Canvas canvas(width * kSamples, height * kSamples);
  paint_behind(scene, mesh, width, height, canvas);
  draw_mesh(scene, mesh, ToyCamera(scene, width, height, kSamples), canvas);
  out.rgb = shrink(canvas, width, height);
  if (with_maps) add_maps(scene, mesh, out);
  return out;
}

}  // namespace zc
