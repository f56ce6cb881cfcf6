// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate_scenes.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/error_of.h"
#include "training/evaluate_plan.h"
#include "training/toyworld_hints.h"

namespace zc {
namespace {

constexpr int kSide = 128;

ToyRender render_of(const ToyConstraints& constraints) {
  return render(sample_scene(11, constraints), kSide, kSide);
}

TEST(MeasuredConditions, AreNineAndFakeScribbleUsesScribblesControlNet) {
  EXPECT_EQ(measured_conditions().size(), 9u);
  EXPECT_EQ(control_of_condition("fake_scribble"), "scribble");
  for (const std::string& kind : toy_hint_kinds()) EXPECT_EQ(control_of_condition(kind), kind);
  const Error error = error_of([] { require_measured_condition("lineart"); });
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  EXPECT_NE(error.text().find("fake_scribble"), std::string::npos);
}

TEST(ShowsCondition, WantsAWholePersonForOpenpose) {
  ToyRender truth = render_of({.kind = ToyKind::figure, .objects = 1});
  ASSERT_EQ(truth.figures.size(), 1u);
  ToyFigure& figure = truth.figures[0];
  for (size_t k = 0; k < figure.keypoints.size(); ++k)
    figure.keypoints[k] = {20.0f + 2.0f * static_cast<float>(k),
                           20.0f + 4.0f * static_cast<float>(k), true};
  EXPECT_TRUE(shows_condition(truth, "openpose"));
  figure.keypoints[16].visible = false;  // an ear behind the head
  EXPECT_TRUE(shows_condition(truth, "openpose"));
  figure.keypoints[10].visible = false;  // an ankle behind a bush
  EXPECT_FALSE(shows_condition(truth, "openpose"));
}

TEST(ShowsCondition, APersonTooSmallToMeasureIsNone) {
  ToyRender truth = render_of({.kind = ToyKind::figure, .objects = 1});
  ASSERT_EQ(truth.figures.size(), 1u);
  for (ToyKeypoint& point : truth.figures[0].keypoints) point = {30, 30, true};
  EXPECT_FALSE(shows_condition(truth, "openpose"));
  EXPECT_FALSE(shows_condition(render_of({.kind = ToyKind::tree, .objects = 1}), "openpose"));
}

TEST(ShowsCondition, WantsEnoughStraightLinesForMlsd) {
  ToyRender truth = render_of({.kind = ToyKind::tree, .objects = 1});
  truth.segments.clear();
  EXPECT_FALSE(shows_condition(truth, "mlsd"));
  truth.segments = {{4, 30, 120, 30}, {4, 90, 120, 90}};
  EXPECT_TRUE(shows_condition(truth, "mlsd"));
}

TEST(ShowsCondition, RefusesMapsThatAreAlmostEmpty) {
  ToyRender truth = render_of({});
  for (const char* condition : {"seg", "depth", "normal"})
    EXPECT_TRUE(shows_condition(truth, condition)) << condition;
  std::ranges::fill(truth.rgb.pixels, uint8_t{90});
  std::ranges::fill(truth.labels, uint8_t{2});
  std::ranges::fill(truth.depth, kToyFarDepth);
  for (size_t i = 0; i < truth.normals.size(); ++i) truth.normals[i] = i % 3 == 2 ? 1.0f : 0.0f;
  std::ranges::fill(truth.object_ids, kToyNoObject);
  std::ranges::fill(truth.parts, uint8_t{0});
  truth.segments.clear();
  for (const std::string& condition : measured_conditions()) {
    if (condition != "openpose") {
      EXPECT_FALSE(shows_condition(truth, condition)) << condition;
    }
  }
}

TEST(ScenesThatShow, AreTheFirstOnesAndDoNotDependOnHowManyAreAsked) {
  const std::vector<std::string> conditions = {"mlsd"};
  const std::vector<int64_t> few = scenes_that_show(conditions, 5, 2, 64, {}),
                             more = scenes_that_show(conditions, 5, 4, 64, {});
  ASSERT_EQ(more.size(), 4u);
  EXPECT_EQ(few, std::vector<int64_t>(more.begin(), more.begin() + 2));
  EXPECT_GE(more.front(), 5);
  EXPECT_TRUE(std::ranges::is_sorted(more));
  for (const int64_t number : more)
    EXPECT_TRUE(shows_condition(unseen_scene(number, 64).truth, "mlsd"));
}

TEST(ScenesThatShow, ShowEveryConditionThatIsAskedFor) {
  const std::vector<std::string> conditions = {"mlsd", "canny"};
  for (const int64_t number : scenes_that_show(conditions, 0, 2, 64, {})) {
    const UnseenScene scene = unseen_scene(number, 64);
    EXPECT_TRUE(shows_condition(scene.truth, "mlsd") && shows_condition(scene.truth, "canny"));
    EXPECT_FALSE(is_held_out(scene.scene));
  }
}

TEST(ToyPeople, HaveTheVisibleJointsInPixels) {
  ToyRender truth;
  truth.rgb = Image(8, 8, 3);
  ToyFigure& figure = truth.figures.emplace_back();
  figure.keypoints[3] = {2.5f, 4.5f, true};
  figure.keypoints[4] = {3.5f, 4.5f, false};
  const PoseDocument people = toy_people(truth);
  ASSERT_EQ(people.people.size(), 1u);
  EXPECT_EQ(people.people[0].body[3]->x, 2.0);
  EXPECT_EQ(people.people[0].body[3]->y, 4.0);
  EXPECT_FALSE(people.people[0].body[4].has_value());
}

TEST(Shard, IsOnePlaceOfSeveral) {
  EXPECT_EQ(parse_shard("2/3").index, 2);
  EXPECT_EQ(parse_shard("2/3").count, 3);
  for (const char* text : {"", "3", "3/3", "-1/3", "1/0", "a/b", "1/2/3", "1/2x"}) {
    const Error error = error_of([&] { parse_shard(text); });
    EXPECT_EQ(error.kind(), ErrorKind::bad_request) << text;
    EXPECT_EQ(error.where(), "--shard") << text;
  }
}

}  // namespace
}  // namespace zc
