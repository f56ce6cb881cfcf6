// SPDX-License-Identifier: Apache-2.0
#include "annotators/pose_from_drawing.h"

#include <cmath>

#include <gtest/gtest.h>

#include "annotators/pose_draw.h"
#include "annotators/pose_match.h"
#include "image/draw.h"

namespace zc {
namespace {

// A standing person, `height` pixels tall, whose neck is at (x, y).
PosePerson standing_person(double x, double y, double height) {
  constexpr double kPlaces[18][2] = {
      {0.00, -0.13}, {0.00, 0.00}, {-0.14, 0.02},  {-0.22, 0.17}, {-0.25, 0.31},  {0.14, 0.02},
      {0.22, 0.17},  {0.25, 0.31}, {-0.08, 0.31},  {-0.09, 0.53}, {-0.10, 0.75},  {0.08, 0.31},
      {0.09, 0.53},  {0.10, 0.75}, {-0.05, -0.18}, {0.05, -0.18}, {-0.11, -0.13}, {0.11, -0.13}};
  PosePerson person;
  for (size_t k = 0; k < person.body.size(); ++k) {
    person.body[k] =
        PosePoint{std::floor(x + height * kPlaces[k][0]), std::floor(y + height * kPlaces[k][1])};
  }
  return person;
}

PoseDocument lone_person() {
  return {{256, 256}, {standing_person(120, 60, 200)}};
}

PoseDocument two_people() {
  return {{512, 256}, {standing_person(120, 60, 200), standing_person(360, 80, 180)}};
}

// Joints that were read back where they were drawn, within two pixels; -1 when nothing was read.
int64_t joints_read(const PoseDocument& drawn, const Image& map) {
  const auto read = pose_from_drawing(map);
  if (!read) return -1;
  EXPECT_EQ(read->canvas, (ImageSize{map.width, map.height}));
  EXPECT_EQ(read->people.size(), drawn.people.size());
  int64_t right = 0;
  for (const PosePerson& person : scaled_pose(drawn, read->canvas).people) {
    for (const PosePerson& found : read->people) {
      for (size_t k = 0; k < person.body.size(); ++k) {
        const auto &a = person.body[k], &b = found.body[k];
        right += a && b && std::hypot(a->x - b->x, a->y - b->y) <= 2.0 ? 1 : 0;
      }
    }
  }
  return right;
}

TEST(PoseFromDrawing, FindsEveryJointOfTheStylesThatDrawJointsLast) {
  for (const PoseRules rules : {PoseRules::v11, PoseRules::webui}) {
    EXPECT_EQ(joints_read(lone_person(), draw_pose(lone_person(), {.rules = rules})), 18);
    EXPECT_EQ(joints_read(two_people(), draw_pose(two_people(), {.rules = rules})), 36);
  }
}

TEST(PoseFromDrawing, FindsMostJointsUnderTheSticksOfTheFirstRelease) {
  const auto read = pose_from_drawing(draw_pose(lone_person(), {.rules = PoseRules::v10}));
  ASSERT_TRUE(read.has_value());
  EXPECT_GE(match_bodies({{lone_person().people[0].body}}, {{read->people.at(0).body}}).right, 16);
}

TEST(PoseFromDrawing, ReadsMapsThatWereScaled) {
  const Image map = draw_pose(lone_person());
  EXPECT_EQ(joints_read(lone_person(), resize(map, {384, 384}, Interpolation::linear)), 18);
  EXPECT_GE(joints_read(lone_person(), resize(map, {128, 128}, Interpolation::nearest)), 17);
}

TEST(PoseFromDrawing, LeavesOutWhatIsNotDrawn) {
  PoseDocument people = lone_person();
  people.people[0].body[4].reset();
  people.people[0].body[16].reset();
  const auto read = pose_from_drawing(draw_pose(people));
  ASSERT_TRUE(read.has_value());
  EXPECT_FALSE(read->people.at(0).body[4].has_value());
  EXPECT_FALSE(read->people.at(0).body[16].has_value());
  EXPECT_TRUE(read->people.at(0).body[3].has_value());
}

TEST(PoseFromDrawing, RefusesAJointThatCouldBeAnybodys) {
  PoseDocument people = two_people();
  // Wrists without elbows: no stick leads to them.
  for (PosePerson& person : people.people) person.body[3].reset();
  EXPECT_FALSE(pose_from_drawing(draw_pose(people)).has_value());
}

TEST(PoseFromDrawing, GivesALoosePartToTheOnlyOneWhoLacksIt) {
  PoseDocument people = two_people();
  people.people[0].body[3].reset();
  EXPECT_EQ(joints_read(people, draw_pose(people)), 35);
}

TEST(PoseFromDrawing, RefusesTwoJointsThatTouch) {
  PoseDocument people = two_people();
  people.people[1].body[4] = people.people[0].body[4];
  people.people[1].body[4]->x += 6;
  EXPECT_FALSE(pose_from_drawing(draw_pose(people)).has_value());
}

TEST(PoseFromDrawing, RefusesTheDotsOfHands) {
  PoseDocument people = lone_person();
  HandPose& hand = people.people[0].left_hand.emplace();
  for (size_t k = 0; k < hand.size(); ++k)
    hand[k] = PosePoint{180.0 + 12.0 * static_cast<double>(k % 5),
                        20.0 + 12.0 * static_cast<double>(k / 5)};
  EXPECT_FALSE(pose_from_drawing(draw_pose(people)).has_value());
}

TEST(PoseFromDrawing, FindsNobodyOnOtherPictures) {
  EXPECT_FALSE(pose_from_drawing(Image(64, 64, 3)).has_value());
  EXPECT_FALSE(pose_from_drawing(Image(64, 64, 3, 255)).has_value());
  Image lines(256, 256, 3);
  for (int joint = 0; joint < 18; ++joint)
    draw_line(lines, {0, 14 * joint}, {255 - 12 * joint, 255}, joint_colour(joint));
  EXPECT_FALSE(pose_from_drawing(lines).has_value());
}

TEST(PoseFromDrawing, APersonCutByTheEdgeIsStillRead) {
  PoseDocument people = lone_person();
  for (auto& point : people.people[0].body) point->x -= 95;  // the right arm is outside
  const auto read = pose_from_drawing(draw_pose(people));
  ASSERT_TRUE(read.has_value());
  EXPECT_FALSE(read->people.at(0).body[4].has_value());
  EXPECT_TRUE(read->people.at(0).body[7].has_value());
  EXPECT_GT(match_bodies(measurable_bodies(people), {{read->people[0].body}}).share(), 0.95);
}

}  // namespace
}  // namespace zc
