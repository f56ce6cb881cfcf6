// SPDX-License-Identifier: Apache-2.0
#include "formats/key_map.h"

#include <fstream>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "base/text.h"
#include "formats/loader_cases.h"

namespace zc {
namespace {

std::filesystem::path keys_folder() {
  return std::filesystem::path(ZC_SOURCE_DIR) / "tests/parity/data/core/keys";
}

std::vector<std::vector<std::string>> read_table(const std::string& name) {
  std::ifstream file(keys_folder() / (name + ".tsv"));
  EXPECT_TRUE(file.good()) << name;
  std::vector<std::vector<std::string>> rows;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) rows.push_back(split(line, '\t'));
  EXPECT_FALSE(rows.empty()) << name;
  return rows;
}

// A state dict with the names and shapes of a key table.
StateDict state_of_table(const std::string& name) {
  StateDict state;
  for (const auto& row : read_table(name)) {
    std::vector<int64_t> shape;
    if (!row[2].empty()) {
      for (const std::string& size : split(row[2], ',')) shape.push_back(std::stoll(size));
    }
    // Expanded from one value: the tables describe gigabytes.
    state.emplace(row[0], at::zeros({}).expand(shape));
  }
  return state;
}

void expect_all_rows(const KeyTable& table, const std::string& map) {
  for (const auto& row : read_table(map)) {
    EXPECT_EQ(table.to_diffusers(row[0]).value_or("nothing"), row[1]);
    EXPECT_EQ(table.to_original(row[1]).value_or("nothing"), row[0]);
  }
}

StateDict original_of(const std::string& table, const std::string& prefix) {
  return with_prefix_removed(state_of_table(table), prefix);
}

// Same names and shapes.
void expect_same(const StateDict& have, const StateDict& wanted) {
  EXPECT_EQ(have.size(), wanted.size());
  for (const auto& [key, tensor] : wanted) {
    const auto found = have.find(key);
    ASSERT_NE(found, have.end()) << key;
    EXPECT_EQ(found->second.sizes(), tensor.sizes()) << key;
  }
}

TEST(KeyMap, AgreesWithEveryRowOfTheUNetTables) {
  expect_all_rows(unet_table({}), "map_unet_sd15");
  expect_all_rows(unet_table({}), "map_unet_sd21");
  expect_all_rows(unet_table({2, {0, 1}}), "map_unet_sdxl");
  expect_all_rows(unet_table({1, {0, 1}}), "map_unet_tinyxl");
  expect_all_rows(unet_table({}), "map_controlnet_sd15");
  expect_all_rows(unet_table({}), "map_controlnet_sd21");
}

TEST(KeyMap, AgreesWithEveryRowOfTheVaeTable) {
  expect_all_rows(vae_table(), "map_vae");
}
TEST(KeyMap, AgreesWithEveryRowOfTheAdapterTables) {
  expect_all_rows(t2i_adapter_table(), "map_t2i_adapter");
  expect_all_rows(taesd_table(), "map_taesd");
}

TEST(KeyMap, ReadsTheLayoutOffTheKeys) {
  EXPECT_EQ(unet_layout(state_of_table("sd15_diffusers_unet")), UNetLayout{});
  EXPECT_EQ(unet_layout(state_of_table("sdxl_diffusers_unet")), (UNetLayout{2, {0, 1}}));
  EXPECT_EQ(unet_layout(state_of_table("tinyxl_unet_diffusers")), (UNetLayout{1, {0, 1}}));
}

TEST(KeyMap, ConvertsWholeUNetsBothWays) {
  const std::pair<const char*, const char*> kTables[] = {{"sd15_diffusers_unet", "sd15_original"},
                                                         {"sd21_diffusers_unet", "sd21_original"},
                                                         {"sdxl_diffusers_unet", "sdxl_original"}};
  for (const auto& [diffusers, original] : kTables) {
    SCOPED_TRACE(diffusers);
    const StateDict from = state_of_table(diffusers);
    const StateDict converted = unet_to_original(from, "test");
    expect_same(converted, original_of(original, "model.diffusion_model."));
    const StateDict back = unet_to_diffusers(converted, unet_layout(from), "test");
    expect_same(back, from);
    for (const auto& [key, tensor] : back) EXPECT_TRUE(tensor.is_same(from.at(key))) << key;
  }
}

TEST(KeyMap, ConvertsControlNets) {
  expect_same(unet_to_original(state_of_table("sd15_diffusers_controlnet"), "test"),
              original_of("control_v11_sd15_original", "control_model."));
  expect_same(unet_to_original(state_of_table("sd21_diffusers_controlnet"), "test"),
              original_of("control_sd21_original", "control_model."));
  const StateDict xl = unet_to_original(state_of_table("sdxl_diffusers_controlnet"), "test");
  EXPECT_TRUE(xl.contains("label_emb.0.0.weight"));
  EXPECT_TRUE(xl.contains("zero_convs.8.0.weight"));
  EXPECT_TRUE(xl.contains("middle_block_out.0.weight"));
}

TEST(KeyMap, ConvertsVaesOfBothNamings) {
  const StateDict original = original_of("sd15_original", "first_stage_model.");
  const StateDict now = state_of_table("sd15_diffusers_vae");
  expect_same(vae_to_original(now, "test"), original);
  expect_same(vae_to_original(state_of_table("sd15_diffusers_vae_legacy"), "test"), original);
  expect_same(vae_to_diffusers(original, "test"), now);
}

TEST(KeyMap, JoinsAndSplitsTheFusedAttentionOfOpenClip) {
  StateDict original;
  for (const auto& [key, tensor] : original_of("sdxl_original", "conditioner.embedders.1.model.")) {
    if (key != "logit_scale") original.emplace(key, tensor);
  }
  const StateDict transformers = openclip_to_transformers(original, "test");
  StateDict wanted = state_of_table("sdxl_diffusers_text_encoder_2");
  std::erase_if(wanted, [](const auto& entry) { return entry.first.ends_with("position_ids"); });
  expect_same(transformers, wanted);
  expect_same(openclip_to_original(wanted, "test"), original);
  for (const auto& row : read_table("map_openclip_g"))
    EXPECT_TRUE(transformers.contains(row[1])) << row[1];
}

TEST(KeyMap, TheRowsOfTheFusedAttentionAreQThenKThenV) {
  const at::Tensor fused = at::arange(12, at::kFloat).view({6, 2});
  const StateDict split =
      openclip_to_transformers({{"transformer.resblocks.1.attn.in_proj_weight", fused}}, "test");
  EXPECT_TRUE(at::equal(split.at("text_model.encoder.layers.1.self_attn.k_proj.weight"),
                        fused.narrow(0, 2, 2)));
  const StateDict joined = openclip_to_original(split, "test");
  EXPECT_TRUE(at::equal(joined.at("transformer.resblocks.1.attn.in_proj_weight"), fused));
}

TEST(KeyMap, RefusesQWithoutK) {
  EXPECT_THROW(
      openclip_to_original(
          {{"text_model.encoder.layers.1.self_attn.q_proj.weight", at::ones({2, 2})}}, "test"),
      Error);
}

TEST(KeyMap, TellsTheHalvesOfTaesdApart) {
  const StateDict whole = state_of_table("taesd_diffusers");
  StateDict both = taesd_to_diffusers(state_of_table("taesd_encoder_original"), "test");
  both.merge(taesd_to_diffusers(state_of_table("taesd_decoder_original"), "test"));
  expect_same(both, whole);
}

TEST(KeyMap, ConvertsT2iAdapters) {
  expect_same(t2i_adapter_to_original(state_of_table("t2i_adapter_sd15_diffusers"), "test"),
              state_of_table("t2i_adapter_sd15_original"));
}

TEST(KeyMap, CountsCrossAttentionsAsIpAdapterDoes) {
  const auto modules =
      cross_attention_modules(original_of("sd15_original", "model.diffusion_model."));
  ASSERT_EQ(modules.size(), 16u);
  const KeyTable table = unet_table({});
  for (const auto& row : read_table("map_ip_adapter_sd15")) {
    const auto number = std::stoul(split(row[0], '.')[1]);
    EXPECT_EQ(table.to_diffusers(modules[(number - 1) / 2]), row[1]);
  }
}

TEST(KeyMap, NamesAnUnknownWeight) {
  const Error error = error_of([&] {
    unet_to_original({{"down_blocks.0.resnets.0.norm1.weight", at::ones({1})},
                      {"surprise.weight", at::ones({1})}},
                     "file");
  });
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  EXPECT_EQ(error.where(), "file");
  EXPECT_NE(error.text().find("surprise.weight"), std::string::npos);
}

}  // namespace
}  // namespace zc
