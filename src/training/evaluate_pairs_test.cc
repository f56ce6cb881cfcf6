// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate_pairs.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error_of.h"
#include "image/codec.h"
#include "pipelines/tiny_model.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

struct OwnControl {
  EvaluateOptions options;
  PairsQuestion question;
};

// A random model of a few thousand weights, written once.
class EvaluatePairs : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = fs::path(testing::TempDir()) / ("zeroconv_own_" + std::to_string(getpid()));
    fs::create_directories(folder_);
    write_tiny_base(folder_);
    write_tiny_control(folder_, "control.safetensors", /*zero=*/true);
  }
  static void TearDownTestSuite() { fs::remove_all(folder_); }

  // Pairs of two flat pictures.
  static OwnControl own_control(int pairs) {
    const fs::path data = folder_ / std::to_string(pairs);
    fs::create_directories(data);
    std::ofstream list(data / "prompt.json");
    for (int i = 0; i < pairs; ++i) {
      const Image image(64, 64, 3, static_cast<uint8_t>(60 * i));
      save_image(data / (std::to_string(i) + "_map.png"), image);
      save_image(data / (std::to_string(i) + ".png"), image);
      list << R"({"source": ")" << i << R"(_map.png", "target": ")" << i
           << R"(.png", "prompt": "a red house"})"
           << "\n";
    }
    OwnControl own;
    own.options.model = (folder_ / "base.safetensors").string();
    own.options.control = "colours";
    own.options.controlnets = {"colours=" + (folder_ / "control.safetensors").string()};
    own.options.steps = 1;
    own.question = {data.string(), "downsample,level=2,k=0"};
    return own;
  }

  static inline fs::path folder_;
};

void expect_refused(const OwnControl& own, const std::string& where) {
  const Error error = error_of([&] { evaluate_pairs(own.options, own.question, {}); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request) << error.what();
  EXPECT_EQ(error.where(), where) << error.what();
}

// All pairs of a small folder, with a control that was not trained.
TEST_F(EvaluatePairs, AFreshControlNetIsAsGoodAsNone) {
  const OwnControl own = own_control(2);
  const PairsEvaluation e = evaluate_pairs(own.options, own.question, {});
  EXPECT_EQ(e.rows.control.scenes, 2);
  EXPECT_EQ(e.examples.size(), 2u * kPairsColumns);
  EXPECT_FALSE(e.rows.metric.more_is_better);
  EXPECT_EQ(e.rows.control.mean, e.rows.without.mean);
  EXPECT_EQ(e.rows.shuffled.mean, e.rows.without.mean);
  EXPECT_EQ(to_json(e).at("pairs").at("follows"), false);
}

TEST_F(EvaluatePairs, AReaderOfAMeasuredKindBringsItsOwnMeasure) {
  OwnControl own = own_control(2);
  own.question.reader = "canny,low=50";
  EXPECT_EQ(evaluate_pairs(own.options, own.question, {}).rows.metric.text, "edge F1 (2 px)");
}

TEST_F(EvaluatePairs, WantsAReaderThatItKnows) {
  OwnControl own = own_control(2);
  own.question.reader = "";  // the control's own name is that of no annotator
  expect_refused(own, "--reader");
}

TEST_F(EvaluatePairs, WantsMoreThanOnePair) {
  expect_refused(own_control(1), "--data");
}

TEST_F(EvaluatePairs, RefusesOptionsOfTheConditions) {
  OwnControl own = own_control(2);
  own.options.all = true;
  expect_refused(own, "--data");
}

}  // namespace
}  // namespace zc
