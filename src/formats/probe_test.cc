// SPDX-License-Identifier: Apache-2.0
#include "formats/probe.h"

#include <fstream>
#include <limits>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "formats/loader_cases.h"
#include "formats/torch_file.h"

namespace zc {
namespace {

std::vector<TensorInfo> table(const std::string& name) {
  std::ifstream file(std::filesystem::path(ZC_SOURCE_DIR) / "tests/parity/data/core/keys" /
                     (name + ".tsv"));
  EXPECT_TRUE(file.good()) << name;
  std::vector<TensorInfo> directory;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const auto row = split(line, '\t');
    TensorInfo info{row[0], dtype_from_safetensors(row[1]).value(), {}, 0, 0};
    if (!row[2].empty()) {
      for (const std::string& size : split(row[2], ',')) info.shape.push_back(std::stoll(size));
    }
    directory.push_back(std::move(info));
  }
  return directory;
}

struct Expected {
  const char* table;
  ModelFamily family;
  std::vector<PartKind> parts;
  KeyLayout layout;
};

TEST(Probe, KnowsEveryPublishedFile) {
  using enum PartKind;
  using enum KeyLayout;
  const Expected kFiles[] = {
      {"sd15_original", ModelFamily::sd15, {unet, vae, clip_text}, original},
      {"sd15_inpainting_original", ModelFamily::sd15, {unet, vae, clip_text}, original},
      {"sd21_original", ModelFamily::sd21, {unet, vae, openclip_text}, original},
      {"sdxl_original", ModelFamily::sdxl, {unet, vae, clip_text, openclip_text}, original},
      {"control_sd15_original", ModelFamily::sd15, {unet, control, vae, clip_text}, original},
      {"control_v11_sd15_original", ModelFamily::sd15, {control}, original},
      {"control_sd21_original", ModelFamily::sd21, {unet, control, vae, openclip_text}, original},
      {"sd15_diffusers_unet", ModelFamily::sd15, {unet}, diffusers},
      {"sd21_diffusers_unet", ModelFamily::sd21, {unet}, diffusers},
      {"sdxl_diffusers_unet", ModelFamily::sdxl, {unet}, diffusers},
      {"sd15_diffusers_controlnet", ModelFamily::sd15, {control}, diffusers},
      {"sd21_diffusers_controlnet", ModelFamily::sd21, {control}, diffusers},
      {"sdxl_diffusers_controlnet", ModelFamily::sdxl, {control}, diffusers},
      {"sd15_diffusers_vae", ModelFamily::unknown, {vae}, diffusers},
      {"sd15_diffusers_vae_legacy", ModelFamily::unknown, {vae}, diffusers},
      {"sd15_diffusers_text_encoder", ModelFamily::unknown, {clip_text}, diffusers},
      {"sd21_diffusers_text_encoder", ModelFamily::sd21, {openclip_text}, diffusers},
      {"sdxl_diffusers_text_encoder_2", ModelFamily::unknown, {openclip_text}, diffusers},
      {"lora_sd15_kohya", ModelFamily::sd15, {lora}, kohya},
      {"lora_sd15_peft", ModelFamily::sd15, {lora}, peft},
      {"lora_sd15_diffusers_legacy", ModelFamily::sd15, {lora}, diffusers_lora},
      {"t2i_adapter_sd15_original", ModelFamily::unknown, {t2i_adapter}, original},
      {"t2i_adapter_sd15_diffusers", ModelFamily::unknown, {t2i_adapter}, diffusers},
      {"ip_adapter_sd15", ModelFamily::sd15, {ip_adapter}, original},
      {"taesd_diffusers", ModelFamily::unknown, {taesd}, diffusers},
      {"taesd_encoder_original", ModelFamily::unknown, {taesd}, original},
      {"taesd_decoder_original", ModelFamily::unknown, {taesd}, original},
  };
  for (const Expected& expected : kFiles) {
    SCOPED_TRACE(expected.table);
    const ModelProbe probe = probe_model(table(expected.table), {});
    EXPECT_EQ(family_name(probe.family), family_name(expected.family));
    ASSERT_EQ(probe.parts.size(), expected.parts.size()) << probe.description;
    for (const PartKind kind : expected.parts) EXPECT_TRUE(probe.has(kind)) << part_name(kind);
    for (const ModelPart& part : probe.parts)
      EXPECT_EQ(layout_name(part.layout), layout_name(expected.layout));
    if (std::getenv("ZC_SHOW_PROBES") != nullptr)
      std::printf("%s: %s\n", expected.table, probe.description.c_str());
  }
}

TEST(Probe, CountsParametersAndChannels) {
  const ModelProbe inpainting = probe_model(table("sd15_inpainting_original"), {});
  EXPECT_TRUE(inpainting.inpainting());
  EXPECT_EQ(inpainting.context_width, 768);
  const ModelProbe unet = probe_model(table("sd15_diffusers_unet"), {});
  EXPECT_EQ(unet.parameters, 859520964);
  EXPECT_EQ(unet.latent_channels, 4);
  EXPECT_EQ(probe_model(table("sdxl_original"), {}).dtype, at::kHalf);
}

TEST(Probe, FindsAPartWithoutItsPrefix) {
  std::vector<TensorInfo> bare = table("control_v11_sd15_original");
  for (TensorInfo& info : bare) info.name.erase(0, std::string_view("control_model.").size());
  const ModelProbe probe = probe_model(bare, {});
  ASSERT_EQ(probe.parts.size(), 1u);
  EXPECT_EQ(probe.parts[0].kind, PartKind::control);
  EXPECT_EQ(probe.parts[0].prefix, "");
}

TEST(Probe, KnowsAModelOfOurOwnByItsMetadata) {
  const ModelProbe probe = probe_model(table("tiny_unet"), {{"zeroconv.model", "{}"}});
  EXPECT_EQ(probe.family, ModelFamily::built_in);
  EXPECT_EQ(probe.built_in, "{}");
}

TEST(Probe, SaysThatItDoesNotKnowAFile) {
  const ModelProbe probe = probe_model(std::vector<TensorInfo>{{"x", at::kFloat, {3}, 0, 0}}, {});
  EXPECT_TRUE(probe.parts.empty());
  EXPECT_NE(probe.description.find("no model that we know"), std::string::npos);
  EXPECT_EQ(probe_model({}, {}).parameters, 0);
}

TEST(Probe, NamesTheTensorsThatAreNotFinite) {
  for (const char* name : {"nan_weights.safetensors", "nan_weights.pth"}) {
    const auto path = loader_folder() / "hostile" / name;
    const StateDict state =
        path.extension() == ".pth" ? read_torch_file(path) : read_safetensors(path).tensors;
    const auto found = find_non_finite(state);
    ASSERT_FALSE(found.empty()) << name;
    EXPECT_GT(found[0].count, 0);
    EXPECT_TRUE(state.contains(found[0].key));
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const StateDict state = {
      {"good", at::ones({3})},
      {"half", at::tensor({1.0f, nan}).to(at::kHalf)},
      {"ids", at::arange(3)},
      {"inf", at::full({2, 2}, std::numeric_limits<double>::infinity(), at::kDouble)}};
  const auto found = find_non_finite(state);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].key, "half");
  EXPECT_EQ(found[0].count, 1);
  EXPECT_EQ(found[1].count, 4);
}

}  // namespace
}  // namespace zc
