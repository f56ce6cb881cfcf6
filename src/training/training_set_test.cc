// SPDX-License-Identifier: Apache-2.0
#include "training/training_set.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "base/error_of.h"
#include "training/init_weights.h"
#include "training/test_folder.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

VaeConfig tiny_autoencoder_config() {
  VaeConfig config;
  config.channels = 4;
  config.channel_mult = {1, 1};
  config.num_res_blocks = 1;
  config.norm_groups = 1;
  return config;
}

struct TinyAutoencoder : Vae {
  TinyAutoencoder() : Vae(tiny_autoencoder_config()) { init_weights(*this, 1); }
};

// Pictures that tell their index by their brightness; some are broken, every third one is upright.
class NumberedPairs : public PairSource {
 public:
  explicit NumberedPairs(int64_t count, std::set<int64_t> broken = {}, bool shaped = false)
      : count_(count), broken_(std::move(broken)), shaped_(shaped) {}
  int64_t size() const override { return count_; }
  Pair pair(int64_t index, int size) const override { return cut(index, {.size = {size, size}}); }
  Pair cut(int64_t index, const PairCut& cut) const override {
    ++reads;
    if (broken_.contains(index)) throw Error(ErrorKind::bad_file, name(index), "is cut short");
    Pair pair{Image(cut.size.width, cut.size.height, 3, shade(index)),
              Image(cut.size.width, cut.size.height, 3, shade(index))};
    if (coloured.contains(index)) pair.hint.pixels[0] ^= 0x40;
    if (cut.flip) pair.target.pixels[0] = pair.hint.pixels[0] = 255;
    return pair;
  }
  std::string prompt(int64_t index, uint64_t) const override { return std::to_string(index); }
  std::optional<ImageSize> source_size(int64_t index) const override {
    return index % 3 == 0 ? ImageSize{40, 80} : ImageSize{64, 64};
  }
  bool sizes_differ() const override { return shaped_; }
  std::string control() const override { return "depth"; }
  std::string name(int64_t index) const override { return std::to_string(index) + ".png"; }
  std::string description() const override { return "numbers"; }
  std::string fingerprint() const override { return "numbers " + std::to_string(count_); }

  static uint8_t shade(int64_t index) { return static_cast<uint8_t>(2 * index + 1); }
  std::set<int64_t> coloured;
  mutable std::atomic<int> reads{0};

 private:
  int64_t count_;
  std::set<int64_t> broken_;
  bool shaped_;
};

TrainingSetOptions small_set(int64_t global_batch) {
  return {.size = 16, .unit = 8, .seed = 3, .global_batch = global_batch};
}

// Row, hint and text are those of the sample.
void expect_rows_belong_together(const TrainingBatch& batch) {
  ASSERT_EQ(batch.moments.size(0), std::ssize(batch.samples));
  ASSERT_EQ(batch.hints.size(0), std::ssize(batch.samples));
  for (size_t i = 0; i < batch.samples.size(); ++i) {
    EXPECT_EQ(batch.prompts[i], std::to_string(batch.samples[i]));
    EXPECT_EQ(batch.hints[static_cast<int64_t>(i)][0][1][1].item<int64_t>(),
              NumberedPairs::shade(batch.samples[i]));
  }
}

TEST(TrainingSet, ShowsEachSampleOnceInAnEpoch) {
  const TinyAutoencoder vae;
  const NumberedPairs pairs(12);
  const TrainingSet set(pairs, vae, small_set(4), {});
  std::multiset<int64_t> seen;
  for (int64_t step = 0; step < 3; ++step) {
    const TrainingBatch batch = set.batch(step, 0, 4);
    expect_rows_belong_together(batch);
    seen.insert(batch.samples.begin(), batch.samples.end());
  }
  EXPECT_EQ(seen.size(), std::set<int64_t>(seen.begin(), seen.end()).size());
  EXPECT_EQ(set.steps_per_epoch(), 3);
  EXPECT_EQ(set.epoch(3), 1);
}

TEST(TrainingSet, IsTheSameHoweverAStepIsSplit) {
  const TinyAutoencoder vae;
  const NumberedPairs pairs(20);
  for (const bool flip : {false, true}) {
    TrainingSetOptions options = small_set(6);
    options.augment = {.flip = flip, .prompt_dropout = 0.5, .hint_dropout = 0.3, .hint_noise = 0.2};
    const TrainingSet set(pairs, vae, options, {});
    const TrainingBatch whole = set.batch(5, 0, 6);
    const TrainingBatch a = set.batch(5, 0, 2), b = set.batch(5, 2, 4);
    EXPECT_TRUE(at::equal(whole.moments, at::cat({a.moments, b.moments})));
    EXPECT_TRUE(at::equal(whole.hints, at::cat({a.hints, b.hints})));
    std::vector<std::string> prompts = a.prompts;
    prompts.insert(prompts.end(), b.prompts.begin(), b.prompts.end());
    EXPECT_EQ(whole.prompts, prompts);
  }
}

TEST(TrainingSet, ReadsEachPictureOnceUnlessPicturesChange) {
  const TinyAutoencoder vae;
  const NumberedPairs pairs(8);
  const TrainingSet set(pairs, vae, small_set(4), {});
  set.batch(0, 0, 4);
  set.batch(1, 0, 4);
  EXPECT_EQ(pairs.reads, 8);
}

TEST(TrainingSet, FlipsHalfOfThePictures) {
  const TinyAutoencoder vae;
  const NumberedPairs pairs(30);
  TrainingSetOptions options = small_set(30);
  options.augment.flip = true;
  const TrainingSet set(pairs, vae, options, {});
  const TrainingBatch batch = set.batch(0, 0, 30);
  const int64_t flipped =
      batch.hints.select(3, 0).select(2, 0).select(1, 0).eq(255).sum().item<int64_t>();
  EXPECT_GT(flipped, 4);
  EXPECT_LT(flipped, 26);
}

TEST(TrainingSet, WhatIsReadAheadIsWhatComes) {
  const TinyAutoencoder vae;
  const NumberedPairs pairs(10);
  TrainingSetOptions options = small_set(4);
  options.augment.flip = true;
  const TrainingSet set(pairs, vae, options, {});
  const TrainingBatch plain = set.batch(7, 0, 4);
  set.prefetch(7, 0, 4);
  EXPECT_TRUE(at::equal(set.batch(7, 0, 4).moments, plain.moments));
  set.prefetch(8, 0, 4);
  EXPECT_TRUE(at::equal(set.batch(7, 0, 4).moments, plain.moments));
}

TEST(TrainingSet, LeavesBadSamplesOutAndListsThem) {
  const TinyAutoencoder vae;
  const NumberedPairs pairs(120, {5, 110});
  const TrainingSet set(pairs, vae, small_set(10), {});
  EXPECT_EQ(set.size(), 118);
  const std::vector<BadSample> bad = set.quarantined();
  ASSERT_EQ(bad.size(), 2u);
  EXPECT_EQ(bad[0].index, 5);
  EXPECT_EQ(bad[0].file, "5.png");
  EXPECT_EQ(bad[1].reason, "is cut short");
  for (int64_t step = 0; step < 12; ++step) expect_rows_belong_together(set.batch(step, 0, 10));
}

TEST(TrainingSet, ReplacesASampleThatBreaksInTheMiddleOfTheRun) {
  const TinyAutoencoder vae;
  const NumberedPairs pairs(120, {110, 111, 112});
  TrainingSetOptions options = small_set(10);
  options.augment.flip = true;  // so that only the first hundred are read before
  const TrainingSet set(pairs, vae, options, {});
  EXPECT_TRUE(set.quarantined().empty());
  for (int64_t step = 0; step < 12; ++step) expect_rows_belong_together(set.batch(step, 0, 10));
  EXPECT_EQ(set.quarantined().size(), 3u);
}

TEST(TrainingSet, RefusesDataOfWhichMoreThanATenthIsBad) {
  const TinyAutoencoder vae;
  std::set<int64_t> broken;
  for (int64_t i = 0; i < 11; ++i) broken.insert(9 * i);
  const NumberedPairs pairs(120, broken);
  for (const bool flip : {false, true}) {
    TrainingSetOptions options = small_set(4);
    options.augment.flip = flip;
    const Error error = error_of([&] { TrainingSet(pairs, vae, options, {}); });
    EXPECT_EQ(error.kind(), ErrorKind::bad_file);
    EXPECT_NE(error.text().find("0.png: is cut short"), std::string::npos) << error.text();
  }
}

TEST(TrainingSet, NeverDrawsWhatIsHeldOut) {
  const TinyAutoencoder vae;
  const NumberedPairs pairs(40, {1});
  TrainingSetOptions options = small_set(4);
  options.held_out = 8;
  const TrainingSet set(pairs, vae, options, {});
  const std::set<int64_t> held_out(set.held_out().begin(), set.held_out().end());
  EXPECT_FALSE(held_out.contains(1));
  EXPECT_EQ(set.size() + std::ssize(held_out), 39);
  for (int64_t step = 0; step < 20; ++step) {
    for (const int64_t sample : set.batch(step, 0, 4).samples)
      EXPECT_FALSE(held_out.contains(sample));
  }
  expect_rows_belong_together(set.unchanged(set.held_out()));
}

TEST(HeldOutSamples, AreTheSameForEveryRunAndSpreadOut) {
  const std::vector<int64_t> chosen = held_out_samples(1000, 100);
  ASSERT_EQ(chosen.size(), 100u);
  EXPECT_EQ(chosen, held_out_samples(1000, 100));
  EXPECT_TRUE(std::is_sorted(chosen.begin(), chosen.end()));
  const auto early = std::ranges::count_if(chosen, [](int64_t i) { return i < 500; });
  EXPECT_NEAR(static_cast<double>(early), 50, 24);
  EXPECT_EQ(error_of([] { held_out_samples(10, 10); }).where(), "--validation");
}

TEST(TrainingSet, TakesEachStepFromOneBucket) {
  const TinyAutoencoder vae;
  const NumberedPairs pairs(21, {}, /*shaped=*/true);
  TrainingSetOptions options = small_set(4);
  options.buckets = true;
  const TrainingSet set(pairs, vae, options, {});
  ASSERT_EQ(set.shapes().size(), 2u);
  EXPECT_EQ(set.steps_per_epoch(), 2 + 4);  // 7 upright ones, 14 square ones
  std::set<int64_t> seen;
  for (int64_t step = 0; step < 6; ++step) {
    const TrainingBatch batch = set.batch(step, 0, 4);
    expect_rows_belong_together(batch);
    for (const int64_t sample : batch.samples) {
      EXPECT_EQ(set.size_of(sample).width, batch.hints.size(3));
      EXPECT_EQ(sample % 3 == 0, batch.hints.size(2) > batch.hints.size(3));
      seen.insert(sample);
    }
  }
  EXPECT_EQ(seen.size(), 21u);
}

TEST(TrainingSet, KeepsColouredMapsAmongGreyOnes) {
  const TinyAutoencoder vae;
  NumberedPairs pairs(6);
  pairs.coloured = {4};
  const TrainingSet set(pairs, vae, small_set(6), {});
  const TrainingBatch batch = set.unchanged({0, 4});
  ASSERT_EQ(batch.hints.size(1), 3);
  EXPECT_EQ(batch.hints[1][0][0][0].item<int64_t>(), NumberedPairs::shade(4) ^ 0x40);
  EXPECT_EQ(batch.hints[1][1][0][0].item<int64_t>(), NumberedPairs::shade(4));
  EXPECT_EQ(batch.hints[0][2][0][0].item<int64_t>(), NumberedPairs::shade(0));
}

TEST(TrainingSet, MapsASetThatDoesNotFitFromItsCache) {
  const TinyAutoencoder vae;
  const NumberedPairs pairs(120, {5});
  const fs::path cache = absent_path("mapped_set");
  TrainingSetOptions options = small_set(4);
  options.memory_limit = 1000;
  EXPECT_EQ(error_of([&] { TrainingSet(pairs, vae, options, {}); }).where(), "--cache");
  const TrainingSet in_memory(pairs, vae, small_set(4), {});
  options.cache = cache.string();
  const TrainingSet first(pairs, vae, options, {});
  const int reads = pairs.reads;
  const TrainingSet again(pairs, vae, options, {});
  EXPECT_EQ(pairs.reads, reads + 1);  // the one that names the file
  for (const TrainingSet* set : {&first, &again}) {
    EXPECT_TRUE(at::equal(set->batch(3, 0, 4).moments, in_memory.batch(3, 0, 4).moments));
    EXPECT_TRUE(at::equal(set->batch(3, 0, 4).hints, in_memory.batch(3, 0, 4).hints));
    EXPECT_EQ(set->quarantined().size(), 1u);
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(cache), fs::directory_iterator()), 1);
}

}  // namespace
}  // namespace zc
