// SPDX-License-Identifier: Apache-2.0
#include "pipelines/hires.h"

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "pipelines/tiny_model.h"

namespace zc {
namespace {

TEST(EnlargedLatent, IsBilinearInTheLatentItself) {
  const Vae unused(tiny_config().vae);
  at::Tensor latent = at::ones({1, 4, 2, 2});
  latent[0][0][0][0] = 0;
  const at::Tensor large = enlarged_latent(unused, latent, {32, 16}, HiresUpscaler::latent);
  EXPECT_EQ(large.sizes(), (std::vector<int64_t>{1, 4, 2, 4}));
  EXPECT_FLOAT_EQ(large[0][0][0][0].item<float>(), 0.0f);
  EXPECT_FLOAT_EQ(large[0][0][0][1].item<float>(), 0.25f);
  EXPECT_FLOAT_EQ(large[0][0][0][2].item<float>(), 0.75f);
  EXPECT_FLOAT_EQ(large[0][1].min().item<float>(), 1.0f);
}

TEST(EnlargedLatent, GoesThroughThePictureForTheOthers) {
  Vae vae(tiny_config().vae);
  randomize(vae, 2);
  const at::Tensor latent = at::full({1, 4, 4, 4}, 0.1);
  for (const HiresUpscaler upscaler : {HiresUpscaler::lanczos, HiresUpscaler::nearest}) {
    EXPECT_EQ(enlarged_latent(vae, latent, {64, 48}, upscaler).sizes(),
              (std::vector<int64_t>{1, 4, 6, 8}));
  }
}

TEST(HiresScheduleSteps, AreThoseThatAreRunInTheWebUi) {
  GenerateRequest request;
  request.hires = {.scale = 2, .steps = 20, .denoise = 0.7};
  EXPECT_EQ(hires_schedule_steps(request), 20);
  request.profile = "a1111";
  EXPECT_EQ(hires_schedule_steps(request), 28);
  request.hires.denoise = 1;
  EXPECT_EQ(hires_schedule_steps(request), 20);
  request.hires.denoise = 0.001;
  EXPECT_EQ(hires_schedule_steps(request), 1000);
  request.hires.denoise = 0;
  EXPECT_EQ(hires_schedule_steps(request), 20);
}

}  // namespace
}  // namespace zc
