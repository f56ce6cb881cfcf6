// SPDX-License-Identifier: Apache-2.0
// Toy world: small procedural scenes with captions and exact ground truth, the data of the built-in
// model.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "image/image.h"

namespace zc {

enum class ToyTime : uint8_t { morning, noon, sunset, night };
enum class ToyGround : uint8_t { grass, sand, snow };
enum class ToyBackdrop : uint8_t { none, hills, mountains };
enum class ToyWay : uint8_t { none, road_across, road_ahead, path };
enum class ToyKind : uint8_t { house, tree, car, figure };
enum class ToyColour : uint8_t {
  red,
  orange,
  yellow,
  green,
  blue,
  purple,
  pink,
  white,
  black,
  brown,
  grey
};
enum class ToyPose : uint8_t { standing, walking, waving, arms_up, sitting };
enum class ToyPlace : uint8_t { left, middle, right };
enum class ToyDistance : uint8_t { unsaid, near, far };
enum class ToyTreeShape : uint8_t { round, conifer };

// What a pixel of an object shows: `body` bears ToyObject::colour, `second` bears second_colour.
enum class ToyPart : uint8_t { none, body, second, other };

std::string_view toy_name(ToyTime time);
std::string_view toy_name(ToyGround ground);
std::string_view toy_name(ToyKind kind);
std::string_view toy_name(ToyColour colour);
std::string_view toy_name(ToyPose pose);
std::string_view toy_name(ToyPlace place);

// Metres; x to the right, z away from the camera, the foot point stands on the ground (y = 0).
struct ToyObject {
  ToyKind kind = ToyKind::tree;
  ToyColour colour = ToyColour::green;         // walls, crown, bodywork or shirt
  ToyColour second_colour = ToyColour::brown;  // roof of a house, trousers of a figure
  ToyPose pose = ToyPose::standing;            // figures
  ToyTreeShape tree_shape = ToyTreeShape::round;
  ToyPlace place = ToyPlace::middle;
  ToyDistance distance = ToyDistance::unsaid;
  float x = 0, z = 10;
  float heading = 0;   // radians; 0 looks at the camera, positive turns to the image's left
  float size = 1;      // factor on the kind's usual size
  uint32_t style = 0;  // seeds the small choices (windows, hair, crown)
};

// A round bush, part of no object.
struct ToyBush {
  float x = 0, z = 10, radius = 0.5f;
};

struct ToyScene {
  uint64_t seed = 0;
  ToyTime time = ToyTime::noon;
  ToyGround ground = ToyGround::grass;
  ToyBackdrop backdrop = ToyBackdrop::hills;
  ToyWay way = ToyWay::none;
  int clouds = 0;
  bool fence = false;
  float fence_z = 20;
  float way_at = 0;         // road_across: z of its middle; otherwise x of its middle at the camera
  float way_slant = 0;      // metres to the right for each metre away
  float camera_height = 2;  // metres
  float horizon = 0.5f;     // share of the shorter side below the top of a square image
  float focal = 1.25f;      // in shorter sides
  float disc_x = 0.3f;      // sun or moon, shorter sides right of the middle and above the horizon
  float disc_y = 0.3f;
  std::array<float, 3> to_light = {0.6f, 0.6f, -0.5f};  // unit vector; z away from the camera
  std::vector<ToyObject> objects;
  std::vector<ToyBush> bushes;
};

// What a scene must have; the first object obeys kind, colour and pose. Nothing set: anything.
struct ToyConstraints {
  std::optional<ToyTime> time;
  std::optional<ToyGround> ground;
  std::optional<ToyKind> kind;
  std::optional<ToyColour>
      colour;  // throws bad_request when no kind, or not the kind asked for, comes in it
  std::optional<ToyPose> pose;
  std::optional<int> objects;  // 0..4 asked for; fewer when the place runs out
};

// The same seed gives the same scene on every machine.
ToyScene sample_scene(uint64_t seed);
ToyScene sample_scene(uint64_t seed, const ToyConstraints& constraints);

// A scene that is not held out: what training draws. The same as sample_scene(seed) unless that one
// is.
ToyScene sample_training_scene(uint64_t seed);

// The colours in which a kind comes.
const std::vector<ToyColour>& toy_colours(ToyKind kind);

// Combinations that training never shows, to measure how the model composes; `time` unset means at
// every time.
struct ToyHeldOut {
  ToyKind kind;
  ToyColour colour;
  std::optional<ToyTime> time;
};
const std::vector<ToyHeldOut>& toy_held_out();
bool is_held_out(const ToyScene& scene);

struct ToyKeypoint {
  float x = 0, y = 0;    // pixels; the middle of the first pixel is 0.5
  bool visible = false;  // inside the image and not behind another object; face points also not
                         // behind the head
};

struct ToyFigure {
  int object = 0;  // index in ToyScene::objects
  std::array<ToyKeypoint, 18>
      keypoints;  // COCO-18 in OpenPose's order: nose, neck, right arm, left arm, ...
};

struct ToySegment {
  float x0, y0, x1, y1;
};

constexpr float kToyFarDepth = 1000.0f;  // depth of the sky
constexpr uint8_t kToyNoObject = 255;

// Maps have one value for the middle of each pixel of `rgb`, without anti-aliasing; empty when not
// asked for.
struct ToyRender {
  Image rgb;
  std::vector<float> depth;     // camera z in metres
  std::vector<float> normals;   // x right, y up, z towards the viewer; unit length, sky (0, 0, 1)
  std::vector<uint8_t> labels;  // ADE20K class 0..149
  std::vector<uint8_t> object_ids;  // index in ToyScene::objects or kToyNoObject
  std::vector<uint8_t> parts;       // ToyPart
  std::vector<ToyFigure> figures;
  std::vector<ToySegment> segments;  // the visible straight edges of houses, cars and roads
};

// Any size from 1x1 to 4096x4096 (bad_request beyond); the scene is composed for squares and shows
// more of itself in the longer direction.
ToyRender render(const ToyScene& scene, int width, int height, bool with_maps = true);

// Normals as an 8-bit picture, (n + 1) / 2.
Image toy_normal_image(const ToyRender& render);

// One of several phrasings, chosen by the scene's seed or by `variant`.
std::string caption(const ToyScene& scene);
std::string caption(const ToyScene& scene, uint64_t variant);

// Every word that captions contain, sorted; punctuation is only the comma.
std::vector<std::string> toy_vocabulary();

// The named colour nearest to the mean of those pixels of `image` whose byte in `mask` is not 0,
// with the light of `time` taken out; nothing when the mask is empty.
std::optional<ToyColour> measure_toy_colour(const Image& image, const std::vector<uint8_t>& mask,
                                            ToyTime time, const std::vector<ToyColour>& candidates);

}  // namespace zc
