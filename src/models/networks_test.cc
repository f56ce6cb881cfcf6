// SPDX-License-Identifier: Apache-2.0
// Keys and input checks of the VAE, the text encoders, T2I-Adapter, IP-Adapter and TAESD.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "models/ip_adapter.h"
#include "models/key_tables.h"
#include "models/t2i_adapter.h"
#include "models/taesd.h"
#include "models/text_encoder.h"
#include "models/vae.h"

namespace zc {
namespace {

std::string where_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.where();
  }
  return "nothing was thrown";
}

TEST(VaeKeys, AreThoseOfThePublishedCheckpoint) {
  EXPECT_EQ(shapes_of(Vae(VaeConfig{})), key_table("sd15_original", "first_stage_model."));
}

TEST(ClipKeys, AreThoseOfThePublishedCheckpoints) {
  for (const auto& [table, prefix] :
       {std::pair("sd15_original", "cond_stage_model.transformer.text_model."),
        std::pair("sdxl_original", "conditioner.embedders.0.transformer.text_model.")}) {
    Shapes wanted = key_table(table, prefix);
    forget(wanted, "position_ids");
    EXPECT_EQ(shapes_of(ClipTextEncoder(clip_l_text())), wanted);
  }
}

TEST(OpenClipKeys, AreThoseOfThePublishedCheckpoints) {
  Shapes huge = key_table("sd21_original", "cond_stage_model.model.");
  forget(huge, "logit_scale");
  EXPECT_EQ(shapes_of(OpenClipTextEncoder(openclip_h_text())), huge);
  Shapes giant = key_table("sdxl_original", "conditioner.embedders.1.model.");
  forget(giant, "logit_scale");
  EXPECT_EQ(shapes_of(OpenClipTextEncoder(openclip_g_text())), giant);
}

TEST(TextEncoder, RefusesMoreTokensThanPositions) {
  ClipTextEncoder text({.vocabulary = 10, .width = 8, .layers = 1, .heads = 2, .positions = 4});
  EXPECT_EQ(where_of([&] { text.forward(at::zeros({1, 5}, at::kLong)); }), "ids");
}

TEST(TextEncoder, LaterTokensDoNotChangeEarlierOnes) {
  const c10::InferenceMode inference;
  at::manual_seed(1);
  ClipTextEncoder text({.vocabulary = 10, .width = 8, .layers = 2, .heads = 2, .positions = 4});
  fill_randomly(text);
  const at::Tensor a = text.forward(at::tensor({1, 2, 3, 4}, at::kLong).view({1, 4}));
  const at::Tensor b = text.forward(at::tensor({1, 2, 9, 9}, at::kLong).view({1, 4}));
  EXPECT_LT((a - b).narrow(1, 0, 2).abs().max().item<float>(), 1e-6f);
  EXPECT_GT((a - b).narrow(1, 2, 2).abs().max().item<float>(), 1e-3f);
}

TEST(TextEncoder, SkipsLayersFromTheEnd) {
  const c10::InferenceMode inference;
  at::manual_seed(1);
  ClipTextEncoder text({.vocabulary = 10, .width = 8, .layers = 3, .heads = 2, .positions = 4});
  fill_randomly(text);
  const at::Tensor ids = at::tensor({1, 2, 3, 4}, at::kLong).view({1, 4});
  EXPECT_TRUE(text.forward_skip(ids, 1).equal(text.forward(ids)));
  EXPECT_TRUE(text.forward_skip(ids, 2).equal(text.forward(ids, TextLayer::skip2)));
  EXPECT_FALSE(text.forward_skip(ids, 3).equal(text.forward_skip(ids, 2)));
}

TEST(Vae, RefusesOtherChannels) {
  const Vae vae({.channels = 32, .channel_mult = {1, 1}, .num_res_blocks = 1});
  EXPECT_EQ(where_of([&] { vae.encode(at::zeros({1, 4, 16, 16})); }), "image");
  EXPECT_EQ(where_of([&] { vae.decode(at::zeros({1, 3, 8, 8})); }), "latent");
}

TEST(T2iAdapter, HasTheKeysOfTheOriginalFiles) {
  EXPECT_EQ(shapes_of(T2iAdapter(T2iAdapterConfig{})), key_table("t2i_adapter_sd15_original"));
}

TEST(T2iAdapter, GivesOneFeatureMapForEachResolutionAndChecksTheHint) {
  const c10::InferenceMode inference;
  T2iAdapter adapter({.hint_channels = 1, .channels = {8, 16, 16}, .blocks = 1});
  fill_randomly(adapter);
  const auto features = adapter.forward(at::rand({2, 1, 64, 48}));
  ASSERT_EQ(features.size(), 3u);
  EXPECT_EQ(features[0].sizes(), at::IntArrayRef({2, 8, 8, 6}));
  EXPECT_EQ(features[2].sizes(), at::IntArrayRef({2, 16, 2, 2}));  // odd sizes are rounded up
  EXPECT_EQ(where_of([&] { adapter.forward(at::rand({1, 3, 64, 64})); }), "hint");
  EXPECT_EQ(where_of([&] { adapter.forward(at::rand({1, 1, 60, 64})); }), "hint");
}

TEST(Taesd, HasTheKeysOfDiffusersWholeOrInHalves) {
  const Shapes wanted = key_table("taesd_diffusers");
  EXPECT_EQ(shapes_of(Taesd({})), wanted);
  Shapes halves = shapes_of(Taesd({}, Taesd::Half::encoder));
  halves.merge(shapes_of(Taesd({}, Taesd::Half::decoder)));
  EXPECT_EQ(halves, wanted);
}

TEST(Taesd, LatentsAreEightTimesSmaller) {
  const c10::InferenceMode inference;
  Taesd taesd({.channels = 8, .blocks = 1});
  fill_randomly(taesd);
  const at::Tensor z = taesd.encode(at::rand({1, 3, 32, 16}));
  EXPECT_EQ(z.sizes(), at::IntArrayRef({1, 4, 4, 2}));
  EXPECT_EQ(taesd.decode(z).sizes(), at::IntArrayRef({1, 3, 32, 16}));
}

TEST(IpAdapter, HasTheKeysOfThePublishedFile) {
  const UNet unet(sd15_unet());
  EXPECT_EQ(shapes_of(IpAdapter(ip_adapter_for(unet))), key_table("ip_adapter_sd15"));
}

TEST(IpAdapter, RefusesAUNetOfAnotherFamily) {
  const c10::InferenceMode inference;
  UNetConfig small;
  small.model_channels = 32;
  small.channel_mult = {1};
  small.num_res_blocks = 1;
  small.transformer_depth = {1};
  small.context_dim = 16;
  const UNet unet(small);
  IpAdapterConfig config = ip_adapter_for(unet, 12, 4);
  config.widths.pop_back();
  IpAdapter adapter(config);
  fill_randomly(adapter);
  EXPECT_EQ(where_of([&] { adapter.prompt(at::zeros({1, 12}), unet, 1.0); }), "ip_adapter");
  EXPECT_EQ(adapter.tokens(at::zeros({2, 1, 12})).sizes(), at::IntArrayRef({2, 4, 16}));
}

}  // namespace
}  // namespace zc
