// SPDX-License-Identifier: Apache-2.0
// Pictures of a batch that are made at once: those that are made one after the other.
#include <string>
#include <vector>

#include "pipelines/generate.h"
#include "pipelines/model_set.h"
#include "pipelines/tiny_run.h"

namespace zc {
namespace {

class Together : public TinyRun {
 protected:
  static GenerateRequest batch_request() {
    GenerateRequest r = request("control.safetensors");
    r.batch = 5;
    r.seed = 3;
    return r;
  }
  static GenerateResult run_together(const GenerateRequest& r, const GenerateInputs& in,
                                     int64_t together, const GenerateHooks& hooks = {}) {
    return generate(*load_models(paths_of_request(r)), *tokenizer_, r, in, hooks,
                    {.together = together});
  }
  static void expect_the_same(const GenerateRequest& r, const GenerateInputs& in) {
    const GenerateResult wanted = run_together(r, in, 1), got = run_together(r, in, 2);
    ASSERT_EQ(got.images.size(), static_cast<size_t>(r.batch));
    for (size_t k = 0; k < got.images.size(); ++k) {
      EXPECT_LE(largest_difference(got.images[k], wanted.images[k]), 1) << k;
      EXPECT_NEAR(got.receipts[k][0].residual_rms.back(), wanted.receipts[k][0].residual_rms.back(),
                  1e-5)
          << k;
    }
    EXPECT_NE(got.images[0], got.images[1]);
  }
};

TEST_F(Together, AreThePicturesOfTheirPlaces) {
  const GenerateRequest r = batch_request();
  expect_the_same(r, inputs(r));
}

TEST_F(Together, WithNoiseInEachStepToo) {
  GenerateRequest r = batch_request();
  r.sampler = "euler_a";
  r.seed_step = 1;
  expect_the_same(r, inputs(r));
}

TEST_F(Together, WithTwoPassesToo) {
  GenerateRequest r = batch_request();
  r.controls[0].mode = ControlMode::control;
  expect_the_same(r, inputs(r));
}

TEST_F(Together, FromAPictureWithAMaskToo) {
  GenerateRequest r = batch_request();
  r.denoise = 0.7;
  GenerateInputs in = inputs(r);
  in.init = test_photo(64, 64);
  in.mask = test_photo(64, 64);
  expect_the_same(r, in);
}

TEST_F(Together, ThroughASecondPassToo) {
  GenerateRequest r = batch_request();
  r.batch = 2;
  r.hires.scale = 2;
  expect_the_same(r, inputs(r));
  r.hires.upscaler = HiresUpscaler::lanczos;
  expect_the_same(r, inputs(r));
}

TEST_F(Together, WithSkippedWorkToo) {
  GenerateRequest r = batch_request();
  r.steps = 8;
  r.skip = {.steps = 0.2, .deep = 0.3, .control = 0.3, .guidance = 0.2};
  expect_the_same(r, inputs(r));
}

TEST_F(Together, CountTheirStepsAndComeInTheirOrder) {
  const GenerateRequest r = batch_request();
  std::vector<int64_t> pictures;
  int64_t done = 0, total = 0;
  GenerateHooks hooks{.task = {.cancel = nullptr,
                               .progress =
                                   [&](const Progress& p) {
                                     if (p.phase == "sample") {
                                       done = p.done;
                                       total = p.total;
                                     }
                                   }},
                      .on_image = [&](const Image&, const PictureRecord& record) {
                        pictures.push_back(record.index);
                      }};
  run_together(r, inputs(r), 2, hooks);
  EXPECT_EQ(pictures, (std::vector<int64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(done, r.batch * r.steps);
  EXPECT_EQ(total, done);
}

TEST_F(Together, AreFewerWhereThereIsLittleMemoryAndOneOnTheCpu) {
  GenerateRequest r = batch_request();
  EXPECT_EQ(run_together(r, inputs(r), 0).plan.together, 1);
  r.batch = 64;  // so many that it is their latents that take the memory
  ModelPaths paths = paths_of_request(r);
  paths.network = "bf16";  // as on a GPU, where a plan comes before the networks' places
  paths.one_run = true;
  const auto plan = [&](int64_t memory) {
    const auto models = load_models(paths);
    return plan_memory(*models, resolve_for(*models, r),
                       {.memory_bytes = memory, .one_run = true, .together = 64});
  };
  const MemoryPlan all = plan(0);
  EXPECT_EQ(all.together, 64);
  const MemoryPlan fewer = plan(all.peak() - 1);
  EXPECT_EQ(fewer.together, 32);
  EXPECT_FALSE(fewer.savings.streamed);
}

}  // namespace
}  // namespace zc
