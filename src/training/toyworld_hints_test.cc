// SPDX-License-Identifier: Apache-2.0
#include "training/toyworld_hints.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <gtest/gtest.h>

#include "annotators/ade20k_palette.h"
#include "base/error.h"
#include "training/data.h"

namespace zc {
namespace {

using Rgb = std::array<uint8_t, 3>;

Rgb colour_at(const Image& image, int x, int y) {
  const uint8_t* p = image.at(x, y);
  return {p[0], p[1], p[2]};
}

ToyRender scene_with(int objects, int size) {
  ToyConstraints constraints;
  constraints.objects = objects;
  if (objects > 0) constraints.kind = ToyKind::house;
  return render(sample_scene(3, constraints), size, size);
}

// Grass seen from above, whose depth doubles from row to row.
ToyRender bare_ground(int size) {
  ToyRender out;
  const size_t count = static_cast<size_t>(size) * size;
  out.rgb = Image(size, size, 3, 90);
  out.labels.assign(count, 9);
  out.object_ids.assign(count, kToyNoObject);
  out.parts.assign(count, 0);
  for (size_t i = 0; i < count; ++i) {
    out.depth.push_back(2.0f * static_cast<float>(1 + (i / size) % 8));
    out.normals.insert(out.normals.end(), {0.0f, 1.0f, 0.0f});
  }
  return out;
}

// A square object that faces the viewer, from a quarter to three quarters; its lower half is
// another part.
ToyRender ground_with_object(int size) {
  ToyRender out = bare_ground(size);
  for (int y = size / 4; y < 3 * size / 4; ++y) {
    for (int x = size / 4; x < 3 * size / 4; ++x) {
      const size_t at = static_cast<size_t>(y) * size + x;
      out.object_ids[at] = 0;
      out.labels[at] = 25;
      out.parts[at] = static_cast<uint8_t>(y < size / 2 ? ToyPart::body : ToyPart::second);
      out.depth[at] = 1.5f;
      out.normals[3 * at + 1] = 0;
      out.normals[3 * at + 2] = 1;
    }
  }
  return out;
}

size_t white_pixels(const Image& image) {
  size_t count = 0;
  for (size_t i = 0; i < image.pixels.size(); i += 3) count += image.pixels[i] == 255;
  return count;
}

bool two_valued(const Image& image) {
  return std::all_of(image.pixels.begin(), image.pixels.end(),
                     [](uint8_t p) { return p == 0 || p == 255; });
}

TEST(ToyHints, EveryKindIsRgbOfThePicturesSizeEvenWithoutObjects) {
  for (int size : {64, 256}) {
    const ToyRender scene = scene_with(0, size);
    for (const std::string& kind : toy_hint_kinds()) {
      const Image hint = toy_hint(scene, kind);
      EXPECT_EQ(hint.channels, 3) << kind;
      EXPECT_EQ(hint.width, size) << kind;
      EXPECT_EQ(hint.height, size) << kind;
    }
  }
}

TEST(ToyHints, DrawAnySize) {
  const std::pair<int, int> sizes[] = {{8, 8}, {333, 257}, {3, 200}, {200, 3}};
  for (const auto& [width, height] : sizes) {
    const ToyRender scene = render(sample_scene(5), width, height);
    for (const std::string& kind : toy_hint_kinds()) {
      EXPECT_EQ(toy_hint(scene, kind).pixels.size(), scene.rgb.pixels.size()) << kind;
    }
  }
}

TEST(ToyHints, AnUnknownKindIsAnErrorThatNamesTheKnownOnes) {
  try {
    toy_hint(scene_with(0, 16), "shuffle");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    EXPECT_EQ(error.where(), "control");
    EXPECT_NE(error.text().find("openpose"), std::string::npos);
  }
}

TEST(ToyHints, DepthIsBlackInTheSkyAndWhiteWhereItIsNearest) {
  const ToyRender scene = scene_with(0, 128);
  const Image hint = toy_hint(scene, "depth");
  const auto nearest = std::min_element(scene.depth.begin(), scene.depth.end());
  EXPECT_EQ(hint.pixels[3 * static_cast<size_t>(nearest - scene.depth.begin())], 255);
  for (size_t i = 0; i < scene.depth.size(); ++i) {
    if (scene.depth[i] >= kToyFarDepth) {
      ASSERT_EQ(hint.pixels[3 * i], 0);
    }
  }
}

TEST(ToyHints, NormalsAreRedLeftGreenUpBlueTowardsTheViewer) {
  ToyRender scene = bare_ground(2);
  scene.normals = {-1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1};
  const Image hint = toy_hint(scene, "normal");
  EXPECT_EQ(colour_at(hint, 0, 0), (Rgb{255, 127, 127}));
  EXPECT_EQ(colour_at(hint, 1, 0), (Rgb{0, 127, 127}));
  EXPECT_EQ(colour_at(hint, 0, 1), (Rgb{127, 255, 127}));
  EXPECT_EQ(colour_at(hint, 1, 1), (Rgb{127, 127, 255}));
}

TEST(ToyHints, SegShowsTheLabelsColours) {
  const ToyRender scene = scene_with(1, 64);
  const Image hint = toy_hint(scene, "seg");
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) {
      ASSERT_EQ(colour_at(hint, x, y), ade20k_palette()[scene.labels[y * 64 + x]]);
    }
  }
}

TEST(ToyHints, MlsdDrawsSegmentsOnePixelWide) {
  ToyRender scene = bare_ground(16);
  scene.segments = {{2.5f, 3.5f, 10.5f, 3.5f}};
  const Image hint = toy_hint(scene, "mlsd");
  EXPECT_TRUE(two_valued(hint));
  EXPECT_EQ(white_pixels(hint), 9u);
  EXPECT_EQ(colour_at(hint, 2, 3), (Rgb{255, 255, 255}));
}

TEST(ToyHints, OpenposeLeavesOutHiddenKeypoints) {
  ToyRender scene = bare_ground(256);
  ToyFigure figure;
  figure.keypoints[0] = {.x = 40.5f, .y = 10.5f, .visible = false};
  figure.keypoints[1] = {.x = 20.5f, .y = 30.5f, .visible = true};
  scene.figures = {figure};
  const Image hint = toy_hint(scene, "openpose");
  EXPECT_EQ(colour_at(hint, 20, 30), (Rgb{255, 85, 0}));
  EXPECT_EQ(colour_at(hint, 40, 10), (Rgb{0, 0, 0}));
}

TEST(ToyHints, HedIsBrightestOnOutlines) {
  const Image hint = toy_hint(ground_with_object(64), "hed");
  EXPECT_GT(*hint.at(16, 24), 240);
  EXPECT_GT(*hint.at(15, 24), 240);
  EXPECT_EQ(*hint.at(24, 24), 0);
}

TEST(ToyHints, HedShowsPartsWeakerThanOutlines) {
  const Image hint = toy_hint(ground_with_object(64), "hed");
  EXPECT_GT(*hint.at(32, 32), 100);
  EXPECT_LT(*hint.at(32, 32), 150);
}

TEST(ToyHints, HedSeesNoEdgesOnTheBareGround) {
  const Image hint = toy_hint(bare_ground(64), "hed");
  EXPECT_EQ(*std::max_element(hint.pixels.begin(), hint.pixels.end()), 0);
}

TEST(ToyHints, ScribblesAreTwoValuedAndThickerThanLines) {
  const ToyRender scene = scene_with(1, 256);
  const Image strokes = toy_hint(scene, "scribble");
  EXPECT_TRUE(two_valued(strokes));
  EXPECT_GT(white_pixels(strokes), 2 * white_pixels(toy_hint(scene, "mlsd")));
}

TEST(ToyHints, ScribblesFollowOutlinesAndLeaveTheInsideFree) {
  const Image strokes = toy_hint(ground_with_object(256), "scribble");
  EXPECT_EQ(*strokes.at(64, 96), 255);
  EXPECT_EQ(*strokes.at(96, 96), 0);
}

TEST(ToyHints, ArePairedWithThePicturesOfTheirScenes) {
  const auto pairs = open_pairs("toyworld:4:1", "depth");
  const Pair pair = pairs->pair(2, 64);
  EXPECT_EQ(pair.target, open_pairs("toyworld:4:1", "")->pair(2, 64).target);
  EXPECT_EQ(pair.hint, toy_hint(render(sample_training_scene(1 + 2 * 64), 64, 64), "depth"));
}

TEST(ToyHints, GiveEachKindOfPairsAFingerprintOfItsOwn) {
  std::set<std::string> fingerprints = {open_pairs("toyworld:4", "")->fingerprint()};
  for (const std::string& kind : toy_hint_kinds()) {
    fingerprints.insert(open_pairs("toyworld:4", kind)->fingerprint());
  }
  EXPECT_EQ(fingerprints.size(), toy_hint_kinds().size() + 1);
}

TEST(ToyHints, AnUnknownKindIsRefusedBeforeTheFirstPair) {
  EXPECT_THROW(open_pairs("toyworld:4", "shuffle"), Error);
}

}  // namespace
}  // namespace zc
