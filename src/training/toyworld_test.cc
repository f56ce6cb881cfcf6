// SPDX-License-Identifier: Apache-2.0
#include "training/toyworld.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/text.h"

namespace zc {
namespace {

// FNV-1a.
uint64_t hash_of(const void* bytes, size_t size, uint64_t hash = 0xCBF29CE484222325ull) {
  const auto* p = static_cast<const uint8_t*>(bytes);
  for (size_t i = 0; i < size; ++i) hash = (hash ^ p[i]) * 0x100000001B3ull;
  return hash;
}

template <class T>
uint64_t hash_of(const std::vector<T>& values, uint64_t hash) {
  return hash_of(values.data(), values.size() * sizeof(T), hash);
}

uint64_t hash_of(const ToyRender& r) {
  uint64_t hash = hash_of(r.rgb.pixels.data(), r.rgb.pixels.size());
  hash = hash_of(r.depth, hash);
  hash = hash_of(r.normals, hash);
  hash = hash_of(r.labels, hash);
  hash = hash_of(r.object_ids, hash);
  return hash_of(r.parts, hash);
}

ToyScene scene_with(ToyKind kind, uint64_t seed) {
  ToyConstraints constraints;
  constraints.kind = kind;
  return sample_scene(seed, constraints);
}

std::vector<std::string> words_of(std::string text) {
  std::erase(text, ',');
  return split(text, ' ');
}

TEST(ToyWorld, TheSameSeedGivesTheSameBytesOnEveryMachine) {
  // A change of these numbers changes the data on which the built-in model was trained.
  EXPECT_EQ(hash_of(render(sample_scene(1), 64, 64)), 10628150332839879759ull);
  EXPECT_EQ(hash_of(render(sample_scene(2), 96, 64)), 160372890604800753ull);
  EXPECT_EQ(hash_of(render(sample_scene(505), 128, 128)), 9931090863568120781ull);
  EXPECT_EQ(hash_of(render(sample_scene(701), 256, 256)), 6553709094563310138ull);
  std::string captions;
  for (uint64_t seed = 0; seed < 50; ++seed) captions += caption(sample_scene(seed)) + "\n";
  EXPECT_EQ(hash_of(captions.data(), captions.size()), 10241242795110724628ull);
}

TEST(ToyWorld, LeavingOutTheMapsDoesNotChangeThePicture) {
  ToyScene scene = sample_scene(7);
  ToyRender plain = render(scene, 64, 64, false);
  EXPECT_EQ(plain.rgb, render(scene, 64, 64).rgb);
  EXPECT_TRUE(plain.depth.empty());
  EXPECT_TRUE(plain.labels.empty());
}

TEST(ToyWorld, DrawsAnySize) {
  const int sizes[][2] = {{1, 1}, {8, 8}, {333, 257}, {3, 200}, {200, 3}};
  for (const auto& size : sizes) {
    for (uint64_t seed = 0; seed < 12; ++seed) {
      ToyRender r = render(sample_scene(seed), size[0], size[1]);
      size_t count = static_cast<size_t>(size[0]) * size[1];
      ASSERT_EQ(r.rgb.width, size[0]);
      ASSERT_EQ(r.rgb.height, size[1]);
      EXPECT_EQ(r.rgb.pixels.size(), 3 * count);
      EXPECT_EQ(r.depth.size(), count);
      EXPECT_EQ(r.normals.size(), 3 * count);
      EXPECT_EQ(r.labels.size(), count);
      EXPECT_EQ(r.object_ids.size(), count);
      EXPECT_EQ(r.parts.size(), count);
    }
  }
}

TEST(ToyWorld, RefusesSizesItCannotDraw) {
  for (auto [w, h] : {std::pair{0, 8}, {8, -1}, {5000, 8}}) {
    try {
      render(sample_scene(1), w, h);
      FAIL() << w << "x" << h;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_request);
      EXPECT_EQ(error.where(), "size");
    }
  }
}

TEST(ToyWorld, MapsAgreeWithEachOther) {
  constexpr uint8_t kSky = 2;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    ToyScene scene = sample_scene(seed);
    ToyRender r = render(scene, 96, 96);
    for (size_t i = 0; i < r.depth.size(); ++i) {
      const float* n = r.normals.data() + 3 * i;
      ASSERT_NEAR(n[0] * n[0] + n[1] * n[1] + n[2] * n[2], 1, 1e-4) << seed;
      ASSERT_LT(r.labels[i], 150);
      ASSERT_GT(r.depth[i], 0.4f);
      if (r.labels[i] == kSky) {
        ASSERT_EQ(r.depth[i], kToyFarDepth);
      }
      if (r.object_ids[i] != kToyNoObject) {
        ASSERT_LT(r.object_ids[i], scene.objects.size());
        ASSERT_NE(r.parts[i], static_cast<uint8_t>(ToyPart::none));
        const ToyObject& object = scene.objects[r.object_ids[i]];
        ASSERT_NEAR(r.depth[i], object.z, 4) << "an object's pixel lies near its foot point";
      }
    }
  }
}

TEST(ToyWorld, TheGroundLiesWhereTheCameraEquationSays) {
  ToyConstraints empty;
  empty.objects = 0;
  ToyScene scene = sample_scene(3, empty);
  scene.bushes.clear();
  scene.fence = false;
  ToyRender r = render(scene, 64, 64);
  // z = focal * eye height / rows below the horizon.
  double below = 63.5 - 64.0 * scene.horizon;
  EXPECT_NEAR(r.depth[63 * 64 + 10], 64.0 * scene.focal * scene.camera_height / below, 1e-3);
  EXPECT_EQ(r.normals[3 * (63 * 64 + 10) + 1], 1.0f);
}

TEST(ToyWorld, ObjectsAreLargeEnoughToLearn) {
  int small = 0;
  int objects = 0;
  for (uint64_t seed = 0; seed < 150; ++seed) {
    ToyScene scene = sample_scene(seed);
    ToyRender r = render(scene, 64, 64);
    for (size_t o = 0; o < scene.objects.size(); ++o) {
      auto pixels = std::count(r.object_ids.begin(), r.object_ids.end(), static_cast<uint8_t>(o));
      ++objects;
      if (pixels < 64 * 64 / 120) ++small;
    }
  }
  EXPECT_GT(objects, 200);
  EXPECT_LT(small, objects / 20);
}

TEST(ToyWorld, VisibleKeypointsLieInTheFigure) {
  int visible = 0;
  int all = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    ToyScene scene = scene_with(ToyKind::figure, seed);
    ToyRender r = render(scene, 128, 128);
    ASSERT_FALSE(r.figures.empty());
    for (const ToyFigure& figure : r.figures) {
      for (const ToyKeypoint& point : figure.keypoints) {
        ++all;
        if (!point.visible) continue;
        ++visible;
        size_t at =
            static_cast<size_t>(static_cast<int>(point.y)) * 128 + static_cast<int>(point.x);
        EXPECT_EQ(r.object_ids[at], figure.object);
      }
    }
  }
  EXPECT_GT(visible, all * 7 / 10);
}

TEST(ToyWorld, AFigureFromBehindShowsNoFace) {
  ToyScene scene = scene_with(ToyKind::figure, 11);
  scene.objects.resize(1);
  scene.objects[0].pose = ToyPose::standing;
  scene.objects[0].heading = 3.14159f;
  ToyRender behind = render(scene, 256, 256);
  scene.objects[0].heading = 0;
  ToyRender front = render(scene, 256, 256);
  for (int k : {0, 14, 15}) {
    EXPECT_FALSE(behind.figures[0].keypoints[k].visible) << k;
    EXPECT_TRUE(front.figures[0].keypoints[k].visible) << k;
  }
  // Seen from the front, the right shoulder (2) is on the image's left of the left one (5).
  EXPECT_LT(front.figures[0].keypoints[2].x, front.figures[0].keypoints[5].x);
  EXPECT_GT(behind.figures[0].keypoints[2].x, behind.figures[0].keypoints[5].x);
}

TEST(ToyWorld, StraightEdgesLieInThePicture) {
  int houses = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    ToyRender r = render(scene_with(ToyKind::house, seed), 128, 96);
    if (r.segments.size() >= 4) ++houses;
    for (const ToySegment& s : r.segments) {
      for (float x : {s.x0, s.x1}) EXPECT_TRUE(x >= 0 && x <= 128) << x;
      for (float y : {s.y0, s.y1}) EXPECT_TRUE(y >= 0 && y <= 96) << y;
      EXPECT_GE(std::hypot(s.x1 - s.x0, s.y1 - s.y0), 3.9f);
    }
  }
  EXPECT_EQ(houses, 20);
}

TEST(ToyWorld, CaptionsKeepToTheVocabulary) {
  std::vector<std::string> list = toy_vocabulary();
  std::set<std::string> known(list.begin(), list.end());
  EXPECT_GE(list.size(), 75u);
  EXPECT_LE(list.size(), 120u);
  std::set<std::string> used;
  std::set<std::string> different;
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    std::string text = caption(sample_scene(seed));
    different.insert(text);
    ASSERT_FALSE(text.empty());
    for (const std::string& word : words_of(text)) {
      ASSERT_TRUE(known.contains(word)) << word << " in: " << text;
      used.insert(word);
    }
  }
  EXPECT_GT(different.size(), 2500u);
  for (const std::string& word : list) EXPECT_TRUE(used.contains(word)) << word << " is never said";
}

TEST(ToyWorld, CaptionsNameWhatIsThere) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    ToyScene scene = sample_scene(seed);
    for (uint64_t variant = 0; variant < 3; ++variant) {
      std::vector<std::string> words = words_of(caption(scene, variant));
      for (const ToyObject& object : scene.objects) {
        std::string colour(toy_name(object.colour));
        EXPECT_NE(std::find(words.begin(), words.end(), colour), words.end())
            << caption(scene, variant);
      }
    }
  }
}

TEST(ToyWorld, ColourWordsCanBeReadBackFromThePixels) {
  int right = 0;
  int all = 0;
  for (uint64_t seed = 0; seed < 150; ++seed) {
    ToyScene scene = sample_scene(seed);
    ToyRender r = render(scene, 128, 128);
    for (size_t o = 0; o < scene.objects.size(); ++o) {
      std::vector<uint8_t> mask(r.parts.size());
      for (size_t i = 0; i < mask.size(); ++i)
        mask[i] = r.object_ids[i] == o && r.parts[i] == static_cast<uint8_t>(ToyPart::body);
      const ToyObject& object = scene.objects[o];
      auto read = measure_toy_colour(r.rgb, mask, scene.time, toy_colours(object.kind));
      ++all;
      if (read == object.colour) ++right;
    }
  }
  EXPECT_GE(right, all * 97 / 100) << right << " of " << all;
  EXPECT_FALSE(
      measure_toy_colour(Image(2, 2, 3), {0, 0, 0, 0}, ToyTime::noon, toy_colours(ToyKind::car)));
  EXPECT_THROW(measure_toy_colour(Image(2, 2, 3), {1}, ToyTime::noon, toy_colours(ToyKind::car)),
               Error);
}

TEST(ToyWorld, TrainingNeverShowsWhatIsHeldOut) {
  int held = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    if (is_held_out(sample_scene(seed))) ++held;
    EXPECT_FALSE(is_held_out(sample_training_scene(seed)));
  }
  EXPECT_GT(held, 2000 * 4 / 100);
  EXPECT_LT(held, 2000 * 25 / 100);
  for (const ToyHeldOut& combination : toy_held_out()) {
    ToyConstraints constraints;
    constraints.kind = combination.kind;
    constraints.colour = combination.colour;
    constraints.time = combination.time;
    EXPECT_TRUE(is_held_out(sample_scene(5, constraints)));
  }
}

TEST(ToyWorld, ConstraintsAreObeyed) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    ToyConstraints constraints;
    constraints.time = ToyTime::sunset;
    constraints.ground = ToyGround::snow;
    constraints.pose = ToyPose::arms_up;
    constraints.colour = ToyColour::purple;
    ToyScene scene = sample_scene(seed, constraints);
    EXPECT_EQ(scene.time, ToyTime::sunset);
    EXPECT_EQ(scene.ground, ToyGround::snow);
    ASSERT_FALSE(scene.objects.empty());
    EXPECT_EQ(scene.objects[0].kind, ToyKind::figure);
    EXPECT_EQ(scene.objects[0].pose, ToyPose::arms_up);
    EXPECT_EQ(scene.objects[0].colour, ToyColour::purple);
  }
}

TEST(ToyWorld, RefusesConstraintsThatNothingMeets) {
  ToyConstraints black_tree;
  black_tree.kind = ToyKind::tree;
  black_tree.colour = ToyColour::black;
  EXPECT_THROW(sample_scene(1, black_tree), Error);
  ToyConstraints waving_car;
  waving_car.kind = ToyKind::car;
  waving_car.pose = ToyPose::waving;
  EXPECT_THROW(sample_scene(1, waving_car), Error);
  ToyConstraints grey;
  grey.colour = ToyColour::grey;
  EXPECT_THROW(sample_scene(1, grey), Error);
}

TEST(ToyWorld, ObjectsDoNotStandInEachOther) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    ToyScene scene = sample_scene(seed);
    for (size_t i = 0; i < scene.objects.size(); ++i) {
      for (size_t j = i + 1; j < scene.objects.size(); ++j) {
        const ToyObject& a = scene.objects[i];
        const ToyObject& b = scene.objects[j];
        EXPECT_GT(std::hypot(a.x - b.x, a.z - b.z), 1.2) << seed;
      }
    }
  }
}

}  // namespace
}  // namespace zc
