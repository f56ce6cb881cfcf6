// SPDX-License-Identifier: Apache-2.0
// UNet and ControlNet: their keys, the residuals, and what must not change. Numbers are compared by
// tests/parity.
#include "models/unet.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "models/controlnet.h"
#include "models/key_tables.h"

namespace zc {
namespace {

UNetConfig tiny_config() {
  UNetConfig c;
  c.model_channels = 32;
  c.channel_mult = {1, 2};
  c.num_res_blocks = 1;
  c.transformer_depth = {1, 1};
  c.num_heads = 4;
  c.context_dim = 16;
  return c;
}

struct TinyModel {
  TinyModel() : unet(tiny_config()), control(tiny_config()) {
    at::manual_seed(3);
    fill_randomly(unet);
    fill_randomly(control);
    x = at::randn({2, 4, 4, 6});
    hint = at::rand({2, 3, 32, 48});
    tokens = at::randn({2, 5, 16});
    t = at::full({2}, 500, at::kLong);
  }
  at::Tensor run(const Residuals& residuals = {}) const {
    Context context(tokens);
    return unet.forward(x, unet.embed(t), context, residuals);
  }
  Residuals residuals() const {
    Context context(tokens);
    return control.forward(x, control.encode_hint(hint), control.embed(t), context);
  }
  c10::InferenceMode inference;
  UNet unet;
  ControlNet control;
  at::Tensor x, hint, tokens, t;
};

TEST(UNetKeys, AreThoseOfThePublishedCheckpoints) {
  EXPECT_EQ(shapes_of(UNet(sd15_unet())), key_table("sd15_original", "model.diffusion_model."));
  EXPECT_EQ(shapes_of(UNet(sd21_unet())), key_table("sd21_original", "model.diffusion_model."));
  EXPECT_EQ(shapes_of(UNet(sdxl_unet())), key_table("sdxl_original", "model.diffusion_model."));
}

TEST(UNetKeys, InpaintingModelsHaveNineInputChannels) {
  UNetConfig c = sd15_unet();
  c.in_channels = 9;
  EXPECT_EQ(shapes_of(UNet(c)), key_table("sd15_inpainting_original", "model.diffusion_model."));
}

TEST(ControlNetKeys, AreThoseOfThePublishedFiles) {
  EXPECT_EQ(shapes_of(ControlNet(sd15_unet())),
            key_table("control_v11_sd15_original", "control_model."));
  EXPECT_EQ(shapes_of(ControlNet(sd21_unet())),
            key_table("control_sd21_original", "control_model."));
}

TEST(ControlNet, HasOneResidualForEachInputBlockAndTheMiddle) {
  EXPECT_EQ(ControlNet(sd15_unet()).residual_count(), 13u);
  EXPECT_EQ(ControlNet(sdxl_unet()).residual_count(), 10u);
}

TEST(UNet, ResidualsOfZeroChangeNothing) {
  const TinyModel m;
  Residuals zeros = m.residuals();
  for (at::Tensor& r : zeros) r = at::zeros_like(r);
  EXPECT_TRUE(at::equal(m.run(zeros), m.run()));
  EXPECT_TRUE(at::equal(m.run(Residuals(zeros.size())), m.run()));  // undefined ones add nothing
}

TEST(UNet, EveryResidualActs) {
  const TinyModel m;
  const at::Tensor plain = m.run();
  const Residuals all = m.residuals();
  for (size_t i = 0; i < all.size(); ++i) {
    Residuals one(all.size());
    one[i] = all[i];
    EXPECT_GT((m.run(one) - plain).abs().max().item<float>(), 1e-4f) << i;
  }
}

TEST(UNet, ElementsOfABatchDoNotInfluenceEachOther) {
  TinyModel m;
  const at::Tensor both = m.run(m.residuals());
  for (at::Tensor* part : {&m.x, &m.hint, &m.tokens, &m.t}) *part = part->narrow(0, 1, 1);
  EXPECT_LT((m.run(m.residuals()) - both.narrow(0, 1, 1)).abs().max().item<float>(), 1e-4f);
}

TEST(UNet, KeepingKeysAndValuesDoesNotChangeTheResult) {
  const TinyModel m;
  Context kept(m.tokens, /*keep=*/true);
  const at::Tensor first = m.unet.forward(m.x, m.unet.embed(m.t), kept);
  const at::Tensor second = m.unet.forward(m.x, m.unet.embed(m.t), kept);
  EXPECT_TRUE(at::equal(first, m.run()));
  EXPECT_TRUE(at::equal(first, second));
}

TEST(UNet, OneHintServesAWholeBatch) {
  const TinyModel m;
  Context context(m.tokens);
  const at::Tensor features = m.control.encode_hint(m.hint.narrow(0, 0, 1));
  const Residuals residuals = m.control.forward(m.x, features, m.control.embed(m.t), context);
  EXPECT_EQ(residuals.front().size(0), 2);
}

TEST(UNet, OneInputServesAllRowsOfTheContext) {
  const TinyModel m;
  const auto run = [&](const at::Tensor& x) {
    Context context(m.tokens);
    const at::Tensor features = m.control.encode_hint(m.hint.narrow(0, 0, 1));
    const at::Tensor t = m.t.narrow(0, 0, 1);
    const Residuals residuals = m.control.forward(x, features, m.control.embed(t), context);
    return m.unet.forward(x, m.unet.embed(t), context, residuals);
  };
  const at::Tensor x = m.x.narrow(0, 0, 1);
  const at::Tensor wanted = run(at::cat({x, x}));
  EXPECT_GT((wanted[0] - wanted[1]).abs().max().item<float>(), 1e-3f);
  EXPECT_LT((run(x) - wanted).abs().max().item<float>(), 1e-5f);
}

std::string refused_where(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.where();
  }
  return "nothing was thrown";
}

TEST(UNet, NamesTheInputThatDoesNotFit) {
  const TinyModel m;
  Context good(m.tokens), bad(at::zeros({2, 5, 17}));
  const at::Tensor emb = m.unet.embed(m.t);
  EXPECT_EQ(refused_where([&] { m.unet.forward(at::zeros({2, 3, 8, 8}), emb, good); }), "x");
  EXPECT_EQ(refused_where([&] { m.unet.forward(m.x, emb, bad); }), "context");
  EXPECT_EQ(refused_where([&] { m.control.encode_hint(at::zeros({2, 1, 64, 64})); }), "hint");
}

TEST(Residuals, AreScaledSummedAndPooledOneByOne) {
  const Residuals a = {at::full({1, 2, 2, 2}, 3.0), at::Tensor()};
  const Residuals b = {at::Tensor(), at::ones({1, 2, 2, 2})};
  EXPECT_EQ(scaled(a, {0.5, 2.0})[0].mean().item<double>(), 1.5);
  EXPECT_FALSE(scaled(a, {0.5, 2.0})[1].defined());
  const Residuals both = sum(a, b);
  EXPECT_EQ(both[0].mean().item<double>(), 3.0);
  EXPECT_EQ(both[1].mean().item<double>(), 1.0);
  EXPECT_EQ(sum(a, {}).size(), 2u);
  const Residuals flat = pooled({at::arange(8, at::kFloat).view({1, 2, 2, 2})});
  EXPECT_TRUE(at::equal(flat[0].select(1, 0), at::full({1, 2, 2}, 1.5f)));
}

TEST(GuessMode, GivesTheMiddleBlockTheFullStrength) {
  const auto scales = guess_mode_scales(13, 2.0);
  EXPECT_EQ(scales.back(), 2.0);
  EXPECT_NEAR(scales.front(), 2.0 * 0.0994, 1e-4);
}

TEST(TimestepEmbedding, OfTimeZeroIsOnesAndZeros) {
  const at::Tensor e = timestep_embedding(at::zeros({1}, at::kLong), 5);
  EXPECT_TRUE(at::equal(e, at::tensor({1.0f, 1.0f, 0.0f, 0.0f, 0.0f}).view({1, 5})));
}

}  // namespace
}  // namespace zc
