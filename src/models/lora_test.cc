// SPDX-License-Identifier: Apache-2.0
#include "models/lora.h"

#include <ATen/ATen.h>
#include <c10/util/accumulate.h>
#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "models/key_tables.h"

namespace zc {
namespace {

Error error_of(const StateDict& file, const ModelConfig& model) {
  try {
    parse_lora(file, model, "style.safetensors");
  } catch (const Error& e) {
    return e;
  }
  return Error(ErrorKind::bug, "", "nothing was thrown");
}

// Every change must meet a weight of the published checkpoint, with a shape that fits.
void expect_all_fit(const std::string& table, size_t layers) {
  const Lora lora = parse_lora(zeros_for(key_table(table)), sd15_model(), table);
  EXPECT_EQ(lora.changes.size(), layers);
  const Shapes checkpoint = key_table("sd15_original");
  std::set<std::string> keys;
  for (const LoraChange& change : lora.changes) {
    keys.insert(change.key);
    ASSERT_TRUE(checkpoint.contains(change.key)) << change.key;
    const auto& shape = checkpoint.at(change.key);
    EXPECT_EQ(change.up.size(0), shape[0]) << change.key;
    EXPECT_EQ(change.down.numel() / change.down.size(0), c10::multiply_integers(shape) / shape[0])
        << change.key;
  }
  EXPECT_EQ(keys.size(), layers);
}

TEST(Lora, UnderstandsKohyaNames) {
  expect_all_fit("lora_sd15_kohya", 264);
}
TEST(Lora, UnderstandsPeftNames) {
  expect_all_fit("lora_sd15_peft", 176);
}
TEST(Lora, UnderstandsOlderDiffusersNames) {
  expect_all_fit("lora_sd15_diffusers_legacy", 176);
}

StateDict pair_of(const std::string& layer, const at::Tensor& up, const at::Tensor& down) {
  return {{layer + ".lora_up.weight", up}, {layer + ".lora_down.weight", down}};
}

TEST(Lora, AddsAlphaOverRankTimesTheProduct) {
  at::manual_seed(5);
  const at::Tensor up = at::randn({320, 4}), down = at::randn({4, 320}),
                   weight = at::randn({320, 320});
  StateDict file = pair_of("lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q", up, down);
  file["lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q.alpha"] = at::full({}, 2.0);
  const Lora lora = parse_lora(file, sd15_model(), "x");
  const std::string key =
      "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight";
  StateDict state = {{key, weight}};
  EXPECT_EQ(merge_lora(state, lora, {.unet = 0.5}), 1);
  EXPECT_TRUE(at::allclose(state.at(key), weight + 0.25 * at::matmul(up, down), 1e-4, 1e-4));
  EXPECT_FALSE(state.at(key).is_same(weight));  // the file's tensor is left alone
}

TEST(Lora, KeepsThePrecisionOfTheWeight) {
  const Lora lora =
      parse_lora(pair_of("lora_unet_conv_in", at::ones({320, 1, 1, 1}), at::ones({1, 4, 3, 3})),
                 sd15_model(), "x");
  StateDict state = {
      {"model.diffusion_model.input_blocks.0.0.weight", at::zeros({320, 4, 3, 3}, at::kHalf)}};
  merge_lora(state, lora, {});
  EXPECT_EQ(state.begin()->second.scalar_type(), at::kHalf);
  EXPECT_EQ(state.begin()->second.mean().item<float>(), 1.0f);
}

TEST(Lora, MultipliesTheMiddleOfAConvolutionIn) {
  at::manual_seed(6);
  const at::Tensor up = at::randn({5, 2, 1, 1}), middle = at::randn({2, 2, 3, 3}),
                   down = at::randn({2, 4, 1, 1});
  const LoraChange change{.key = "w", .up = up, .down = down, .middle = middle, .scale = 1.0};
  const at::Tensor got = merged(at::zeros({5, 4, 3, 3}), change, 1.0);
  for (int64_t r = 0; r < 3; ++r) {
    for (int64_t c = 0; c < 3; ++c) {
      const at::Tensor wanted =
          at::matmul(at::matmul(up.flatten(1), middle.select(3, c).select(2, r)), down.flatten(1));
      EXPECT_TRUE(at::allclose(got.select(3, c).select(2, r), wanted, 1e-5, 1e-5));
    }
  }
}

TEST(Lora, ChangesTheRowsOfAFusedTextWeight) {
  const ModelConfig sd21 = sd21_model();
  const Lora lora = parse_lora(pair_of("lora_te_text_model_encoder_layers_3_self_attn_k_proj",
                                       at::ones({1024, 1}), at::ones({1, 1024})),
                               sd21, "x");
  const std::string key = "cond_stage_model.model.transformer.resblocks.3.attn.in_proj_weight";
  StateDict state = {{key, at::zeros({3072, 1024})}};
  EXPECT_EQ(merge_lora(state, lora, {.unet = 9.0, .text = 2.0}), 1);
  const at::Tensor rows = state.at(key).sum(1);
  EXPECT_EQ(rows.narrow(0, 0, 1024).abs().sum().item<float>(), 0.0f);
  EXPECT_EQ(rows.narrow(0, 1024, 1024).mean().item<float>(), 2048.0f);
  EXPECT_EQ(rows.narrow(0, 2048, 1024).abs().sum().item<float>(), 0.0f);
}

TEST(Lora, NamesALayerThatTheModelLacks) {
  const Error e = error_of(
      pair_of("lora_unet_up_blocks_9_attentions_0_proj_in", at::ones({2, 1}), at::ones({1, 2})),
      sd15_model());
  EXPECT_EQ(e.kind(), ErrorKind::bad_file);
  EXPECT_EQ(e.where(), "style.safetensors");
  EXPECT_NE(e.text().find("up_blocks_9_attentions_0_proj_in"), std::string::npos);
}

TEST(Lora, RefusesOtherMethodsAndHalfLayers) {
  EXPECT_EQ(error_of({{"lora_unet_conv_in.hada_w1_a", at::ones({2, 2})}}, sd15_model()).kind(),
            ErrorKind::unsupported);
  EXPECT_EQ(error_of({{"lora_unet_conv_in.lora_up.weight", at::ones({2, 2})}}, sd15_model()).kind(),
            ErrorKind::bad_file);
  EXPECT_EQ(error_of({{"model.weight", at::ones({2, 2})}}, sd15_model()).kind(),
            ErrorKind::bad_file);
}

TEST(Lora, RefusesAChangeOfAnotherSize) {
  const LoraChange change{
      .key = "w", .up = at::ones({5, 2}), .down = at::ones({2, 4}), .middle = {}, .scale = 1.0};
  EXPECT_THROW(merged(at::zeros({5, 5}), change, 1.0), Error);
}

}  // namespace
}  // namespace zc
