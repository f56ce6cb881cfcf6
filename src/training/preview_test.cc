// SPDX-License-Identifier: Apache-2.0
// Which noise levels previews pass, and what comes of a model whose output is known.
#include "training/preview.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "tensor/device.h"
#include "training/init_weights.h"
#include "training/loss.h"
#include "training/mixed_seed.h"
#include "training/test_model.h"

namespace zc {
namespace {

// It predicts v = 0: a fresh UNet ends in a zero convolution.
DiffusionModel silent_model() {
  DiffusionModel model;
  model.config = tiny_config();
  model.config.unet = tiny_unet();
  model.config.prediction = ModelPrediction::v;
  model.unet = std::make_unique<UNet>(model.config.unet);
  init_weights(*model.unet, 1);
  return model;
}

at::Tensor preview_of(const DiffusionModel& model, const PreviewOptions& options) {
  const at::Tensor empty = at::zeros({1, 3, model.config.unet.context_dim});
  return preview_latents(model, empty, empty, nullptr, {}, {1, 4, 8, 8}, options);
}

at::Tensor first_noise(int64_t seed) {
  at::Generator generator = generator_for(seed, 0, 77);
  return normal_numbers({1, 4, 8, 8}, generator, at::kCPU);
}

// v = 0 means x0 = sqrt(abar) x and noise = sqrt(1 - abar) x, so each step multiplies x by the
// cosine of the angle between its two noise levels.
double shrinkage(const at::Tensor& abar, const std::vector<int64_t>& times) {
  const auto level = [&](int64_t t) { return static_cast<double>(abar[t].item<float>()); };
  double factor = 1.0;
  for (size_t i = 0; i < times.size(); ++i) {
    const double a = level(times[i]), next = level(i + 1 < times.size() ? times[i + 1] : 0);
    factor *= std::sqrt(a * next) + std::sqrt((1 - a) * (1 - next));
  }
  return factor;
}

TEST(PreviewSteps, AreThoseOfTheOriginalsDdim) {
  const std::vector<PreviewStep> steps = preview_steps(20, false);
  const at::Tensor abar = alphas_cumprod_float();
  ASSERT_EQ(steps.size(), 20u);
  EXPECT_EQ(steps.front().t, 951);
  EXPECT_EQ(steps.back().t, 1);
  EXPECT_EQ(steps.front().abar, abar[951].item<float>());
  EXPECT_EQ(steps.front().abar_next, abar[901].item<float>());
  EXPECT_EQ(steps.back().abar_next, abar[0].item<float>());
}

TEST(PreviewSteps, OfAZeroTerminalModelBeginWithoutSignalAtTheLastTimeStep) {
  const std::vector<PreviewStep> steps = preview_steps(20, true);
  const at::Tensor abar = zero_terminal(alphas_cumprod_float());
  ASSERT_EQ(steps.size(), 20u);
  EXPECT_EQ(steps.front().t, 999);
  EXPECT_EQ(steps.front().abar, 0.0);
  EXPECT_EQ(steps[1].t, 949);
  EXPECT_EQ(steps[1].abar, abar[949].item<float>());
  EXPECT_EQ(steps.back().t, 49);
  EXPECT_EQ(steps.back().abar_next, abar[0].item<float>());
}

TEST(Preview, FollowsThePlainSchedule) {
  const at::Tensor x = preview_of(silent_model(), {.steps = 4, .seed = 3});
  const double factor = shrinkage(alphas_cumprod_float(), {751, 501, 251, 1});
  EXPECT_LT((x - factor * first_noise(3)).abs().max().item<double>(), 1e-5);
}

TEST(Preview, OfAZeroTerminalModelFollowsTheRescaledSchedule) {
  const at::Tensor x =
      preview_of(silent_model(), {.steps = 4, .seed = 3, .zero_terminal_snr = true});
  const double factor = shrinkage(zero_terminal(alphas_cumprod_float()), {999, 749, 499, 249});
  EXPECT_LT((x - factor * first_noise(3)).abs().max().item<double>(), 1e-5);
}

}  // namespace
}  // namespace zc
