// SPDX-License-Identifier: Apache-2.0
// Draws toy world scenes: what is in them and where it stands.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "training/toyworld.h"
#include "training/toyworld_math.h"
#include "training/toyworld_scene.h"

namespace zc {
namespace {

template <class T>
T pick(ToyRandom& random, const std::vector<T>& from) {
  return from[static_cast<size_t>(random.index(static_cast<int>(from.size())))];
}

void sample_light(ToyScene& scene, ToyRandom& random) {
  // The disc stands on the side from which the light comes, but the light always falls on the
  // fronts that the camera sees.
  float side = random.chance(0.5f) ? 1.0f : -1.0f;
  scene.disc_x = side * random.range(0.16f, 0.36f);
  ToyVec to_light = {side * random.range(0.55f, 0.85f), 0, -random.range(0.45f, 0.7f)};
  switch (scene.time) {
    case ToyTime::morning:
      scene.disc_y = random.range(0.17f, 0.26f);
      to_light.y = random.range(0.55f, 0.7f);
      break;
    case ToyTime::noon:
      scene.disc_y = random.range(0.36f, 0.44f);
      to_light.y = random.range(1.2f, 1.6f);
      break;
    case ToyTime::sunset:
      scene.disc_y = random.range(0.05f, 0.13f);
      to_light.y = random.range(0.42f, 0.52f);
      break;
    case ToyTime::night:
      scene.disc_y = random.range(0.28f, 0.42f);
      to_light.y = random.range(0.8f, 1.1f);
      break;
  }
  to_light = normalised(to_light);
  scene.to_light = {to_light.x, to_light.y, to_light.z};
}

int sample_count(ToyRandom& random) {
  float r = random.uniform();
  return r < 0.05f ? 0 : r < 0.34f ? 1 : r < 0.68f ? 2 : r < 0.88f ? 3 : 4;
}

ToyKind sample_kind(ToyRandom& random) {
  float r = random.uniform();
  return r < 0.25f   ? ToyKind::house
         : r < 0.50f ? ToyKind::tree
         : r < 0.74f ? ToyKind::car
                     : ToyKind::figure;
}

ToyColour sample_colour(ToyKind kind, ToyRandom& random) {
  if (kind == ToyKind::tree && random.chance(0.4f)) return ToyColour::green;
  return pick(random, toy_colours(kind));
}

// Half the width and depth on the ground, metres, as seen from the front of the scene.
struct Footprint {
  float half_x, half_z;
};

Footprint footprint(const ToyObject& o) {
  SinCos a = sin_cos(o.heading);
  float c = std::fabs(a.cos);
  float s = std::fabs(a.sin);
  auto box = [&](float x, float z) {
    return Footprint{(x * c + z * s) * o.size, (x * s + z * c) * o.size};
  };
  switch (o.kind) {
    case ToyKind::house:
      return box(2.4f, 2.1f);
    case ToyKind::car:
      return box(0.95f, 1.9f);
    case ToyKind::tree:
      return {1.5f * o.size, 1.5f * o.size};
    case ToyKind::figure:
      return {0.6f * o.size, 0.5f * o.size};
  }
  return {1, 1};
}

// How much of the image's side an object should take: height, or length for cars.
struct Wish {
  float metres, low, high;
};

Wish wish(ToyKind kind) {
  switch (kind) {
    case ToyKind::house:
      return {4.0f, 0.36f, 0.50f};
    case ToyKind::tree:
      return {4.2f, 0.40f, 0.60f};
    case ToyKind::car:
      return {3.8f, 0.38f, 0.50f};
    case ToyKind::figure:
      return {1.95f, 0.36f, 0.56f};
  }
  return {4, 0.4f, 0.5f};
}

float sample_heading(const ToyObject& o, ToyRandom& random) {
  constexpr float kPi = 3.14159265f;
  float side = random.chance(0.5f) ? 1.0f : -1.0f;
  if (o.kind == ToyKind::house) return side * random.range(0.05f, 0.55f);
  if (o.kind == ToyKind::car)
    return side * (random.chance(0.7f) ? random.range(0.5f, 1.5f) : random.range(1.6f, 2.6f));
  if (o.kind == ToyKind::tree) return random.range(0, 2 * kPi);
  if (o.pose == ToyPose::walking) return side * random.range(0.5f, 1.5f);
  if (o.pose == ToyPose::standing && random.chance(0.15f))
    return kPi + side * random.range(0, 0.5f);
  return side * random.range(0, 0.6f);
}

class Placer {
 public:
  Placer(ToyScene& scene, ToyRandom& random, int wanted) : scene_(scene), random_(random) {
    crowd_ = wanted >= 4 ? 0.62f : wanted == 3 ? 0.76f : wanted == 2 ? 0.93f : 1.08f;
  }

  // False when no free place was found.
  bool place(ToyObject& o) {
    for (int attempt = 0; attempt < 120; ++attempt) {
      try_position(o, attempt);
      if (fits(o)) return true;
    }
    return false;
  }

 private:
  void try_position(ToyObject& o, int attempt) {
    constexpr float kPi = 3.14159265f;
    float margin = random_.range(-0.08f, 0.08f);
    int slot = random_.index(3);
    float u = (slot == 0 ? -0.28f : slot == 1 ? 0.0f : 0.28f) + margin;
    Wish w = wish(o.kind);
    // After many failures things may also stand farther away.
    float share =
        crowd_ * random_.range(w.low, w.high) * (attempt > 30 ? random_.range(0.6f, 1.0f) : 1.0f);
    float nearest = scene_.focal * scene_.camera_height / (0.94f - scene_.horizon);
    o.heading = sample_heading(o, random_);
    o.z = std::max(scene_.focal * w.metres * o.size / share, nearest + footprint(o).half_z);
    bool on_road = o.kind == ToyKind::car;
    if (on_road && scene_.way == ToyWay::road_across) {
      o.z = scene_.way_at;
      o.heading = (random_.chance(0.5f) ? 0.5f : -0.5f) * kPi;
    }
    o.x = u * o.z / scene_.focal;
    if (on_road && scene_.way == ToyWay::road_ahead) {
      float lane = random_.chance(0.5f) ? 0.9f : -0.9f;
      o.heading = scene_.way_slant + (lane > 0 ? kPi : 0.0f);
      o.z *= 0.8f;
      o.z = std::max(o.z, nearest + footprint(o).half_z);
      o.x = toy_way_middle(scene_, o.z) + lane;
    }
    float screen = scene_.focal * o.x / o.z;
    o.place = screen < -0.13f  ? ToyPlace::left
              : screen > 0.13f ? ToyPlace::right
                               : ToyPlace::middle;
  }

  bool off_the_way(const ToyObject& o, Footprint f) const {
    if (scene_.way == ToyWay::road_across) return std::fabs(o.z - scene_.way_at) > f.half_z + 1.95f;
    if (scene_.way == ToyWay::road_ahead)
      return std::fabs(o.x - toy_way_middle(scene_, o.z)) > f.half_x + 2.0f;
    if (scene_.way == ToyWay::path && o.kind != ToyKind::figure) {
      for (float dz : {-1.0f, 0.0f, 1.0f}) {
        if (std::fabs(o.x - toy_way_middle(scene_, o.z + dz * f.half_z)) < f.half_x * 0.9f + 0.75f)
          return false;
      }
    }
    return true;
  }

  bool fits(const ToyObject& o) const {
    Footprint f = footprint(o);
    bool rides = o.kind == ToyKind::car &&
                 (scene_.way == ToyWay::road_across || scene_.way == ToyWay::road_ahead);
    if (!rides && !off_the_way(o, f)) return false;
    // At least three quarters of the width must be in the picture.
    float left = scene_.focal * (o.x - f.half_x) / o.z;
    float right = scene_.focal * (o.x + f.half_x) / o.z;
    float seen = std::min(right, 0.5f) - std::max(left, -0.5f);
    if (seen < 0.8f * (right - left)) return false;
    for (const ToyObject& other : scene_.objects) {
      if (collides(o, f, left, right, other)) return false;
    }
    return true;
  }

  bool collides(const ToyObject& o, Footprint f, float left, float right,
                const ToyObject& other) const {
    Footprint g = footprint(other);
    constexpr float kGap = 0.35f;
    if (std::fabs(o.x - other.x) < f.half_x + g.half_x + kGap &&
        std::fabs(o.z - other.z) < f.half_z + g.half_z + kGap)
      return true;
    float other_left = scene_.focal * (other.x - g.half_x) / other.z;
    float other_right = scene_.focal * (other.x + g.half_x) / other.z;
    float shared = std::min(right, other_right) - std::max(left, other_left);
    const ToyObject& front = o.z < other.z ? o : other;
    const ToyObject& back = o.z < other.z ? other : o;
    // A person before a house hides little of it.
    bool small_in_front = front.kind == ToyKind::figure && back.kind == ToyKind::house;
    float width = small_in_front ? 2.4f * std::max(right - left, other_right - other_left)
                                 : std::min(right - left, other_right - other_left);
    return shared > 0.2f * width;
  }

  ToyScene& scene_;
  ToyRandom& random_;
  float crowd_;
};

ToyObject sample_object(ToyKind kind, ToyColour colour, ToyRandom& random) {
  ToyObject o;
  o.kind = kind;
  o.colour = colour;
  o.style = static_cast<uint32_t>(random.next() >> 32);
  if (kind == ToyKind::house) {
    const std::vector<ToyColour> roofs = {ToyColour::red,   ToyColour::blue, ToyColour::green,
                                          ToyColour::brown, ToyColour::grey, ToyColour::orange};
    do o.second_colour = pick(random, roofs);
    while (o.second_colour == colour);
  }
  if (kind == ToyKind::figure) {
    const std::vector<ToyColour> trousers = {ToyColour::blue, ToyColour::black, ToyColour::grey,
                                             ToyColour::brown};
    do o.second_colour = pick(random, trousers);
    while (o.second_colour == colour);
    o.pose = static_cast<ToyPose>(random.index(5));
    o.size = random.range(0.95f, 1.1f);
  }
  if (kind == ToyKind::tree) {
    bool needles = colour == ToyColour::green && random.chance(0.5f);
    o.tree_shape = needles ? ToyTreeShape::conifer : ToyTreeShape::round;
    o.size = random.range(0.85f, 1.15f);
  }
  return o;
}

void sample_way(ToyScene& scene, bool has_car, ToyRandom& random) {
  float r = random.uniform();
  if (has_car)
    scene.way = r < 0.35f ? ToyWay::road_across : r < 0.65f ? ToyWay::road_ahead : ToyWay::none;
  else
    scene.way = r < 0.08f   ? ToyWay::road_across
                : r < 0.22f ? ToyWay::road_ahead
                : r < 0.40f ? ToyWay::path
                            : ToyWay::none;
  if (scene.way == ToyWay::road_across) {
    scene.way_at = std::max(random.range(8.5f, 11.5f),
                            scene.focal * scene.camera_height / (0.92f - scene.horizon) + 1.8f);
  } else {
    scene.way_slant = random.range(-0.22f, 0.22f);
    scene.way_at = random.range(-1.6f, 1.6f);
  }
}

void add_bushes(ToyScene& scene, ToyRandom& random) {
  if (scene.ground == ToyGround::sand || random.chance(0.45f)) return;
  int wanted = 1 + random.index(3);
  for (int i = 0; i < wanted; ++i) {
    ToyBush bush;
    bush.radius = random.range(0.5f, 0.8f);
    bush.z = random.range(9, 17);
    bush.x = random.range(-0.48f, 0.48f) * bush.z / scene.focal;
    bool road =
        scene.way == ToyWay::road_across
            ? std::fabs(bush.z - scene.way_at) < 3.2f
            : scene.way != ToyWay::none && std::fabs(bush.x - toy_way_middle(scene, bush.z)) < 3.4f;
    bool free = !road;
    for (const ToyObject& o : scene.objects) {
      Footprint f = footprint(o);
      free = free && (std::fabs(o.x - bush.x) > f.half_x + 1.5f ||
                      std::fabs(o.z - bush.z) > f.half_z + 1.2f);
    }
    for (const ToyBush& b : scene.bushes) free = free && std::fabs(b.x - bush.x) > 2.2f;
    if (free) scene.bushes.push_back(bush);
  }
}

void note_distances(ToyScene& scene) {
  float nearest = 1e9f;
  float farthest = 0;
  for (const ToyObject& o : scene.objects) {
    nearest = std::min(nearest, o.z);
    farthest = std::max(farthest, o.z);
  }
  if (farthest < 1.7f * nearest) return;
  for (ToyObject& o : scene.objects) {
    if (o.z < 1.15f * nearest) o.distance = ToyDistance::near;
    if (o.z > 0.87f * farthest) o.distance = ToyDistance::far;
  }
}

bool comes_in(ToyKind kind, ToyColour colour) {
  const std::vector<ToyColour>& colours = toy_colours(kind);
  return std::find(colours.begin(), colours.end(), colour) != colours.end();
}

void check(const ToyConstraints& c) {
  if (c.pose && c.kind && *c.kind != ToyKind::figure) {
    throw Error(ErrorKind::bad_request, "pose",
                "only persons have one, not the kind " + std::string(toy_name(*c.kind)));
  }
  if (!c.colour) return;
  std::optional<ToyKind> asked = c.pose ? ToyKind::figure : c.kind;
  for (ToyKind kind : {ToyKind::house, ToyKind::tree, ToyKind::car, ToyKind::figure}) {
    if ((!asked || *asked == kind) && comes_in(kind, *c.colour)) return;
  }
  throw Error(ErrorKind::bad_request, "colour",
              std::string(asked ? toy_name(*asked) : "no kind of object") + " does not come in " +
                  std::string(toy_name(*c.colour)));
}

ToyObject sample_first(const ToyConstraints& c, ToyRandom& random) {
  ToyKind kind = sample_kind(random);
  if (c.pose) kind = ToyKind::figure;
  if (c.kind) kind = *c.kind;
  while (c.colour && !comes_in(kind, *c.colour)) kind = sample_kind(random);
  ToyColour colour = sample_colour(kind, random);
  ToyObject o = sample_object(kind, c.colour.value_or(colour), random);
  if (c.pose) o.pose = *c.pose;
  return o;
}

// What should stand in the scene, most important first.
std::vector<ToyObject> sample_objects(int wanted, const ToyConstraints& c, ToyRandom& random) {
  std::vector<ToyObject> out;
  if (wanted == 0) return out;
  out.push_back(sample_first(c, random));
  // A group repeats one object, so that "two green trees" is common.
  bool group = random.chance(0.4f);
  for (int i = 1; i < wanted; ++i) {
    ToyKind kind = sample_kind(random);
    // Four wide things never fit.
    if (wanted == 4 && i >= 2 && kind == ToyKind::house) kind = ToyKind::tree;
    ToyColour colour = sample_colour(kind, random);
    const ToyObject* model = wanted == 2 ? &out[0] : i >= 2 ? &out[1] : nullptr;
    if (group && model != nullptr && !(wanted == 4 && model->kind == ToyKind::house)) {
      kind = model->kind;
      colour = model->colour;
    }
    out.push_back(sample_object(kind, colour, random));
  }
  return out;
}

}  // namespace

float toy_way_middle(const ToyScene& scene, float z) {
  float bend = scene.way == ToyWay::path ? 1.1f * sin_cos(z * 0.22f).sin : 0.0f;
  return scene.way_at + scene.way_slant * z + bend;
}

const std::vector<ToyColour>& toy_colours(ToyKind kind) {
  using enum ToyColour;
  static const std::vector<ToyColour> house = {red,  orange, yellow, green,
                                               blue, purple, pink,   white};
  static const std::vector<ToyColour> tree = {green, orange, yellow, red, pink};
  static const std::vector<ToyColour> car = {red,  orange, yellow, green,
                                             blue, purple, white,  black};
  static const std::vector<ToyColour> figure = {red,  orange, yellow, green,
                                                blue, purple, pink,   white};
  switch (kind) {
    case ToyKind::house:
      return house;
    case ToyKind::tree:
      return tree;
    case ToyKind::car:
      return car;
    case ToyKind::figure:
      return figure;
  }
  return house;
}

const std::vector<ToyHeldOut>& toy_held_out() {
  // 8 of the 116 triples of kind, colour and time.
  static const std::vector<ToyHeldOut> list = {
      {ToyKind::car, ToyColour::purple, std::nullopt},
      {ToyKind::house, ToyColour::red, ToyTime::night},
      {ToyKind::house, ToyColour::blue, ToyTime::morning},
      {ToyKind::figure, ToyColour::yellow, ToyTime::sunset},
      {ToyKind::tree, ToyColour::orange, ToyTime::night}};
  return list;
}

bool is_held_out(const ToyScene& scene) {
  for (const ToyObject& o : scene.objects) {
    for (const ToyHeldOut& held : toy_held_out()) {
      if (held.kind == o.kind && held.colour == o.colour &&
          (!held.time || *held.time == scene.time))
        return true;
    }
  }
  return false;
}

ToyScene sample_scene(uint64_t seed) {
  return sample_scene(seed, {});
}

ToyScene sample_scene(uint64_t seed, const ToyConstraints& constraints) {
  check(constraints);
  ToyRandom random(seed);
  ToyScene scene;
  scene.seed = seed;
  scene.time = static_cast<ToyTime>(random.index(4));
  scene.ground = random.chance(0.5f)   ? ToyGround::grass
                 : random.chance(0.5f) ? ToyGround::sand
                                       : ToyGround::snow;
  scene.backdrop = static_cast<ToyBackdrop>(random.index(3));
  scene.clouds = random.chance(0.55f) ? 1 + random.index(3) : 0;
  scene.horizon = random.range(0.45f, 0.56f);
  scene.camera_height = random.range(1.7f, 2.4f);
  if (constraints.time) scene.time = *constraints.time;
  if (constraints.ground) scene.ground = *constraints.ground;
  sample_light(scene, random);

  int wanted = sample_count(random);
  if (constraints.objects)
    wanted = std::clamp(*constraints.objects, 0, 4);
  else if (constraints.kind || constraints.colour || constraints.pose)
    wanted = std::max(wanted, 1);
  std::vector<ToyObject> objects = sample_objects(wanted, constraints, random);
  bool has_car = std::any_of(objects.begin(), objects.end(),
                             [](const ToyObject& o) { return o.kind == ToyKind::car; });
  sample_way(scene, has_car, random);
  Placer placer(scene, random, wanted);
  for (ToyObject& o : objects) {
    bool found = placer.place(o);
    // The first object is what a constraint asks for: rather no road than no object.
    if (!found && scene.objects.empty()) {
      scene.way = ToyWay::none;
      found = placer.place(o);
    }
    if (found) scene.objects.push_back(o);
  }
  note_distances(scene);
  add_bushes(scene, random);
  if (scene.way == ToyWay::none && random.chance(0.22f)) {
    float farthest = 11;
    for (const ToyObject& o : scene.objects)
      farthest = std::max(farthest, o.z + footprint(o).half_z + 1.5f);
    for (const ToyBush& b : scene.bushes) farthest = std::max(farthest, b.z + 1.5f);
    scene.fence = farthest < 18.5f;
    scene.fence_z = farthest;
  }
  return scene;
}

ToyScene sample_training_scene(uint64_t seed) {
  // The odd multiplier spreads the retries, so that neighbours in the sequence of seeds do not
  // share scenes.
  for (uint64_t retry = 0;; ++retry) {
    ToyScene scene = sample_scene(seed + retry * 0xD1B54A32D192ED03ull);
    if (!is_held_out(scene)) return scene;
  }
}

}  // namespace zc
