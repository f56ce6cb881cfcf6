// SPDX-License-Identifier: Apache-2.0
#include "annotators/annotate_file.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "annotators/annotate_folder.h"
#include "annotators/bad_request.h"
#include "annotators/label_map.h"
#include "annotators/pose_draw.h"
#include "image/codec.h"

namespace zc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

PoseDocument one_limb(ImageSize canvas) {
  PoseDocument people = {canvas, {}};
  PosePerson& person = people.people.emplace_back();
  person.body[0] = PosePoint{canvas.width * 0.25, canvas.height * 0.25};
  person.body[1] = PosePoint{canvas.width * 0.5, canvas.height * 0.75};
  return people;
}

// An annotator that needs no weights and always finds the same.
AnnotatorInfo finder() {
  AnnotatorInfo info = {.name = "finder", .control = "finder"};
  info.make_people = [](const json&, const WeightFolders&) -> PeopleDetector {
    return [](const Image& rgb) { return one_limb({rgb.width, rgb.height}); };
  };
  info.make_painter = [](const json&) -> PeoplePainter {
    return [](const PoseDocument& people) { return draw_pose(people); };
  };
  info.make_labels = [](const json&, const WeightFolders&) -> LabelDetector {
    return [](const Image& rgb) { return Image(rgb.width, rgb.height, 1, 48); };
  };
  return info;
}

class AnnotateFile : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_);
    save_image(folder_ / "photo.png", Image(96, 64, 3, 50));
  }
  void TearDown() override { fs::remove_all(folder_); }

  static FileAnnotator made(const AnnotatorInfo& info, const AnnotateFileOptions& options) {
    return file_annotator(info, json::object(), {}, options);
  }

  const fs::path folder_ =
      fs::path(::testing::TempDir()) / ("zc_annotate_file_" + std::to_string(getpid()));
};

TEST_F(AnnotateFile, PeopleThatWereFoundAreDrawnAsTheMapWouldBe) {
  const auto find = made(finder(), {.writes_pose = true, .resolution = 128});
  EXPECT_EQ(find(folder_ / "photo.png", folder_ / "pose.json"), (ImageSize{192, 128}));
  const auto draw = made(finder(), {.reads_pose = true, .resolution = 128});
  EXPECT_EQ(draw(folder_ / "pose.json", folder_ / "map.png"), (ImageSize{192, 128}));
  EXPECT_EQ(load_image(folder_ / "map.png"), draw_pose(one_limb({192, 128})));
}

TEST_F(AnnotateFile, ACanvasIsScaledAsAPhotographIs) {
  save_pose(folder_ / "pose.json", one_limb({300, 200}));
  made(finder(), {.reads_pose = true, .resolution = 128})(folder_ / "pose.json",
                                                          folder_ / "map.png");
  EXPECT_EQ(load_image(folder_ / "map.png"), draw_pose(one_limb({192, 128})));
  made(finder(), {.reads_pose = true, .resolution = 0})(folder_ / "pose.json", folder_ / "map.png");
  EXPECT_EQ(load_image(folder_ / "map.png"), draw_pose(one_limb({300, 200})));
}

TEST_F(AnnotateFile, ClassesBecomeAnIndexedPng) {
  made(finder(), {.resolution = 64})(folder_ / "photo.png", folder_ / "map.png");
  const Image labels = load_label_map(folder_ / "map.png");
  EXPECT_EQ(labels, Image(labels.width, 64, 1, 48)) << "not 6, which has the same colour";
  EXPECT_EQ(load_image(folder_ / "map.png"), ade20k_colored(labels));
}

TEST_F(AnnotateFile, ClassNumbersAreReadAsTheyAre) {
  save_label_map(folder_ / "labels.png", Image(96, 64, 1, 12));
  const auto colour = made(find_annotator("seg_labels"), {.resolution = 0});
  EXPECT_EQ(colour(folder_ / "labels.png", folder_ / "map.png"), (ImageSize{96, 64}));
  EXPECT_EQ(load_image(folder_ / "map.png"), ade20k_colored(Image(96, 64, 1, 12)));
  EXPECT_EQ(where_of_bad_request([&] { colour(folder_ / "photo.png", folder_ / "map.png"); }),
            (folder_ / "photo.png").string());
}

TEST_F(AnnotateFile, OnlyKindsThatKnowPeopleTakeJson) {
  const AnnotatorInfo& canny = find_annotator("canny");
  EXPECT_EQ(where_of_bad_request([&] { made(canny, {.writes_pose = true}); }), "canny");
  EXPECT_EQ(where_of_bad_request([&] { made(canny, {.reads_pose = true}); }), "canny");
  EXPECT_EQ(
      where_of_bad_request([&] { made(finder(), {.reads_pose = true, .writes_pose = true}); }),
      "finder");
}

TEST_F(AnnotateFile, AFolderOfPhotographsBecomesPosesAndTheseMaps) {
  fs::create_directories(folder_ / "photos/deeper");
  save_image(folder_ / "photos/a.png", Image(64, 64, 3));
  save_image(folder_ / "photos/deeper/b.jpg", Image(64, 64, 3));
  save_pose(folder_ / "photos/other.json", one_limb({8, 8}));
  EXPECT_FALSE(holds_only_poses(folder_ / "photos"));
  const auto find = made(finder(), {.writes_pose = true, .resolution = 64});
  auto report =
      annotate_folder(find, folder_ / "photos", folder_ / "poses", {.ending = ".json"}, {});
  EXPECT_EQ(report.written, 2);
  EXPECT_TRUE(fs::exists(folder_ / "poses/deeper/b.json"));
  EXPECT_TRUE(holds_only_poses(folder_ / "poses"));
  const auto draw = made(finder(), {.reads_pose = true, .resolution = 0});
  report = annotate_folder(draw, folder_ / "poses", folder_ / "maps", {.reads_pose = true}, {});
  EXPECT_EQ(report.written, 2);
  EXPECT_EQ(load_image(folder_ / "maps/a.png"), draw_pose(one_limb({64, 64})));
}

}  // namespace
}  // namespace zc
