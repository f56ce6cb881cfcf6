// SPDX-License-Identifier: Apache-2.0
// Whole pictures of the built-in model, made again from what their PNGs say. A new golden picture
// is what `zeroconv generate` writes into this folder.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "base/files.h"
#include "image/codec.h"
#include "pipelines/generate.h"
#include "pipelines/infotext.h"
#include "pipelines/model_paths.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

// Processors sum in different orders, and the steps of a sampler magnify it.
constexpr double kMeanTolerance = 0.5;  // of 255
constexpr int kMaxTolerance = 24;

std::vector<fs::path> golden_pictures() {
  std::vector<fs::path> pictures;
  for (const auto& entry : fs::directory_iterator(fs::path(ZC_SOURCE_DIR) / "tests/golden")) {
    if (entry.path().extension() == ".png") pictures.push_back(entry.path());
  }
  std::sort(pictures.begin(), pictures.end());
  return pictures;
}

class GoldenPicture : public testing::TestWithParam<fs::path> {};

TEST_P(GoldenPicture, IsMadeAgainFromItsRecord) {
  const std::string bytes = read_file(GetParam());
  const Replay replay = read_replay(bytes, GetParam().string());
  const Image wanted = decode_image(bytes, GetParam().string());
  const auto models = load_models(paths_of_request(replay.request));
  for (const ModelStamp& stamp : model_stamps(*models)) {
    ASSERT_TRUE(std::ranges::find(replay.models, stamp) != replay.models.end())
        << "the " << stamp.kind << " model has changed: make " << GetParam() << " anew";
  }
  const Tokenizer tokenizer(find_vocabulary());
  const Image got =
      generate(*models, tokenizer, replay.request, replay_inputs(replay), {}).images.at(0);
  ASSERT_EQ(got.pixels.size(), wanted.pixels.size());
  double sum = 0.0;
  int largest = 0;
  for (size_t i = 0; i < got.pixels.size(); ++i) {
    const int difference = std::abs(got.pixels[i] - wanted.pixels[i]);
    sum += difference;
    largest = std::max(largest, difference);
  }
  EXPECT_LE(sum / static_cast<double>(got.pixels.size()), kMeanTolerance);
  EXPECT_LE(largest, kMaxTolerance);
  if (HasFailure()) {
    const fs::path actual = fs::path(testing::TempDir()) / GetParam().filename();
    save_image(actual, got);
    ADD_FAILURE() << "what came out instead: " << actual;
  }
}

TEST(Golden, ThereArePictures) {
  EXPECT_FALSE(golden_pictures().empty());
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenPicture, testing::ValuesIn(golden_pictures()),
                         [](const auto& test) { return test.param.stem().string(); });

}  // namespace
}  // namespace zc
