// SPDX-License-Identifier: Apache-2.0
#include "annotators/pose_json.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "annotators/pose_draw.h"
#include "base/error.h"

namespace zc {
namespace {

PoseDocument one_person() {
  PoseDocument document = {{320, 200}, {}};
  PosePerson& person = document.people.emplace_back();
  for (int part = 0; part < 18; ++part) {
    if (part != 4) person.body[part] = PosePoint{10.0 + part * 16, 20.5 + (part % 5) * 30};
  }
  HandPose& hand = person.left_hand.emplace();
  for (int i = 0; i < 20; ++i) hand[i] = PosePoint{100.0 + 3 * i, 50.0 + i};
  person.face.assign(12, PosePoint{60, 61});
  return document;
}

nlohmann::json valid() {
  return pose_to_json(one_person());
}

// The place that a refusal names, or "accepted".
std::string refused_at(const nlohmann::json& json) {
  try {
    pose_from_json(json);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_request);
    return error.where();
  }
  return "accepted";
}

TEST(PoseJson, ComesBackAsItWasWritten) {
  const PoseDocument before = one_person();
  const PoseDocument after = pose_from_text(pose_to_json(before).dump());
  ASSERT_EQ(after.people.size(), 1u);
  EXPECT_EQ(after.canvas, before.canvas);
  const PosePerson& person = after.people[0];
  EXPECT_FALSE(person.body[4]);
  EXPECT_EQ(person.body[5]->x, before.people[0].body[5]->x);
  EXPECT_EQ(person.body[5]->y, before.people[0].body[5]->y);
  EXPECT_FALSE((*person.left_hand)[20]);
  EXPECT_FALSE(person.right_hand);
  EXPECT_EQ(person.face.size(), 70u);
  for (const PoseRules style : {PoseRules::v10, PoseRules::v11, PoseRules::webui}) {
    EXPECT_TRUE(draw_people(after.canvas, after.people, style) ==
                draw_people(before.canvas, before.people, style));
  }
}

TEST(PoseJson, WritesTheWebUisFields) {
  const nlohmann::json json = valid();
  EXPECT_EQ(json.at("canvas_width"), 320);
  EXPECT_EQ(json.at("canvas_height"), 200);
  const auto& person = json.at("people").at(0);
  EXPECT_EQ(person.at("pose_keypoints_2d").size(), 54u);
  EXPECT_EQ(person.at("hand_left_keypoints_2d").size(), 63u);
  EXPECT_EQ(person.at("face_keypoints_2d").size(), 210u);
  EXPECT_TRUE(person.at("hand_right_keypoints_2d").is_null());
  EXPECT_EQ(person.at("pose_keypoints_2d").at(2), 1.0);
  EXPECT_EQ(person.at("pose_keypoints_2d").at(14), 0.0);
}

TEST(PoseJson, FractionsArePartsOfTheCanvas) {
  nlohmann::json json = {
      {"canvas_width", 200}, {"canvas_height", 100.0}, {"people", nlohmann::json::array()}};
  nlohmann::json points(54, 0.0);
  points[0] = 0.5;
  points[1] = 0.25;
  points[2] = 0.3;
  json["people"].push_back(nlohmann::json::object({{"pose_keypoints_2d", points}}));
  const PoseDocument document = pose_from_json(json);
  ASSERT_TRUE(document.people.at(0).body[0]);
  EXPECT_EQ(document.people[0].body[0]->x, 100);
  EXPECT_EQ(document.people[0].body[0]->y, 25);
  EXPECT_FALSE(document.people[0].body[1]);
}

TEST(PoseJson, NobodyIsAllowed) {
  const nlohmann::json json = {
      {"canvas_width", 8}, {"canvas_height", 8}, {"people", nlohmann::json::array()}};
  EXPECT_TRUE(pose_from_json(json).people.empty());
}

TEST(PoseJson, ErrorsNameThePlace) {
  nlohmann::json json = valid();
  json.erase("canvas_height");
  EXPECT_EQ(refused_at(json), "pose.canvas_height");

  json = valid();
  json["canvas_width"] = 0;
  EXPECT_EQ(refused_at(json), "pose.canvas_width");
  json["canvas_width"] = "320";
  EXPECT_EQ(refused_at(json), "pose.canvas_width");
  json["canvas_width"] = 30'000;
  json["canvas_height"] = 30'000;
  EXPECT_EQ(refused_at(json), "pose.canvas_width");

  json = valid();
  json["people"] = nlohmann::json::object();
  EXPECT_EQ(refused_at(json), "pose.people");
  json["people"] = nlohmann::json(1000, nlohmann::json::object());
  EXPECT_EQ(refused_at(json), "pose.people");

  json = valid();
  json["people"].push_back(7);
  EXPECT_EQ(refused_at(json), "pose.people[1]");

  json = valid();
  json["people"][0]["pose_keypoints_2d"].push_back(1);
  EXPECT_EQ(refused_at(json), "pose.people[0].pose_keypoints_2d");

  json = valid();
  json["people"][0]["face_keypoints_2d"] = "none";
  EXPECT_EQ(refused_at(json), "pose.people[0].face_keypoints_2d");

  json = valid();
  json["people"][0]["hand_left_keypoints_2d"][4] = nullptr;
  EXPECT_EQ(refused_at(json), "pose.people[0].hand_left_keypoints_2d[4]");

  json = valid();
  json["people"][0]["pose_keypoints_2d"][1] = 1e300;
  EXPECT_EQ(refused_at(json), "pose.people[0].pose_keypoints_2d[0]");
}

TEST(PoseFile, ComesBackAndNamesItselfInErrors) {
  const auto folder = std::filesystem::path(::testing::TempDir());
  const auto file = folder / ("zc_pose_" + std::to_string(getpid()) + ".json");
  save_pose(file, one_person());
  const PoseDocument after = load_pose(file);
  EXPECT_EQ(after.canvas, (ImageSize{320, 200}));
  EXPECT_EQ(after.people.at(0).body[5]->y, one_person().people[0].body[5]->y);
  std::ofstream(file) << R"({"canvas_width": 8, "canvas_height": 8, "people": 3})";
  try {
    load_pose(file);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_file);
    EXPECT_EQ(error.where(), file.string() + ".people");
  }
  std::filesystem::remove(file);
  EXPECT_TRUE(is_pose_file("a/pose.JSON"));
  EXPECT_FALSE(is_pose_file("json"));
  EXPECT_FALSE(is_pose_file("pose.json.png"));
}

TEST(ScaledPose, EachPointKeepsItsFractionOfTheCanvas) {
  const PoseDocument half = scaled_pose(one_person(), {160, 400});
  const PosePerson before = one_person().people[0];
  EXPECT_EQ(half.canvas, (ImageSize{160, 400}));
  EXPECT_EQ(half.people.at(0).body[5]->x, before.body[5]->x / 2);
  EXPECT_EQ(half.people[0].body[5]->y, before.body[5]->y * 2);
  EXPECT_FALSE(half.people[0].body[4]);
  EXPECT_EQ((*half.people[0].left_hand)[3]->x, (*before.left_hand)[3]->x / 2);
  EXPECT_EQ(half.people[0].face[0]->x, 30);
}

TEST(DrawPose, LeavesOutWhatIsSwitchedOff) {
  const PoseDocument people = one_person();
  const Image all = draw_pose(people);
  EXPECT_EQ(all, draw_people(people.canvas, people.people, PoseRules::v11));
  for (const PoseDrawOptions& less :
       {PoseDrawOptions{.body = false}, PoseDrawOptions{.hand = false},
        PoseDrawOptions{.face = false}})
    EXPECT_NE(draw_pose(people, less), all);
  EXPECT_EQ(draw_pose(people, {.body = false, .hand = false, .face = false}), Image(320, 200, 3));
  EXPECT_NE(draw_pose(people, {.rules = PoseRules::v10}), all);
}

TEST(PoseJson, TextThatIsNoJsonIsRefused) {
  EXPECT_THROW(pose_from_text("{\"people\": ["), Error);
  EXPECT_THROW(pose_from_text(""), Error);
  EXPECT_THROW(pose_from_text("[]"), Error);
}

}  // namespace
}  // namespace zc
