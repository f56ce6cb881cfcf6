// SPDX-License-Identifier: Apache-2.0
#include "pipelines/maps.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "annotators/label_map.h"
#include "annotators/pose_draw.h"
#include "annotators/scene_maps.h"
#include "annotators/simple.h"
#include "base/error_of.h"
#include "pipelines/agreement.h"

namespace zc {
namespace {

Image box(int width, int height) {
  Image image(width, height, 3, 30);
  for (int y = height / 4; y < height * 3 / 4; ++y) {
    for (int x = width / 4; x < width * 3 / 4; ++x) std::fill_n(image.at(x, y), 3, uint8_t{200});
  }
  return image;
}

TEST(MakeMap, DrawsEdgesAtThePicturesSize) {
  std::vector<std::string> warnings;
  const Image map = make_map({}, box(100, 100), {128, 128}, warnings);
  EXPECT_EQ(map.width, 128);
  EXPECT_EQ(map.channels, 3);
  EXPECT_TRUE(warnings.empty()) << warnings.front();
  EXPECT_GT(std::count(map.pixels.begin(), map.pixels.end(), 255), 100);
}

TEST(MakeMap, SaysWhenThePhotographWasCut) {
  std::vector<std::string> warnings;
  const Image map = make_map({}, box(300, 100), {128, 128}, warnings);
  EXPECT_EQ(map.width, 128);
  EXPECT_EQ(map.height, 128);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("300x100"), std::string::npos);
}

TEST(MakeMap, TakesAFinishedMapAsItIs) {
  ControlUnit unit;
  unit.map = true;
  Image lines(64, 64, 3);
  for (int x = 0; x < 64; ++x) std::fill_n(lines.at(x, 10), 3, uint8_t{255});
  std::vector<std::string> warnings;
  EXPECT_EQ(make_map(unit, lines, {64, 64}, warnings), lines);
  EXPECT_TRUE(warnings.empty());
  EXPECT_EQ(make_map(unit, lines, {128, 64}, warnings).width, 128);
  EXPECT_EQ(warnings.size(), 1u);
}

TEST(MakeMap, FollowsTheResizeModeWithoutAWarning) {
  std::vector<std::string> warnings;
  ControlUnit unit;
  unit.resize = ControlResize::fill;
  const Image map = make_map(unit, box(300, 100), {128, 128}, warnings);
  EXPECT_EQ(map.height, 128);
  EXPECT_EQ(std::count(map.row(0), map.row(40), 0), 40 * 128 * 3);  // beside the photograph
  EXPECT_GT(std::count(map.row(43), map.row(85), 255), 100);
  for (const ControlResize mode : {ControlResize::just, ControlResize::crop}) {
    unit.resize = mode;
    EXPECT_EQ(make_map(unit, box(300, 100), {128, 128}, warnings).width, 128);
  }
  EXPECT_TRUE(warnings.empty()) << warnings.front();
}

TEST(MakeMap, CutsAFinishedMapIfAskedTo) {
  std::vector<std::string> warnings;
  ControlUnit unit;
  unit.map = true;
  Image lines(128, 64, 3);
  for (int y = 0; y < 64; ++y) std::fill_n(lines.at(64, y), 3, uint8_t{255});
  unit.resize = ControlResize::crop;
  EXPECT_EQ(make_map(unit, lines, {64, 64}, warnings), crop(lines, 32, 0, {64, 64}));
  unit.resize = ControlResize::fill;
  const Image filled = make_map(unit, lines, {64, 64}, warnings);
  EXPECT_EQ(std::count(filled.row(0), filled.row(16), 255), 0);
  EXPECT_GT(std::count(filled.row(16), filled.row(48), 255), 0);
  EXPECT_TRUE(warnings.empty()) << warnings.front();
}

TEST(MakeMap, PassesParametersToTheAnnotator) {
  std::vector<std::string> warnings;
  ControlUnit unit;
  unit.parameters = {"low=9000", "high=9999"};
  const Image map = make_map(unit, box(64, 64), {64, 64}, warnings);
  EXPECT_EQ(*std::max_element(map.pixels.begin(), map.pixels.end()), 0);
  ASSERT_EQ(warnings.size(), 1u);  // it says that nothing was found
  unit.parameters = {"lo=1"};
  EXPECT_THROW(make_map(unit, box(64, 64), {64, 64}, warnings), Error);
}

TEST(MakeMap, ScalesClassNumbersToTheNearestPixels) {
  ControlUnit unit;
  unit.kind = "seg_labels";
  EXPECT_TRUE(reads_labels(unit));
  Image numbers(32, 32, 1, 2);
  for (int y = 0; y < 32; ++y) std::fill_n(numbers.at(16, y), 16, uint8_t{9});
  std::vector<std::string> warnings;
  const Image map = make_map(unit, numbers, {64, 64}, warnings);
  EXPECT_EQ(warnings.size(), 1u);
  const Image expected = ade20k_colored(numbers);
  for (int x = 0; x < 64; ++x)
    EXPECT_TRUE(std::equal(map.at(x, 20), map.at(x, 20) + 3, expected.at(x / 2, 10))) << x;
  unit.map = true;
  EXPECT_FALSE(reads_labels(unit));
}

TEST(MakeMap, TheMapOfTileIsScaledAsItsAppScalesIt) {
  ControlUnit unit;
  unit.kind = "tile";
  std::vector<std::string> warnings;
  EXPECT_EQ(make_map(unit, box(100, 100), {128, 128}, warnings), tile_map(box(100, 100), 128));
  EXPECT_TRUE(warnings.empty());
}

PoseDocument one_limb(ImageSize canvas) {
  PoseDocument people = {canvas, {}};
  PosePerson& person = people.people.emplace_back();
  person.body[0] = PosePoint{canvas.width * 0.25, canvas.height * 0.25};
  person.body[1] = PosePoint{canvas.width * 0.5, canvas.height * 0.75};
  return people;
}

TEST(MakePoseMap, ScalesThePointsAndNotThePixels) {
  ControlUnit unit;
  unit.kind = "openpose";
  std::vector<std::string> warnings;
  const Image map = make_pose_map(unit, one_limb({512, 256}), {128, 128}, false, warnings);
  EXPECT_EQ(map, draw_pose(one_limb({128, 128})));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("512x256"), std::string::npos);
  warnings.clear();
  EXPECT_EQ(make_pose_map(unit, one_limb({128, 128}), {128, 128}, false, warnings), map);
  EXPECT_TRUE(warnings.empty());
  unit.parameters = {"rules=v10"};
  EXPECT_EQ(make_pose_map(unit, one_limb({128, 128}), {128, 128}, false, warnings),
            draw_pose(one_limb({128, 128}), {.rules = PoseRules::v10}));
}

TEST(MakePoseMap, DrawsForToyWorldAsItsControlNetsLearnedIt) {
  ControlUnit unit;
  unit.kind = "openpose";
  std::vector<std::string> warnings;
  const PoseDocument people = one_limb({128, 128});
  EXPECT_EQ(make_pose_map(unit, people, {128, 128}, true, warnings), draw_scene_people(people));
  unit.parameters = {"rules=v11"};
  EXPECT_EQ(make_pose_map(unit, people, {128, 128}, true, warnings), draw_pose(people));
}

TEST(MakePoseMap, FollowsTheResizeMode) {
  ControlUnit unit;
  unit.kind = "openpose";
  unit.resize = ControlResize::fill;
  std::vector<std::string> warnings;
  const Image map = make_pose_map(unit, one_limb({512, 256}), {128, 128}, false, warnings);
  PoseDocument expected = one_limb({128, 64});
  expected.canvas = {128, 128};
  for_each_point(expected.people, [](PosePoint& point) { point.y += 32; });
  EXPECT_EQ(map, draw_pose(expected));
  EXPECT_TRUE(warnings.empty());
}

TEST(MakePoseMap, SaysWhenNobodyIsThere) {
  ControlUnit unit;
  unit.kind = "openpose";
  std::vector<std::string> warnings;
  make_pose_map(unit, {{64, 64}, {}}, {64, 64}, false, warnings);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("empty"), std::string::npos);
}

TEST(MakePoseMap, RefusesKindsThatShowNoPeople) {
  std::vector<std::string> warnings;
  const Error error =
      error_of([&] { make_pose_map({}, one_limb({64, 64}), {64, 64}, false, warnings); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_EQ(error.where(), "control");
}

TEST(MakeMap, RefusesAPhotographForAKindWithoutAnnotator) {
  std::vector<std::string> warnings;
  ControlUnit unit;
  unit.kind = "unheard_of";
  EXPECT_THROW(make_map(unit, box(64, 64), {64, 64}, warnings), Error);
}

TEST(MapComplaints, TellWhatIsWrong) {
  EXPECT_NE(map_complaints("canny", Image(64, 64, 3)).at(0).find("empty"), std::string::npos);
  Image inverted(64, 64, 3, 255);
  std::fill_n(inverted.row(5), 64 * 3, uint8_t{0});
  EXPECT_NE(map_complaints("canny", inverted).at(0).find("inverted"), std::string::npos);
  Image grey(64, 64, 3);
  for (size_t i = 0; i < grey.pixels.size(); ++i) grey.pixels[i] = static_cast<uint8_t>(i % 256);
  EXPECT_NE(map_complaints("canny", grey).at(0).find("photograph"), std::string::npos);
}

TEST(MapComplaints, TellOfColoursThatDoNotFit) {
  const auto filled = [](uint8_t r, uint8_t g, uint8_t b) {
    Image map(64, 64, 3);
    for (size_t i = 0; i < map.pixels.size(); i += 3) {
      map.pixels[i] = r;
      map.pixels[i + 1] = g;
      map.pixels[i + 2] = b;
    }
    map.pixels[0] = static_cast<uint8_t>(map.pixels[0] + 40);  // not empty
    return map;
  };
  EXPECT_TRUE(map_complaints("normal", filled(128, 128, 200)).empty());
  EXPECT_NE(map_complaints("normal", filled(200, 128, 128)).at(0).find("swapped"),
            std::string::npos);
  EXPECT_NE(map_complaints("normal", filled(90, 90, 90)).at(0).find("grey"), std::string::npos);
  EXPECT_TRUE(map_complaints("seg", filled(6, 230, 230)).empty());
  EXPECT_NE(map_complaints("seg", filled(7, 7, 230)).at(0).find("palette"), std::string::npos);
  EXPECT_NE(map_complaints("depth", filled(200, 10, 10)).at(0).find("coloured"), std::string::npos);
  EXPECT_NE(map_complaints("openpose", filled(80, 90, 99)).at(0).find("black"), std::string::npos);
}

TEST(MapAgreement, IsBestOfAMapWithItself) {
  Image map(64, 64, 3);
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) {
      map.at(x, y)[0] = static_cast<uint8_t>(4 * x);
      map.at(x, y)[1] = static_cast<uint8_t>(x < 32 ? 250 : 20);
      map.at(x, y)[2] = 255;
    }
  }
  for (const char* kind : {"canny", "mlsd", "hed", "scribble", "depth", "seg", "openpose"})
    EXPECT_NEAR(map_agreement(kind, map, map)->value, 1.0, 1e-9) << kind;
  EXPECT_NEAR(map_agreement("normal", map, map)->value, 0.0, 1e-3);
  EXPECT_FALSE(map_agreement("shuffle", map, map).has_value());
}

TEST(MapAgreement, FallsWithDifference) {
  Image a(64, 64, 3), b(64, 64, 3);
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    a.pixels[i] = static_cast<uint8_t>(i / 48 % 256);
    b.pixels[i] = static_cast<uint8_t>(255 - a.pixels[i]);
  }
  EXPECT_NEAR(map_agreement("depth", a, b)->value, -1.0, 1e-6);
  EXPECT_GT(map_agreement("normal", a, b)->value, 90.0);
  EXPECT_LT(map_agreement("seg", a, b)->value, 0.1);
}

TEST(MatchEdges, CountsWhatLiesWithinTheTolerance) {
  Image a(32, 32, 3), b(32, 32, 3), far(32, 32, 3);
  std::fill_n(a.row(10), 32 * 3, uint8_t{255});
  std::fill_n(b.row(12), 32 * 3, uint8_t{255});
  std::fill_n(far.row(20), 32 * 3, uint8_t{255});
  EXPECT_EQ(match_edges(a, a).f1, 1.0);
  EXPECT_EQ(match_edges(a, b).f1, 1.0);
  EXPECT_EQ(match_edges(a, far).f1, 0.0);
  EXPECT_EQ(match_edges(a, Image(32, 32, 3)).f1, 0.0);
  EXPECT_EQ(match_edges(Image(32, 32, 3), Image(32, 32, 3)).f1, 1.0);
}

}  // namespace
}  // namespace zc
