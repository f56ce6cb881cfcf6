// SPDX-License-Identifier: Apache-2.0
#include "annotators/annotator.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "annotators/annotate_folder.h"
#include "annotators/label_map.h"
#include "annotators/pose_draw.h"
#include "annotators/simple.h"
#include "base/error.h"
#include "base/error_of.h"
#include "image/codec.h"
#include "image/resize.h"

namespace zc {
namespace {

using nlohmann::json;

TEST(Annotator, EachNameLeadsToItsDetector) {
  Image photo(96, 64, 3);
  for (size_t i = 0; i < photo.pixels.size(); ++i)
    photo.pixels[i] = static_cast<uint8_t>(i / 48 * 40);
  for (const AnnotatorInfo& info : annotators()) {
    if (!info.ready({}) || info.input == AnnotatorInput::labels) continue;
    const Image map = annotate(info.make(json::object(), {}), photo, 128, info.input);
    EXPECT_EQ(map.channels, 3) << info.name;
    if (info.name == "tile_resample") continue;
    EXPECT_EQ(map.width, 192) << info.name;
    EXPECT_EQ(map.height, 128) << info.name;
  }
}

TEST(Annotator, KindsOfPeopleAndClassesHaveThemAsDataToo) {
  for (const AnnotatorInfo& info : annotators()) {
    const bool labels = info.control == "seg" && info.input != AnnotatorInput::labels;
    EXPECT_EQ(static_cast<bool>(info.make_people), info.control == "openpose") << info.name;
    EXPECT_EQ(static_cast<bool>(info.make_painter), info.control == "openpose") << info.name;
    EXPECT_EQ(static_cast<bool>(info.make_labels), labels) << info.name;
  }
}

TEST(Annotator, TheMapIsTheDrawingOfTheData) {
  const std::filesystem::path source(ZC_SOURCE_DIR);
  const WeightFolders folders = {source / "models"};
  const Image photo = detect_picture(load_image(source / "examples/photo.png"), 192);
  const AnnotatorInfo& openpose = find_annotator("toy_openpose");
  const PoseDocument people = openpose.make_people(json::object(), folders)(photo);
  EXPECT_EQ(people.canvas, (ImageSize{photo.width, photo.height}));
  EXPECT_EQ(openpose.make_painter(json::object())(people),
            openpose.make(json::object(), folders)(photo));
  const AnnotatorInfo& seg = find_annotator("toy_seg");
  const Image labels = seg.make_labels(json::object(), folders)(photo);
  EXPECT_EQ(labels.channels, 1);
  EXPECT_EQ(ade20k_colored(labels), seg.make(json::object(), folders)(photo));
}

TEST(Annotator, PaintersKnowTheParametersOfTheirKind) {
  const AnnotatorInfo& openpose = find_annotator("openpose");
  PoseDocument people = {{64, 64}, {}};
  PosePerson& person = people.people.emplace_back();
  person.body[0] = PosePoint{20, 20};
  person.body[1] = PosePoint{20, 50};
  const auto drawn = [&](const json& parameters) {
    return openpose.make_painter(parameters)(people);
  };
  EXPECT_EQ(drawn(json::object()), draw_pose(people));
  EXPECT_NE(drawn({{"rules", "v10"}}), draw_pose(people));
  EXPECT_EQ(drawn({{"body", false}}), Image(64, 64, 3));
  EXPECT_EQ(error_of([&] { drawn({{"rules", "v12"}}); }).where(), "openpose.rules");
  EXPECT_EQ(error_of([&] { drawn({{"low", 1}}); }).where(), "openpose.low");
}

TEST(Annotator, ClassNumbersAreScaledToTheNearestPixels) {
  const AnnotatorInfo& info = find_annotator("seg_labels");
  Image numbers(128, 64, 1, 2);
  for (int y = 0; y < 64; ++y) std::fill_n(numbers.at(64, y), 64, uint8_t{9});
  const Detector detector = info.make(json::object(), {});
  const Image map = annotate(detector, numbers, 128, info.input);
  EXPECT_EQ(map.width, 256);
  EXPECT_EQ(map.height, 128);
  const Image expected = ade20k_colored(numbers);
  for (int x = 0; x < map.width; ++x)
    ASSERT_TRUE(std::equal(map.at(x, 100), map.at(x, 100) + 3, expected.at(x / 2, 50))) << x;
  EXPECT_EQ(annotate(detector, numbers, 0, info.input), expected);
}

TEST(Annotator, TileIsThePictureAsItsAppScalesIt) {
  Image photo(90, 120, 3);
  for (size_t i = 0; i < photo.pixels.size(); ++i) photo.pixels[i] = static_cast<uint8_t>(i * 7);
  for (const char* name : {"tile", "ip2p"}) {
    const AnnotatorInfo& info = find_annotator(name);
    EXPECT_EQ(annotate(info.make(json::object(), {}), photo, 128, info.input),
              tile_map(photo, 128));
    EXPECT_EQ(annotate(info.make(json::object(), {}), photo, 0, info.input), photo);
  }
}

TEST(Annotator, SaysWhichWeightsItLacks) {
  for (const AnnotatorInfo& info : annotators()) {
    if (info.ready({})) continue;
    const Error error = error_of([&] { info.make(json::object(), {"nowhere"}); });
    EXPECT_EQ(error.kind(), ErrorKind::not_found) << info.name;
    EXPECT_NE(error.text().find(info.weights.front()), std::string::npos) << info.name;
  }
}

TEST(Annotator, IsReadyWhenAllOfItsFilesAreThere) {
  const AnnotatorInfo& info = find_annotator("dwpose");
  const auto folder = std::filesystem::path(::testing::TempDir()) / "zc_annotator_files";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / info.weights.front()) << "one of two";
  EXPECT_FALSE(info.ready({folder}));
  EXPECT_NE(info.weights_text().find(info.more_weights.front()), std::string::npos);
  std::ofstream(folder / info.more_weights.front()) << "the other";
  EXPECT_TRUE(info.ready({folder}));
  std::filesystem::remove_all(folder);
}

TEST(Annotator, IsFoundByTheKindOfItsControlNetToo) {
  EXPECT_EQ(find_annotator("softedge").name, "pidinet");
  EXPECT_EQ(find_annotator("depth").name, "depth");
}

TEST(Annotator, TheNetworkThatComesAlongStandsInAndSaysSo) {
  const auto folder = std::filesystem::path(::testing::TempDir()) / "zc_annotator_weights";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "annotator_scene.safetensors") << "never read here";
  const ChosenAnnotator chosen = choose_annotator("depth", {folder});
  EXPECT_EQ(chosen.info->name, "toy_depth");
  EXPECT_NE(chosen.note.find("dpt_hybrid-midas"), std::string::npos);
  std::ofstream(folder / "dpt_hybrid-midas-501f0c75.pt") << "neither is this";
  EXPECT_EQ(choose_annotator("depth", {folder}).info->name, "depth");
  EXPECT_EQ(choose_annotator("depth", {folder}).note, "");
  std::filesystem::remove_all(folder);
}

TEST(AnnotateFolder, GoesOnWhereItStoppedAndListsBadFiles) {
  namespace fs = std::filesystem;
  const fs::path root = fs::path(::testing::TempDir()) / "zc_annotate_folder";
  fs::remove_all(root);
  fs::create_directories(root / "in/deeper");
  save_image(root / "in/a.png", Image(64, 64, 3, 90));
  save_image(root / "in/a.jpg", Image(64, 64, 3, 90));
  save_image(root / "in/deeper/b.png", Image(64, 64, 3, 90));
  std::ofstream(root / "in/broken.png") << "no picture";
  std::ofstream(root / "in/notes.txt") << "not looked at";
  const FileAnnotator same = [](const fs::path& from, const fs::path& to) {
    const Image image = load_image(from);
    save_image(to, image);
    return ImageSize{image.width, image.height};
  };
  const AnnotateFolderOptions options{.jobs = 2};
  AnnotateFolderReport report = annotate_folder(same, root / "in", root / "out", options, {});
  EXPECT_EQ(report.written, 3);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_NE(report.failures[0].file.find("broken.png"), std::string::npos);
  for (const char* name : {"a.png.png", "a.jpg.png", "deeper/b.png"})
    EXPECT_TRUE(fs::exists(root / "out" / name)) << name;
  report = annotate_folder(same, root / "in", root / "out", options, {});
  EXPECT_EQ(report.written, 0);
  EXPECT_EQ(report.there, 3);
  int64_t written = 0;
  for (const int64_t shard : {0, 1, 2}) {
    const AnnotateFolderOptions part{.shard = shard, .shards = 3};
    written += annotate_folder(same, root / "in", root / "parts", part, {}).written;
  }
  EXPECT_EQ(written, 3);
  EXPECT_THROW(annotate_folder(same, root / "nowhere", root / "out", options, {}), Error);
  fs::remove_all(root);
}

TEST(Annotator, NamesTheNearestKindForOneThatIsNotKnown) {
  const Error error = error_of([] { find_annotator("cany"); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_NE(error.text().find("`canny`"), std::string::npos);
}

TEST(Annotator, TakesParametersAndRefusesUnknownOnes) {
  const AnnotatorInfo& canny = find_annotator("canny");
  EXPECT_EQ(canny.parameters.at(0).name, "low");
  EXPECT_EQ(canny.parameters.at(0).default_text, "100");
  Image step(32, 32, 3, 100);
  for (int y = 0; y < 32; ++y) std::fill(step.row(y), step.row(y) + 48, uint8_t{60});
  const auto edges = [&](const json& parameters) {
    const Image map = annotate(canny.make(parameters, {}), step, 0);
    return std::count(map.pixels.begin(), map.pixels.end(), 255);
  };
  EXPECT_EQ(edges({{"low", 300}, {"high", 400}}), 0);
  EXPECT_GT(edges({{"low", 50}, {"high", 100}}), 0);
  EXPECT_EQ(error_of([&] { canny.make(json{{"hihg", 1}}, {}); }).where(), "canny.hihg");
  EXPECT_EQ(error_of([&] { canny.make(json{{"high", 1e9}}, {}); }).where(), "canny.high");
}

TEST(Annotator, RefusesAResolutionThatMakesNoSense) {
  const Detector same = [](const Image& rgb) { return rgb; };
  EXPECT_EQ(error_of([&] { annotate(same, Image(64, 64, 3), 3); }).where(), "resolution");
  EXPECT_EQ(error_of([&] { annotate(same, Image(64, 64, 3), 1 << 20); }).where(), "resolution");
}

}  // namespace
}  // namespace zc
