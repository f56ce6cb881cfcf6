// SPDX-License-Identifier: Apache-2.0
#include "training/plan.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>

#include "base/error_of.h"
#include "training/activations.h"
#include "training/host_memory.h"
#include "training/test_folder.h"

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

void on_gpu(PlanInputs& inputs, const char* precision) {
  inputs.cuda = true;
  inputs.precision = precision;
}

// docs/benchmarks.md: steps with pictures of 512x512 and nothing else in memory. On the GPU the
// base lay in float32, and the context of CUDA is in the number.
TEST(TrainingPlan, IsNearTheMeasuredPeaks) {
  constexpr double kMiB = 1 << 20;
  struct Case {
    const char* name;
    double measured;
    void (*set)(PlanInputs&);
  };
  const std::vector<Case> cases = {
      {"fp32", 10.69 * 1024 * kMiB, [](PlanInputs&) {}},
      {"base in fp16", 10.02 * 1024 * kMiB, [](PlanInputs& in) { in.base_precision = "fp16"; }},
      {"base in fp16, recomputation, 8-bit moments", 6.16 * 1024 * kMiB,
       [](PlanInputs& in) {
         in.base_precision = "fp16";
         in.recompute = true;
         in.optimizer = "adamw8bit";
       }},
      {"GPU, fp16", 11405 * kMiB, [](PlanInputs& in) { on_gpu(in, "fp16"); }},
      {"GPU, bf16, batch 4", 15303 * kMiB,
       [](PlanInputs& in) {
         on_gpu(in, "bf16");
         in.batch = 4;
       }},
      {"GPU, fp16, recomputation, 8-bit moments", 8861 * kMiB, [](PlanInputs& in) {
         on_gpu(in, "fp16");
         in.recompute = true;
         in.optimizer = "adamw8bit";
       }}};
  for (const Case& c : cases) {
    PlanInputs inputs = sd15_inputs();
    inputs.text_stays = inputs.vae_stays = false;
    inputs.sample_pictures = inputs.encode_at_once = 0;
    c.set(inputs);
    EXPECT_NEAR(static_cast<double>(training_plan(inputs).peak()), c.measured, 0.1 * c.measured)
        << c.name;
  }
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

TEST(TrainingPlan, GradientsTakeTheMemoryThatConvertedWeightsLeave) {
  PlanInputs inputs = sd15_inputs();
  inputs.base_precision = "fp16";
  const TrainingPlan one_pass = training_plan(inputs);
  inputs.accumulates = true;  // the second pass finds the gradients there
  const TrainingPlan passes = training_plan(inputs);
  EXPECT_GT(row_bytes(one_pass, "converted"), 0);
  EXPECT_EQ(row_bytes(passes, "converted"),
            row_bytes(one_pass, "converted") + row_bytes(one_pass, "gradients"));
}

TEST(TrainingPlan, AveragedWeightsAreSwappedInForAValidation) {
  PlanInputs inputs = sd15_inputs();
  const TrainingPlan plain = training_plan(inputs);
  inputs.ema = true;
  EXPECT_EQ(row_bytes(training_plan(inputs), "validation"),
            row_bytes(plain, "validation") + 4 * kControlParameters);
}

TEST(Activations, GrowWithThePicturesArea) {
  const ActivationBytes small =
      count_activations(sd15_unet(), {.latent_width = 32, .latent_height = 32, .cuda = true});
  const ActivationBytes large =
      count_activations(sd15_unet(), {.latent_width = 64, .latent_height = 64, .cuda = true});
  EXPECT_NEAR(large.stored / small.stored, 4.0, 0.1);
  EXPECT_NEAR(large.hint / small.hint, 4.0, 1e-9);
}

TEST(Activations, GrowWithTheBatch) {
  const ActivationBytes one = count_activations(sd15_unet(), {.cuda = true});
  const ActivationBytes three = count_activations(sd15_unet(), {.batch = 3, .cuda = true});
  EXPECT_DOUBLE_EQ(three.stored, 3.0 * one.stored);
  EXPECT_DOUBLE_EQ(three.largest, 3.0 * one.largest);
}

// One level, one block, no transformer but the middle's.
UNetConfig one_level(int64_t channels) {
  UNetConfig c;
  c.model_channels = channels;
  c.channel_mult = {1};
  c.num_res_blocks = 1;
  c.transformer_depth = {0};
  c.middle_depth = 1;
  c.num_heads = 1;
  c.context_dim = 8;
  return c;
}

// Small enough to count by hand: two channels on one pixel.
TEST(Activations, AreThoseThatAutogradKeeps) {
  const ActivationBytes bytes =
      count_activations(one_level(2), {.latent_width = 1, .latent_height = 1});
  // Elements. The stem's sum with the hint 2, block 6 + 2; the middle: two blocks of 6, before,
  // around and behind the transformer 2 x 2 x 2, in it 28 x 2 and keys and values of 77 tokens, 2.
  const double encoder = 2 + (6 + 2) + (2 * 6 + 8 + 56 + 2 * 77 * 2) + 2;
  // Two blocks that join 2 + 2 channels: those, and in the block 4 + 2 + 2; the last norm and
  // convolution 2 each.
  const double decoder = 2 * (4 + 8) + 2 + 2;
  EXPECT_EQ(bytes.stored, 4 * (encoder + decoder));
  EXPECT_EQ(bytes.residuals, 4 * 6);
}

// Under autocast CUDA norms in float32, and keeps what it norms and what SiLU takes beside what the
// convolutions take.
TEST(Activations, OfNormsAreFloat32CopiesOnAGpu) {
  const ActivationBytes bytes = count_activations(
      one_level(2), {.latent_width = 1, .latent_height = 1, .half = true, .cuda = true});
  const double block = 2 * (4 + 4 + 2) + 2 * (4 + 4 + 2);
  const double transformer =
      2 * (4 + 2 * 2) + 2 * (3 * 4 + 18 * 2) + 2 * 77 * 2 * 2 + 2 * (3 * 2 + 6 * 2);
  const double encoder = 4 + (block + 4) + (2 * block + transformer) + 4;
  const double joined = 4 * (2 + 4 + 4 + 2) + 2 * (4 + 4 + 2);
  EXPECT_EQ(bytes.stored, encoder + 2 * joined + 2 * (4 + 4 + 2));
}

// Locked 3x3 convolutions of our own keep no inputs: 640 and 320 channels of 64 x 64 in each of two
// blocks. The last one, of 4 channels, is ATen's.
TEST(Activations, OfALockedDecoderAreFewer) {
  const ActivationBytes locked = count_activations(one_level(320), {});
  const ActivationBytes learning = count_activations(one_level(320), {.unlock_decoder = true});
  EXPECT_EQ(learning.stored - locked.stored, 4.0 * 2 * (640 + 320) * 64 * 64);
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
  const fs::path root = absent_path("host_memory");
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
