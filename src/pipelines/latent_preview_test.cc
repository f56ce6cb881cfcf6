// SPDX-License-Identifier: Apache-2.0
#include "pipelines/latent_preview.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "pipelines/tiny_model.h"
#include "sampling/noise.h"

namespace zc {
namespace {

TEST(LatentPicture, MapsEachLatentPixelLinearly) {
  LatentColours colours;
  colours.weight[1] = {1.0f, 0.0f, -1.0f};
  colours.bias = {0.0f, 0.5f, 0.0f};
  at::Tensor latent = at::zeros({1, 4, 2, 3});
  latent[0][1][1][2] = 0.5;
  const Image picture = latent_picture(latent, colours);
  EXPECT_EQ(picture.width, 3);
  EXPECT_EQ(picture.height, 2);
  EXPECT_EQ(picture.at(0, 0)[0], 127);
  EXPECT_EQ(picture.at(0, 0)[1], 191);
  EXPECT_EQ(picture.at(2, 1)[0], 191);
  EXPECT_EQ(picture.at(2, 1)[2], 63);
}

TEST(LatentPicture, ClipsWhatIsFarOutsideOrNoNumber) {
  LatentColours colours;
  colours.weight[0] = {1.0f, -1.0f, 1.0f};
  const Image far = latent_picture(at::full({1, 4, 1, 1}, 1e9), colours);
  EXPECT_EQ(far.at(0, 0)[0], 255);
  EXPECT_EQ(far.at(0, 0)[1], 0);
  const Image none = latent_picture(at::full({1, 4, 1, 1}, std::nan("")), colours);
  EXPECT_EQ(none.at(0, 0)[2], 0);
}

TEST(LatentColours, OfStableDiffusionAreKnown) {
  ModelConfig sd15 = sd15_model();
  const Vae unused(tiny_config().vae);
  EXPECT_EQ(latent_colours(sd15, unused).weight, stable_diffusion_colours().weight);
}

TEST(LatentColours, OfALinearAutoencoderAreFoundExactly) {
  const at::Tensor z = NoiseStream({.seed = 3}, 1).next({1, 4, 16, 16});
  const at::Tensor rgb = at::cat({z.narrow(1, 0, 1) * 0.5 - z.narrow(1, 3, 1) * 0.25 + 0.125,
                                  z.narrow(1, 1, 1), z.narrow(1, 2, 1) * -2.0 - 1.0},
                                 1);
  const LatentColours found = least_squares_colours(z, rgb);
  EXPECT_NEAR(found.weight[0][0], 0.5, 1e-4);
  EXPECT_NEAR(found.weight[3][0], -0.25, 1e-4);
  EXPECT_NEAR(found.bias[0], 0.125, 1e-4);
  EXPECT_NEAR(found.weight[1][1], 1.0, 1e-4);
  EXPECT_NEAR(found.weight[2][2], -2.0, 1e-4);
  EXPECT_NEAR(found.bias[2], -1.0, 1e-4);
  EXPECT_NEAR(found.weight[0][1], 0.0, 1e-4);
}

TEST(LatentColours, AreFittedToAnyAutoencoder) {
  Vae vae(tiny_config().vae);
  randomize(vae, 2);
  const LatentColours fitted = fitted_colours(vae);
  EXPECT_EQ(fitted_colours(vae).weight, fitted.weight);
  for (const auto& row : fitted.weight)
    for (const float value : row) EXPECT_TRUE(std::isfinite(value));
}

TEST(PreviewClock, LetsOneThroughInEachInterval) {
  using std::chrono::milliseconds;
  PreviewClock clock(100);
  const PreviewClock::Time begin{};
  EXPECT_TRUE(clock.due(begin));
  EXPECT_FALSE(clock.due(begin + milliseconds(99)));
  EXPECT_TRUE(clock.due(begin + milliseconds(100)));
  EXPECT_FALSE(clock.due(begin + milliseconds(199)));
  EXPECT_TRUE(clock.due(begin + milliseconds(350)));
  PreviewClock always(0);
  EXPECT_TRUE(always.due(begin));
  EXPECT_TRUE(always.due(begin));
}

}  // namespace
}  // namespace zc
