// SPDX-License-Identifier: Apache-2.0
#include "annotators/pose_match.h"

#include <gtest/gtest.h>

namespace zc {
namespace {

// Eighteen joints on a diagonal of 100 pixels: a tenth of its size is 10.
BodyPose matched_body(double x, double y) {
  BodyPose body;
  for (size_t k = 0; k < body.size(); ++k) {
    const double along = 100.0 * static_cast<double>(k) / 17.0;
    body[k] = PosePoint{x + along, y + along};
  }
  return body;
}

BodyPose shifted(BodyPose body, double dx) {
  for (auto& point : body) point->x += dx;
  return body;
}

TEST(MatchBodies, AJointIsRightWithinATenthOfThePersonsSize) {
  const BodyPose wanted = matched_body(0, 0);
  EXPECT_EQ(match_bodies({{wanted}}, {{shifted(wanted, 9.9)}}).right, 18);
  EXPECT_EQ(match_bodies({{wanted}}, {{shifted(wanted, 10.1)}}).right, 0);
}

TEST(MatchBodies, JointsThatAreNotWantedOrNotFoundDoNotHelp) {
  BodyPose wanted = matched_body(0, 0), found = wanted;
  wanted[0].reset();
  found[1].reset();
  const JointCount count = match_bodies({{wanted}}, {{found}});
  EXPECT_EQ(count.joints, 17);
  EXPECT_EQ(count.right, 16);
  EXPECT_DOUBLE_EQ(count.share(), 16.0 / 17.0);
}

TEST(MatchBodies, OneFoundPersonCannotStandForTwo) {
  const BodyPose body = matched_body(0, 0);
  const JointCount count = match_bodies({{body, body}}, {{body}});
  EXPECT_EQ(count.joints, 36);
  EXPECT_EQ(count.right, 18);
}

// The first wanted body is nearest to the found one that the second cannot do without.
TEST(MatchBodies, PeopleAreMatchedSoThatAsManyJointsAsPossibleAreRight) {
  const BodyPose first = matched_body(0, 0), second = shifted(first, 12);
  const BodyPose between = shifted(first, 6);  // right for both
  BodyPose only_first = first;                 // right for the first, with one joint less
  only_first[0].reset();
  EXPECT_EQ(match_bodies({{first, second}}, {{between, only_first}}).right, 35);
  EXPECT_EQ(match_bodies({{second, first}}, {{only_first, between}}).right, 35);
}

TEST(MatchBodies, PeopleWhoAreTooManyDoNotCount) {
  const BodyPose body = matched_body(0, 0);
  const JointCount count = match_bodies({{body}}, {{matched_body(300, 0), body, body}});
  EXPECT_EQ(count.joints, 18);
  EXPECT_EQ(count.right, 18);
}

TEST(MatchBodies, NobodyFoundIsNothingRight) {
  EXPECT_EQ(match_bodies({{matched_body(0, 0)}}, {}).share(), 0.0);
  EXPECT_EQ(match_bodies({}, {{matched_body(0, 0)}}).joints, 0);
}

TEST(MeasurableBodies, LeaveOutWhatNoPictureCanShow) {
  PoseDocument people{{64, 64}, {}};
  people.people.emplace_back().body = matched_body(20, 20);   // partly outside
  people.people.emplace_back().body = matched_body(-500, 0);  // all outside
  PosePerson& hint = people.people.emplace_back();            // too little to have a size
  hint.body[3] = PosePoint{5, 5};
  hint.body[4] = PosePoint{9, 9};
  const std::vector<BodyPose> bodies = measurable_bodies(people);
  ASSERT_EQ(bodies.size(), 1u);
  EXPECT_TRUE(bodies[0][0].has_value());
  EXPECT_FALSE(bodies[0][17].has_value());
}

TEST(BodySize, IsTheLargerSideOfItsBoxAndNeverZero) {
  BodyPose body;
  EXPECT_EQ(body_size(body), 1.0);
  body[0] = PosePoint{3, 4};
  EXPECT_EQ(body_size(body), 1.0);
  body[5] = PosePoint{13, 44};
  EXPECT_EQ(body_size(body), 40.0);
}

}  // namespace
}  // namespace zc
