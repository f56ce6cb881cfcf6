// SPDX-License-Identifier: Apache-2.0
#include "training/plan.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>

#include "base/error_of.h"
#include "training/activations.h"
#include "training/host_memory.h"

namespace zc {
namespace {

// Published sizes (tests/parity/data/core/keys): ControlNet and UNet of SD1.5.
constexpr int64_t kControlParameters = 361'279'120;
constexpr int64_t kUNetParameters = 859'520'964;

PlanInputs sd15_inputs() {
  PlanInputs inputs;
  inputs.config = sd15_model();
  return inputs;
}

int64_t row_bytes(const TrainingPlan& plan, const std::string& part_of_name) {
  for (const PlanRow& row : plan.rows) {
    if (row.name.find(part_of_name) != std::string::npos) return row.bytes;
  }
  return 0;
}

TEST(TrainingPlan, CountsTheParametersOfThePublishedModels) {
  const TrainingPlan plan = training_plan(sd15_inputs());
  EXPECT_EQ(row_bytes(plan, "base UNet"), 4 * kUNetParameters);
  EXPECT_EQ(row_bytes(plan, "ControlNet"), 4 * kControlParameters);
  EXPECT_EQ(row_bytes(plan, "gradients"), 4 * kControlParameters);
  EXPECT_EQ(row_bytes(plan, "moments"), 8 * kControlParameters);
}

// A training step of diffusers with one picture of 512x512 in float32 was measured at 11.6 GB; the
// plan may be a tenth off.
TEST(TrainingPlan, IsNearAMeasuredStep) {
  PlanInputs inputs = sd15_inputs();
  inputs.sample_pictures = 0;
  EXPECT_NEAR(static_cast<double>(training_plan(inputs).peak()), 11.6e9, 1.16e9);
}

TEST(TrainingPlan, EightBitMomentsTakeALittleMoreThanTwoBytes) {
  PlanInputs inputs = sd15_inputs();
  inputs.optimizer = "adamw8bit";
  const auto each = static_cast<double>(row_bytes(training_plan(inputs), "moments")) /
                    static_cast<double>(kControlParameters);
  EXPECT_GT(each, 2.0);
  EXPECT_LT(each, 2.05);
}

TEST(TrainingPlan, AHalfPrecisionBaseTakesHalf) {
  PlanInputs inputs = sd15_inputs();
  inputs.base_precision = "fp16";
  EXPECT_EQ(row_bytes(training_plan(inputs), "base UNet"), 2 * kUNetParameters);
}

TEST(TrainingPlan, AnUnlockedDecoderLearnsAndIsSaved) {
  PlanInputs inputs = sd15_inputs();
  const TrainingPlan locked = training_plan(inputs);
  inputs.unlock_decoder = true;
  const TrainingPlan unlocked = training_plan(inputs);
  EXPECT_GT(row_bytes(unlocked, "gradients"), row_bytes(locked, "gradients"));
  EXPECT_EQ(row_bytes(unlocked, "base UNet") + row_bytes(unlocked, "gradients"),
            row_bytes(locked, "base UNet") + row_bytes(locked, "gradients"));
  EXPECT_GT(unlocked.result_bytes, locked.result_bytes + 4 * kUNetParameters);
}

TEST(TrainingPlan, RecomputationSavesActivationsOnly) {
  PlanInputs inputs = sd15_inputs();
  const TrainingPlan plain = training_plan(inputs);
  inputs.recompute = true;
  const TrainingPlan recomputed = training_plan(inputs);
  EXPECT_LT(row_bytes(recomputed, "activations") * 2, row_bytes(plain, "activations"));
  EXPECT_EQ(row_bytes(recomputed, "moments"), row_bytes(plain, "moments"));
}

TEST(TrainingPlan, ThePeakIsThatOfTheWorstMoment) {
  TrainingPlan plan;
  plan.rows = {{"a", 100, PlanPhase::always},
               {"t", 10, PlanPhase::training},
               {"s", 5, PlanPhase::step},
               {"v", 7, PlanPhase::validation},
               {"e", 16, PlanPhase::encoding}};
  EXPECT_EQ(plan.peak(), 117);
  plan.rows.back().bytes = 30;
  EXPECT_EQ(plan.peak(), 130);
  EXPECT_EQ(to_json(plan).at("peak_bytes"), 130);
}

TEST(Activations, GrowWithThePicturesArea) {
  const ActivationCount small =
      count_activations(sd15_unet(), {.latent_width = 32, .latent_height = 32});
  const ActivationCount large =
      count_activations(sd15_unet(), {.latent_width = 64, .latent_height = 64});
  EXPECT_NEAR(large.stored / small.stored, 4.0, 0.1);
  EXPECT_NEAR(large.hint / small.hint, 4.0, 1e-9);
}

// One level, one block, no transformer but the middle's: small enough to count by hand.
TEST(Activations, AreThoseThatAutogradKeeps) {
  UNetConfig c;
  c.model_channels = 2;
  c.channel_mult = {1};
  c.num_res_blocks = 1;
  c.transformer_depth = {0};
  c.middle_depth = 1;
  c.num_heads = 1;
  c.context_dim = 8;
  const ActivationCount count = count_activations(c, {.latent_width = 1, .latent_height = 1});
  // Channels on one pixel: stem and its sum 4, block 6 + 2; the middle two blocks of 6 + 2,
  // 2 x 2 around the transformer, 28 x 2 in it and keys and values of 77 tokens, 2.
  const double encoder = 4 + 8 + (2 * (6 + 2) + 4 + 56 + 2 * 77 * 2) + 2;
  // Two blocks that take 2 + 2 channels: 4, then 4 + 2 + 2, and 2; the last norm 2.
  const double decoder = 2 * (4 + 8 + 2) + 2;
  EXPECT_EQ(count.stored, encoder + decoder);
}

TEST(ChoosePlan, TurnsOnRecomputationOnlyWhereItMust) {
  const ChosenPlan free = choose_plan(sd15_inputs(), "auto", int64_t{64} << 30);
  EXPECT_FALSE(free.inputs.recompute);
  EXPECT_TRUE(free.note.empty());
  const ChosenPlan tight = choose_plan(sd15_inputs(), "auto", free.plan.peak() - 1);
  EXPECT_TRUE(tight.inputs.recompute);
  EXPECT_NE(tight.note.find("recomputed"), std::string::npos);
}

TEST(ChoosePlan, SaysWhatWouldSaveHowMuch) {
  PlanInputs inputs = sd15_inputs();
  inputs.batch = 4;
  const Error error = error_of([&] { choose_plan(inputs, "off", int64_t{8} << 30); });
  EXPECT_EQ(error.kind(), ErrorKind::out_of_memory);
  for (const char* advice :
       {"--gradient-checkpointing on saves", "--optimizer adamw8bit saves", "8.0 GiB are free"}) {
    EXPECT_NE(error.text().find(advice), std::string::npos) << advice << ": " << error.text();
  }
}

TEST(ChoosePlan, RefusesNothingWhereTheMemoryIsNotKnown) {
  EXPECT_FALSE(choose_plan(sd15_inputs(), "auto", 0).inputs.recompute);
  EXPECT_EQ(error_of([] { choose_plan(sd15_inputs(), "perhaps", 0); }).where(),
            "--gradient-checkpointing");
}

// A /proc and /sys of a container with 4 GiB, of which 3 are taken, 1 of them file cache.
TEST(HostMemory, IsLimitedByTheControlGroup) {
  namespace fs = std::filesystem;
  const fs::path root = fs::path(testing::TempDir()) / "zeroconv_host_memory";
  fs::remove_all(root);
  const auto put = [&](const char* name, const std::string& text) {
    fs::create_directories((root / name).parent_path());
    std::ofstream(root / name) << text;
  };
  EXPECT_EQ(free_host_memory(root), 0);
  put("proc/meminfo", "MemTotal: 64000000 kB\nMemAvailable: 8388608 kB\n");
  EXPECT_EQ(free_host_memory(root), int64_t{8} << 30);
  put("proc/self/cgroup", "0::/a/b\n");
  put("sys/fs/cgroup/a/memory.max", "4294967296\n");
  put("sys/fs/cgroup/a/memory.current", "3221225472\n");
  put("sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 1073741824\n");
  put("sys/fs/cgroup/a/b/memory.max", "max\n");
  put("sys/fs/cgroup/a/b/memory.current", "3221225472\n");
  EXPECT_EQ(free_host_memory(root), int64_t{2} << 30);
}

}  // namespace
}  // namespace zc
