// SPDX-License-Identifier: Apache-2.0
// By what the pictures of the held-out pairs are judged.
#include "training/held_out_judge.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "annotators/canny.h"
#include "annotators/pose_draw.h"
#include "image/resize.h"

namespace zc {
namespace {

Image light_square() {
  Image image(64, 64, 3, 30);
  for (int y = 16; y < 48; ++y) std::fill_n(image.at(16, y), 32 * 3, uint8_t{200});
  return image;
}

// Head, trunk and one arm.
Image standing_person() {
  PoseDocument people{{128, 128}, {}};
  BodyPose& body = people.people.emplace_back().body;
  body[0] = PosePoint{40, 20};
  body[1] = PosePoint{40, 50};
  body[8] = PosePoint{26, 100};
  body[11] = PosePoint{54, 100};
  body[2] = PosePoint{20, 55};
  body[3] = PosePoint{16, 80};
  return draw_pose(people);
}

HeldOutPair edge_pair() {
  return {light_square(), hwc3(canny(light_square())), ""};
}

HeldOutPair pose_pair(const Image& map) {
  return {Image(128, 128, 3), map, ""};
}

TEST(HeldOutJudge, ComparesMapsThatAreTakenFromThePictures) {
  const HeldOutJudge judge("canny", {edge_pair()}, false);
  EXPECT_EQ(judge.metric(), "edge F1 (2 px)");
  EXPECT_EQ(judge.obeys(0, light_square()), 1.0);
  EXPECT_EQ(judge.obeys(0, Image(64, 64, 3)), 0.0);
}

TEST(HeldOutJudge, JudgesAKindOfOnesOwnByTheEdgesOfTheTarget) {
  HeldOutPair pair = edge_pair();
  pair.hint = Image(64, 64, 3, 90);
  const HeldOutJudge judge("a kind of my own", {pair}, true);
  EXPECT_EQ(judge.metric(), "edge F1 to the target");
  EXPECT_EQ(judge.obeys(0, light_square()), 1.0);
  EXPECT_EQ(judge.obeys(0, Image(64, 64, 3)), 0.0);
}

TEST(HeldOutJudge, ComparesJointsAsReceiptsDo) {
  const HeldOutJudge judge("openpose", {pose_pair(standing_person())}, true);
  EXPECT_EQ(judge.metric(), "PCK@0.1");
  ASSERT_TRUE(judge.obeys(0, Image(128, 128, 3)).has_value());
  EXPECT_LT(*judge.obeys(0, Image(128, 128, 3)), 0.5);  // nobody is there
}

TEST(HeldOutJudge, LeavesOutPairsWithoutPeopleAmongThoseWithPeople) {
  const HeldOutJudge judge("openpose",
                           {pose_pair(standing_person()), pose_pair(Image(128, 128, 3))}, true);
  EXPECT_EQ(judge.metric(), "PCK@0.1");
  EXPECT_FALSE(judge.obeys(1, Image(128, 128, 3)).has_value());
}

TEST(HeldOutJudge, ComparesSkeletonsWhereNoMapShowsPeople) {
  const HeldOutJudge judge("openpose", {pose_pair(Image(128, 128, 3))}, true);
  EXPECT_EQ(judge.metric(), "skeleton F1");
}

TEST(HeldOutJudge, JudgesByEdgesWhereTheWeightsOfTheAnnotatorAreMissing) {
  const HeldOutJudge judge("openpose", {pose_pair(standing_person())}, false, WeightFolders{});
  EXPECT_EQ(judge.metric(), "edge F1 to the target");
}

}  // namespace
}  // namespace zc
