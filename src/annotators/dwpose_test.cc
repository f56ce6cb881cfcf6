// SPDX-License-Identifier: Apache-2.0
#include "annotators/dwpose.h"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>

#include "base/error.h"

namespace zc {
namespace {

constexpr ImageSize kPicture = {320, 200};

TEST(DwposeDetector, TakesStripsAndSinglePixels) {
  for (const Image& image : {Image(1, 1, 3, 7), Image(1, 3000, 3, 7), Image(3000, 1, 3, 7)}) {
    const at::Tensor input = dwpose_detector_input(image).tensor;
    EXPECT_EQ(input.sizes(), (at::IntArrayRef{3, 640, 640}));
    EXPECT_EQ(input[0][0][0].item<float>(), 7.0f);
  }
}

TEST(DwposeBoxes, NothingAtAllIsNobody) {
  EXPECT_TRUE(dwpose_boxes(at::zeros({8400, 85}), kPicture).empty());
}

TEST(DwposeBoxes, ThingsWithoutAPersonMeanTheWholePicture) {
  at::Tensor output = at::zeros({8400, 85});
  output[12][4] = 0.9;
  output[12][20] = 0.9;
  const auto boxes = dwpose_boxes(output, kPicture);
  ASSERT_EQ(boxes.size(), 1u);
  EXPECT_EQ(boxes[0].right, 320);
  EXPECT_EQ(boxes[0].bottom, 200);
}

TEST(DwposeBoxes, RefusesAnotherShape) {
  EXPECT_THROW(dwpose_boxes(at::zeros({8400, 84}), kPicture), Error);
  EXPECT_THROW(dwpose_boxes(at::zeros({1, 8400, 85}), kPicture), Error);
}

TEST(DwposePoints, RefusesAnotherShape) {
  const at::Tensor x = at::zeros({133, 576}), y = at::zeros({133, 768});
  EXPECT_THROW(dwpose_points(y, x, {10, 10}, {20, 20}), Error);
  EXPECT_THROW(dwpose_points(x[0], y[0], {10, 10}, {20, 20}), Error);
}

TEST(DwposePoints, APersonWithoutPointsHasNoHandsAndNoFace) {
  const WholeBody points =
      dwpose_points(at::zeros({133, 576}), at::zeros({133, 768}), {10, 10}, {20, 20});
  EXPECT_LT(points[0].x, 0);
  const PosePerson person = openpose_person(points);
  for (const auto& joint : person.body) EXPECT_FALSE(joint);
  EXPECT_FALSE(person.left_hand);
  EXPECT_FALSE(person.right_hand);
  EXPECT_TRUE(person.face.empty());
}

TEST(DwposePoints, TheNeckIsBetweenTheShoulders) {
  WholeBody points = {};
  for (PosePoint& point : points) point.score = 0;
  points[5] = {30, 10, 0.9};
  points[6] = {10, 20, 0.8};
  const PosePerson person = openpose_person(points);
  ASSERT_TRUE(person.body[1]);
  EXPECT_EQ(person.body[1]->x, 20);
  EXPECT_EQ(person.body[1]->y, 15);
  EXPECT_EQ(person.body[2]->x, 10);  // the right shoulder
  EXPECT_EQ(person.body[5]->x, 30);
  points[6].score = 0.2;
  EXPECT_FALSE(openpose_person(points).body[1]);
}

}  // namespace
}  // namespace zc
