// SPDX-License-Identifier: Apache-2.0
// The oddities of the original's DDIM.
#include "sampling/ddim.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace zc {
namespace {

at::Tensor constant(double value) {
  return at::ones({1, 4, 2, 2}, at::kFloat) * value;
}

TEST(Ddim, StepsThatDoNotDivideTheTrainingGiveMore) {
  const LdmSchedule model = make_ldm_schedule();
  EXPECT_EQ(make_ddim_schedule(model, 20, 0).timesteps.size(), 20u);
  EXPECT_EQ(make_ddim_schedule(model, 30, 0).timesteps.size(), 31u);
  EXPECT_EQ(make_ddim_schedule(model, 7, 0).timesteps,
            (std::vector<int64_t>{1, 143, 285, 427, 569, 711, 853, 995}));
}

TEST(Ddim, TheLowestStepGoesToTheFirstAlphaInsteadOfOne) {
  const LdmSchedule model = make_ldm_schedule();
  const DdimSchedule s = make_ddim_schedule(model, 20, 1.0);
  EXPECT_EQ(s.alphas_prev[0], model.alphas_cumprod[0]);
  EXPECT_EQ(s.alphas_prev[5], s.alphas[4]);
  EXPECT_GT(s.sigmas[0], 0.0);
}

TEST(Ddim, RefusesTheStepsWithWhichTheOriginalFails) {
  const LdmSchedule model = make_ldm_schedule();
  for (int64_t steps : {3, 9, 27, 36, 37, 333, 1000}) {
    try {
      make_ddim_schedule(model, steps, 0);
      FAIL() << steps;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::bad_request);
      EXPECT_EQ(e.where(), "steps");
    }
  }
  EXPECT_NE(
      [&] {
        try {
          make_ddim_schedule(model, 37, 0);
        } catch (const Error& e) {
          return e.text();
        }
        return std::string();
      }()
          .find("35 steps"),
      std::string::npos);
}

TEST(Ddim, AsksForNoiseAtEveryStepEvenWithoutEta) {
  const LdmSchedule model = make_ldm_schedule();
  int requests = 0;
  DdimRun run;
  run.schedule = make_ddim_schedule(model, 5, 0);
  run.denoise = [](const at::Tensor& x, double) { return x * 0.1; };
  run.noise = [&](const at::Tensor& like) {
    ++requests;
    return at::zeros(like.sizes(), like.options());
  };
  ddim_decode(model, run, constant(1), 5);
  EXPECT_EQ(requests, 5);
}

TEST(Ddim, TheMaskOverwritesXBeforeTheModelSeesIt) {
  const LdmSchedule model = make_ldm_schedule();
  std::vector<double> seen;
  DdimRun run;
  run.schedule = make_ddim_schedule(model, 2, 0);
  run.denoise = [&](const at::Tensor& x, double) {
    seen.push_back(x.mean().item<double>());
    return at::zeros(x.sizes(), x.options());
  };
  run.noise = [](const at::Tensor& like) { return at::zeros(like.sizes(), like.options()); };
  run.mask_noise = [](const at::Tensor& like) { return at::ones(like.sizes(), like.options()); };
  run.mask = at::ones({1, 1, 2, 2}, at::kFloat);
  run.x0 = constant(2);
  ddim_decode(model, run, constant(50), 2);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_NEAR(seen[0],
              2 * model.sqrt_alphas_cumprod[501] + model.sqrt_one_minus_alphas_cumprod[501], 1e-5);
  EXPECT_NEAR(seen[1], 2 * model.sqrt_alphas_cumprod[1] + model.sqrt_one_minus_alphas_cumprod[1],
              1e-5);
}

TEST(Ddim, TheSchedulerAndTheFunctionAreTheSame) {
  SchedulerConfig config = default_scheduler_config(SchedulerKind::seed_ddim);
  config.prediction_type = Prediction::v_prediction;
  config.eta = 0.7;
  const Denoiser denoise = [](const at::Tensor& x, double t) { return x * 0.3 + std::sin(t); };
  const auto counting_noise = [](int& n) {
    return [&n](const at::Tensor& like) {
      return at::ones(like.sizes(), like.options()) * (0.1 * n++);
    };
  };

  const LdmSchedule model = make_ldm_schedule();
  int a = 0, b = 0;
  DdimRun run{.schedule = make_ddim_schedule(model, 8, 0.7),
              .parameterization = Prediction::v_prediction,
              .denoise = denoise,
              .noise = counting_noise(a),
              .mask_noise = {},
              .mask = {},
              .x0 = {},
              .on_step = {}};
  const at::Tensor expected = ddim_decode(model, run, constant(1), 8);

  const auto scheduler = make_scheduler(config);
  scheduler->set_timesteps(8);
  at::Tensor x = constant(1);
  for (double t : scheduler->timesteps())
    x = scheduler->step(denoise(x, t), t, x, counting_noise(b));
  EXPECT_TRUE(x.equal(expected));
}

// gradio_tile.py: encoded at index t_enc, decoded from index t_enc - 1.
TEST(Ddim, ImageToImageBeginsOneIndexBelowItsNoise) {
  const auto scheduler = make_scheduler(default_scheduler_config(SchedulerKind::seed_ddim));
  scheduler->set_timesteps(20);
  const int64_t index = scheduler->begin_index(0.6);
  EXPECT_EQ(index, 8);
  EXPECT_EQ(scheduler->timesteps()[8], 551);
  const LdmSchedule model = make_ldm_schedule();
  const at::Tensor x = scheduler->begin_at(index, constant(2), constant(1));
  const float alpha = model.alphas_cumprod[601];
  EXPECT_NEAR(x.mean().item<double>(), 2 * std::sqrt(alpha) + std::sqrt(1 - alpha), 1e-5);
  EXPECT_EQ(scheduler->begin_index(1.0), 1);  // never all of it
}

TEST(Ddim, TheWebUiVersionStopsAboveTheLowestTimestep) {
  SchedulerConfig config = default_scheduler_config(SchedulerKind::webui_ddim);
  const auto scheduler = make_scheduler(config);
  scheduler->set_timesteps(20);
  EXPECT_EQ(scheduler->timesteps().size(), 19u);
  EXPECT_EQ(scheduler->timesteps().back(), 51);
  scheduler->set_timesteps(3);  // where the original fails
  EXPECT_EQ(scheduler->timesteps().front(), 999);
}

TEST(Ddim, RefusesModelsThatPredictTheImage) {
  SchedulerConfig config = default_scheduler_config(SchedulerKind::seed_ddim);
  config.prediction_type = Prediction::sample;
  try {
    make_scheduler(config);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::unsupported);
    EXPECT_EQ(e.where(), "prediction_type");
  }
}

}  // namespace
}  // namespace zc
