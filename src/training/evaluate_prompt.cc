// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate_prompt.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

namespace zc {
namespace {

constexpr uint64_t kHeldOutSeeds = uint64_t{1} << 41;  // apart from training's and the unseen ones
constexpr int kSkyLabel = 2;

using MeanColour = std::array<double, 3>;

// Mean of the pixels that the renderer calls sky.
MeanColour sky_colour(const Image& picture, const ToyRender& scene) {
  MeanColour sum{};
  double count = 0.0;
  for (size_t i = 0; i < scene.labels.size(); ++i) {
    if (scene.labels[i] != kSkyLabel) continue;
    for (int c = 0; c < 3; ++c) sum[c] += picture.pixels[i * 3 + c];
    count += 1.0;
  }
  for (double& c : sum) c /= std::max(1.0, count);
  return sum;
}

// Where the renderer drew the body (not windows, legs, stem) of the first object: 1, elsewhere 0.
std::vector<uint8_t> body_of_first_object(const ToyRender& scene) {
  std::vector<uint8_t> mask(scene.parts.size());
  for (size_t p = 0; p < mask.size(); ++p) {
    const bool body = scene.parts[p] == static_cast<uint8_t>(ToyPart::body);
    mask[p] = scene.object_ids[p] == 0 && body ? 1 : 0;
  }
  return mask;
}

// The time of day whose own sky over the same scene looks most like the picture's.
ToyTime nearest_time(const Image& picture, const UnseenScene& scene) {
  const MeanColour seen = sky_colour(picture, scene.truth);
  ToyTime best = ToyTime::morning;
  double best_distance = std::numeric_limits<double>::max();
  for (const ToyTime time : {ToyTime::morning, ToyTime::noon, ToyTime::sunset, ToyTime::night}) {
    const ToyScene other = sample_scene(scene.scene.seed, {.time = time});
    const ToyRender reference = render(other, picture.width, picture.height);
    const MeanColour wanted = sky_colour(reference.rgb, reference);
    double distance = 0.0;
    for (int c = 0; c < 3; ++c) distance += (wanted[c] - seen[c]) * (wanted[c] - seen[c]);
    if (distance < best_distance) {
      best_distance = distance;
      best = time;
    }
  }
  return best;
}

}  // namespace

UnseenScene held_out_scene(int64_t number, int size) {
  const auto& held_out = toy_held_out();
  const ToyHeldOut& c = held_out[static_cast<size_t>(number) % held_out.size()];
  UnseenScene unseen{number,
                     sample_scene(kHeldOutSeeds + static_cast<uint64_t>(number),
                                  {.time = c.time, .kind = c.kind, .colour = c.colour}),
                     {}};
  unseen.truth = render(unseen.scene, size, size);
  return unseen;
}

void judge_colours(const UnseenScene& scene, const Image& picture, const std::string& name,
                   MeasuredValues& values) {
  values["time_" + name] = nearest_time(picture, scene) == scene.scene.time ? 1.0 : 0.0;
  const std::vector<uint8_t> body = body_of_first_object(scene.truth);
  if (std::ranges::find(body, 1) == body.end()) return;
  const ToyObject& object = scene.scene.objects.front();
  const auto seen = measure_toy_colour(picture, body, scene.scene.time, toy_colours(object.kind));
  values["colour_" + name] = seen == object.colour ? 1.0 : 0.0;
}

}  // namespace zc
