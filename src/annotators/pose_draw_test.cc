// SPDX-License-Identifier: Apache-2.0
#include "annotators/pose_draw.h"

#include <filesystem>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "image/codec.h"

namespace zc {
namespace {

std::array<uint8_t, 3> colour_at(const Image& image, int x, int y) {
  const uint8_t* p = image.at(x, y);
  return {p[0], p[1], p[2]};
}

TEST(DrawBodyPose, EqualsTheReferencePixelForPixel) {
  const std::filesystem::path data =
      std::filesystem::path(ZC_SOURCE_DIR) / "tests/parity/data/annotators";
  const auto rule = nlohmann::json::parse(read_file(data / "cases/post/draw_v10/case.json"));
  const auto& points = rule.at("inputs").at("points");
  std::vector<BodyPose> bodies;
  for (const auto& row : points.at("subset")) {
    BodyPose& body = bodies.emplace_back();
    for (int part = 0; part < 18; ++part) {
      const int id = row.at(part).get<int>();
      if (id < 0) continue;
      const auto& candidate = points.at("candidate").at(id);
      body[part] = PosePoint{candidate.at(0), candidate.at(1)};
    }
  }
  Image canvas(points.at("width"), points.at("height"), 3);
  draw_body_pose(canvas, bodies);
  EXPECT_TRUE(canvas ==
              load_image(data / rule.at("outputs").at("body").at("file").get<std::string>()));
}

TEST(DrawBodyPose, AJointAloneIsADiscOfItsColour) {
  Image canvas(32, 32, 3);
  BodyPose body;
  body[1] = PosePoint{10.9, 20.2};
  draw_body_pose(canvas, std::vector<BodyPose>{body});
  const std::array<uint8_t, 3> neck = {255, 85, 0};
  EXPECT_EQ(colour_at(canvas, 10, 20), neck);
  EXPECT_EQ(colour_at(canvas, 14, 20), neck);
  EXPECT_EQ(colour_at(canvas, 15, 20), (std::array<uint8_t, 3>{0, 0, 0}));
}

TEST(DrawBodyPose, ALimbNeedsBothEnds) {
  Image canvas(64, 64, 3);
  BodyPose body;
  body[2] = PosePoint{10, 10};
  body[4] = PosePoint{50, 50};
  draw_body_pose(canvas, std::vector<BodyPose>{body});
  EXPECT_EQ(colour_at(canvas, 30, 30), (std::array<uint8_t, 3>{0, 0, 0}));
}

}  // namespace
}  // namespace zc
