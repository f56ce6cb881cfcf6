// SPDX-License-Identifier: Apache-2.0
#include "pipelines/receipt.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "annotators/pose_draw.h"
#include "base/error_of.h"

namespace zc {
namespace {

Image light_box(int side) {
  Image image(side, side, 3, 30);
  for (int y = side / 4; y < side * 3 / 4; ++y)
    std::fill_n(image.at(side / 4, y), side / 2 * 3, uint8_t{200});
  return image;
}

// Head, trunk and one arm.
PoseDocument small_person(double x) {
  PoseDocument people{{128, 128}, {}};
  BodyPose& body = people.people.emplace_back().body;
  body[0] = PosePoint{x, 20};
  body[1] = PosePoint{x, 50};
  body[8] = PosePoint{x - 14, 100};
  body[11] = PosePoint{x + 14, 100};
  body[2] = PosePoint{x - 20, 55};
  body[3] = PosePoint{x - 24, 80};
  return people;
}

ControlUnit unit_of(const std::string& kind) {
  ControlUnit unit;
  unit.kind = kind;
  return unit;
}

ReceiptReader reader_that_sees(const PoseDocument& people) {
  ReceiptReader reader;
  reader.people = [people](const Image&) { return people; };
  return reader;
}

TEST(Receipt, MeasuresThePictureAgainstTheMap) {
  std::vector<std::string> warnings;
  const Image photo = light_box(64);
  const ControlMap map = make_control_map({}, photo, {64, 64}, warnings);
  const ReceiptReader canny = receipt_reader({}, {.toy_world = true});
  EXPECT_EQ(make_receipt({}, canny, map, photo, {1.0}).obeys, 1.0);
  EXPECT_EQ(make_receipt({}, canny, map, Image(64, 64, 3), {}).obeys, 0.0);
}

TEST(Receipt, AnAnnotatorThatRefusesThePictureDoesNotLoseIt) {
  ReceiptReader refuses;
  refuses.map = [](const Image&) -> Image {
    throw Error(ErrorKind::bad_request, "picture", "is too long");
  };
  const Image blank(64, 64, 3);
  const UnitReceipt receipt = make_receipt({}, refuses, {blank, {}}, blank, {1.0});
  EXPECT_FALSE(receipt.obeys.has_value());
  EXPECT_NE(receipt_text(receipt).find("is too long"), std::string::npos);
}

TEST(Receipt, SaysWhichWeightsAreMissing) {
  const Image blank(64, 64, 3);
  for (const bool joints : {false, true}) {
    const ReceiptReader reader =
        receipt_reader(unit_of("openpose"), {.joints = joints}, WeightFolders{});
    EXPECT_TRUE(reader.empty());
    const UnitReceipt receipt =
        make_receipt(unit_of("openpose"), reader, {blank, {}}, blank, {1.0});
    EXPECT_FALSE(receipt.obeys.has_value());
    EXPECT_NE(receipt.metric.find("body_pose_model.pth"), std::string::npos) << receipt.metric;
    EXPECT_NE(receipt_text(receipt).find("not measured"), std::string::npos);
    EXPECT_TRUE(to_json(receipt).at("acted"));
  }
}

TEST(Receipt, IsSilentAboutKindsThatAreNeverMeasured) {
  const Image blank(64, 64, 3);
  for (const char* kind : {"shuffle", "a kind of my own"}) {
    const ReceiptReader reader = receipt_reader(unit_of(kind), {}, WeightFolders{});
    EXPECT_EQ(make_receipt(unit_of(kind), reader, {blank, {}}, blank, {}).metric, "") << kind;
  }
}

TEST(Receipt, StillRefusesParametersThatTheAnnotatorDoesNotKnow) {
  ControlUnit unit;
  unit.parameters = {"lw=100"};
  const Error error = error_of([&] { receipt_reader(unit, {}); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
}

TEST(Receipt, ComparesJointsWhereTheWantedPeopleAreKnown) {
  const PoseDocument people = small_person(40);
  const ControlMap wanted = {draw_pose(people), people};
  ASSERT_TRUE(has_joints(wanted));
  const Image blank(128, 128, 3);
  UnitReceipt receipt =
      make_receipt(unit_of("openpose"), reader_that_sees(people), wanted, blank, {1.0});
  EXPECT_EQ(receipt.metric, "PCK@0.1");
  EXPECT_EQ(receipt.obeys, 1.0);
  receipt =
      make_receipt(unit_of("openpose"), reader_that_sees(small_person(80)), wanted, blank, {});
  EXPECT_EQ(receipt.obeys, 0.0);
}

TEST(Receipt, ComparesPixelsWhereThePeopleAreNotKnownAndSaysSo) {
  const Image map = draw_pose(small_person(40));
  ReceiptReader reader;
  reader.map = [map](const Image&) { return map; };
  const UnitReceipt receipt = make_receipt(unit_of("openpose"), reader, {map, {}}, map, {1.0});
  EXPECT_EQ(receipt.metric, "skeleton F1");
  EXPECT_EQ(receipt.obeys, 1.0);
}

TEST(PeopleOnMap, AreReadFromSkeletonsOnly) {
  const Image map = draw_pose(small_person(40));
  for (const char* kind : {"openpose", "dwpose"}) {
    const auto people = people_on_map(kind, map);
    ASSERT_TRUE(people.has_value()) << kind;
    EXPECT_EQ(people->people.size(), 1u);
  }
  EXPECT_FALSE(people_on_map("seg", map).has_value());
  EXPECT_FALSE(people_on_map("a kind of my own", map).has_value());
}

TEST(MakeControlMap, ReadsThePeopleOfAFinishedMap) {
  std::vector<std::string> warnings;
  ControlUnit unit = unit_of("openpose");
  unit.map = true;
  const ControlMap map = make_control_map(unit, draw_pose(small_person(40)), {64, 64}, warnings);
  ASSERT_TRUE(has_joints(map));
  EXPECT_NEAR(map.people->people.at(0).body[1]->x, 20, 2);
}

TEST(PoseAgreement, IsUnknownWhereNobodyIsWanted) {
  EXPECT_FALSE(pose_agreement({{128, 128}, {}}, small_person(40)).has_value());
  EXPECT_EQ(pose_agreement(small_person(40), {{128, 128}, {}})->value, 0.0);
}

}  // namespace
}  // namespace zc
