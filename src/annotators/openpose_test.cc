// SPDX-License-Identifier: Apache-2.0
#include "annotators/openpose.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "annotators/pose_draw.h"
#include "base/error.h"

namespace zc {
namespace {

// What refuses, or "".
template <class F>
std::string pose_refused_at(F&& act) {
  try {
    act();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_request);
    return error.where();
  }
  return "";
}

TEST(GaussianFilter, KeepsAConstantAlsoWhenItIsWiderThanTheMap) {
  const DoubleMap point = {1, 1, {0.7}};
  EXPECT_NEAR(gaussian_filter(point, 3).values[0], 0.7, 1e-12);
  const DoubleMap strip = {3, 2, std::vector<double>(6, 0.25)};
  for (const double value : gaussian_filter(strip, 3).values) EXPECT_NEAR(value, 0.25, 1e-12);
}

TEST(BodyInput, ASinglePixelFillsTheInput) {
  for (const PoseRules rules : {PoseRules::v10, PoseRules::v11}) {
    const PoseInput input = body_input(Image(1, 1, 3, 128), rules);
    EXPECT_EQ(input.tensor.sizes(), (at::IntArrayRef{1, 3, 184, 184}));
    EXPECT_EQ(input.tensor.abs().max().item<float>(), 0.0f);
  }
}

TEST(BodyInput, IsPaddedToMultiplesOfEightInBgrOrder) {
  Image image(300, 184, 3);
  image.at(0, 0)[0] = 64;  // red
  const PoseInput input = body_input(image, PoseRules::v10);
  EXPECT_EQ(input.content, (ImageSize{300, 184}));
  EXPECT_EQ(input.tensor.size(3), 304);
  EXPECT_EQ(input.tensor[0][2][0][0].item<float>(), 64.0f / 256 - 0.5f);
  EXPECT_EQ(input.tensor[0][0][0][0].item<float>(), -0.5f);
  EXPECT_EQ(input.tensor[0][1][0][301].item<float>(), 0.0f);
}

TEST(BodyInput, RefusesStripsOfPixels) {
  EXPECT_EQ(pose_refused_at([] { body_input(Image(1, 2000, 3), PoseRules::v10); }), "image");
  EXPECT_EQ(pose_refused_at([] { body_input(Image(1, 2000, 3), PoseRules::v11); }), "image");
  EXPECT_EQ(pose_refused_at([] { body_input(Image(2000, 1, 3), PoseRules::v11); }), "image");
}

TEST(AssembleBodies, FindsNobodyInEmptyMaps) {
  const ImageSize content = {184, 184}, size = {1, 1};
  const BodyDetection found =
      assemble_bodies({at::zeros({1, 19, 23, 23}), content, size, PoseRules::v11},
                      {at::zeros({1, 38, 23, 23}), content, size, PoseRules::v11});
  EXPECT_TRUE(found.peaks.empty());
  EXPECT_TRUE(found.people.empty());
}

TEST(HandPeaks, AreZeroWhereNothingIsFound) {
  const std::vector<at::Tensor> maps(4, at::zeros({22, 23, 23}));
  for (const PoseRules rules : {PoseRules::v10, PoseRules::v11}) {
    for (const PixelPoint& p : hand_peaks(maps, 40, rules)) {
      EXPECT_EQ(p.x, 0);
      EXPECT_EQ(p.y, 0);
    }
  }
}

TEST(FacePeaks, LeaveOutWhatIsTooWeak) {
  at::Tensor maps = at::zeros({3, 4, 5});
  maps[0][1][2] = 0.5;
  maps[1].fill_(0.05f);
  maps[2][3][4] = 0.06;
  const auto peaks = face_peaks(maps);
  ASSERT_EQ(peaks.size(), 2u);
  EXPECT_EQ(peaks[0].x, 2);
  EXPECT_EQ(peaks[0].y, 1);
  EXPECT_EQ(peaks[1].x, 4);
}

TEST(Openpose, RefusesOptionsThatDoNotGoTogether) {
  const Image image(64, 64, 3);
  EXPECT_EQ(
      pose_refused_at([&] { detect_openpose({}, image, {.rules = PoseRules::v10, .face = true}); }),
      "openpose.face");
  EXPECT_EQ(pose_refused_at([&] { detect_openpose({}, image); }), "openpose.body");
}

TEST(OpenposeBodyNetwork, RefusesInputsOfAnotherShape) {
  const OpenposeBodyNetwork network;
  EXPECT_NE(pose_refused_at([&] { network.forward(at::zeros({1, 1, 8, 8})); }), "");
  EXPECT_NE(pose_refused_at([&] { network.forward(at::zeros({1, 3, 12, 8})); }), "");
}

// One person with nothing but a left hand, at whose wrist the reference would draw.
OpenposeDetection left_hand_only() {
  OpenposeDetection found;
  found.size = {49, 49};
  AssembledPerson person;
  person.peaks.fill(-1);
  person.peaks[0] = 0;
  found.bodies = {{{20, 20, 1.0}}, {person}};
  DetectedHand hand = {{10, 10, 30, 0, true}, {}};
  hand.peaks[0] = {5, 6};
  found.hands.push_back(hand);
  return found;
}

TEST(Openpose, MissingPointsOfAHandAreAbsent) {
  for (const PoseRules rules : {PoseRules::v10, PoseRules::v11, PoseRules::webui}) {
    const auto people = people_of(left_hand_only(), rules);
    ASSERT_EQ(people.size(), 1u);
    ASSERT_TRUE(people[0].left_hand);
    EXPECT_FALSE(people[0].right_hand);
    ASSERT_TRUE((*people[0].left_hand)[0]);
    EXPECT_NEAR((*people[0].left_hand)[0]->x, 15, 1e-4);
    EXPECT_NEAR((*people[0].left_hand)[0]->y, 16, 1e-4);
    EXPECT_FALSE((*people[0].left_hand)[1]);
  }
}

TEST(Openpose, OnlyTheFirstReleaseDrawsMissingPointsInTheCorner) {
  const std::array<uint8_t, 3> blue = {0, 0, 255}, black = {0, 0, 0};
  const auto corner = [](PoseRules rules) {
    const Image map =
        draw_openpose(left_hand_only(), {.rules = rules, .body = false, .hand = true});
    return std::array<uint8_t, 3>{map.pixels[0], map.pixels[1], map.pixels[2]};
  };
  EXPECT_EQ(corner(PoseRules::v10), blue);
  EXPECT_EQ(corner(PoseRules::v11), black);
  EXPECT_EQ(corner(PoseRules::webui), black);
}

TEST(DrawPeople, PointsFarOutsideDoNoHarm) {
  PosePerson person;
  person.body[1] = PosePoint{-1e12, 5};
  person.body[2] = PosePoint{1e12, 1e300};
  for (const PoseRules style : {PoseRules::v10, PoseRules::v11, PoseRules::webui})
    EXPECT_EQ(draw_people({16, 16}, std::vector<PosePerson>{person}, style).width, 16);
}

}  // namespace
}  // namespace zc
