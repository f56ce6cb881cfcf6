// SPDX-License-Identifier: Apache-2.0
#include "formats/checkpoint.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "base/files.h"
#include "base/text.h"
#include "formats/loader_cases.h"
#include "formats/quantized.h"
#include "formats/weights_file.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

// A published file in small: its names, and its dimensions cut to two where the width of the text
// does not show.
StateDict small_model(const std::string& table) {
  std::ifstream file(fs::path(ZC_SOURCE_DIR) / "tests/parity/data/core/keys" / (table + ".tsv"));
  EXPECT_TRUE(file.good()) << table;
  StateDict state;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const auto row = split(line, '\t');
    std::vector<int64_t> shape;
    if (!row[2].empty()) {
      for (const std::string& size : split(row[2], ','))
        shape.push_back(std::min<int64_t>(std::stoll(size), 2));
      const auto last = split(row[2], ',').back();
      if (row[0].ends_with("attn2.to_k.weight") || row[0].ends_with("token_embedding.weight"))
        shape.back() = std::stoll(last);
    }
    const double number = static_cast<double>(state.size() % 2048);  // exact in float16
    state.emplace(
        row[0], at::full(shape, number, row[0].ends_with("position_ids") ? at::kLong : at::kHalf));
  }
  return state;
}

StateDict part(const StateDict& state, const std::string& prefix) {
  StateDict result;
  for (const auto& [key, tensor] : state) {
    if (key.starts_with(prefix)) result.emplace(key, tensor);
  }
  return result;
}

void expect_same_names(const StateDict& have, const StateDict& wanted) {
  EXPECT_EQ(have.size(), wanted.size());
  for (const auto& [key, tensor] : wanted) {
    const auto found = have.find(key);
    ASSERT_NE(found, have.end()) << key;
    EXPECT_EQ(found->second.dim(), tensor.dim()) << key;
  }
}

class CheckpointFile : public ::testing::Test {
 protected:
  CheckpointFile() { fs::create_directories(folder_); }
  ~CheckpointFile() override { fs::remove_all(folder_); }

  fs::path write(const fs::path& name, const StateDict& state,
                 const Metadata& metadata = {}) const {
    fs::create_directories((folder_ / name).parent_path());
    write_safetensors(folder_ / name, state, metadata);
    return folder_ / name;
  }
  void write_text(const fs::path& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    write_file_atomically(folder_ / name, text);
  }

  const fs::path folder_ = fs::temp_directory_path() /
                           ("zc_checkpoint_" + std::to_string(reinterpret_cast<uintptr_t>(this)) +
                            "_" + std::to_string(::getpid()));
};

TEST_F(CheckpointFile, AWholeCheckpointKeepsItsNames) {
  const StateDict state = small_model("sd15_original");
  const Checkpoint checkpoint = open_checkpoint(write("model.safetensors", state));
  expect_same_names(checkpoint.tensors, state);
  EXPECT_EQ(checkpoint.probe.family, ModelFamily::sd15);
  EXPECT_EQ(checkpoint.tensors.at("betas").scalar_type(), at::kHalf);
}

TEST_F(CheckpointFile, ADiffusersFolderGetsTheOriginalNames) {
  write("unet/diffusion_pytorch_model.safetensors", small_model("sd15_diffusers_unet"));
  write("vae/diffusion_pytorch_model.safetensors", small_model("sd15_diffusers_vae_legacy"));
  write("text_encoder/model.safetensors", small_model("sd15_diffusers_text_encoder"));
  write_text(
      "model_index.json",
      R"({"_class_name":"StableDiffusionPipeline","unet":["diffusers","UNet2DConditionModel"],
    "vae":["diffusers","AutoencoderKL"],"text_encoder":["transformers","CLIPTextModel"],"safety_checker":[null,null],
    "scheduler":["diffusers","PNDMScheduler"]})");
  write_text("scheduler/scheduler_config.json", R"({"prediction_type":"v_prediction"})");
  const Checkpoint checkpoint = open_checkpoint(folder_);
  const StateDict original = small_model("sd15_original");
  for (const std::string prefix :
       {"model.diffusion_model.", "first_stage_model.", "cond_stage_model."}) {
    SCOPED_TRACE(prefix);
    expect_same_names(part(checkpoint.tensors, prefix), part(original, prefix));
  }
  EXPECT_EQ(checkpoint.probe.family, ModelFamily::sd15);
  EXPECT_EQ(checkpoint.prediction_type, "v_prediction");
  const CheckpointInfo info = inspect_checkpoint(folder_);
  EXPECT_EQ(info.format, "diffusers folder");
  EXPECT_EQ(info.probe.description, checkpoint.probe.description);
  EXPECT_GT(info.bytes, 10000u);
}

TEST_F(CheckpointFile, AnSdxlFolderKeepsItsTwoTextEncodersApart) {
  write("unet/diffusion_pytorch_model.fp16.safetensors", small_model("sdxl_diffusers_unet"));
  write("text_encoder/model.fp16.safetensors", small_model("sdxl_diffusers_text_encoder"));
  StateDict second = small_model("sdxl_diffusers_text_encoder_2");
  write("text_encoder_2/model.fp16.safetensors", second);
  write_text(
      "model_index.json",
      R"({"unet":["diffusers","UNet2DConditionModel"],"text_encoder":["transformers","CLIPTextModel"],
    "text_encoder_2":["transformers","CLIPTextModelWithProjection"]})");
  const Checkpoint checkpoint = open_checkpoint(folder_);
  StateDict original = small_model("sdxl_original");
  original.erase("conditioner.embedders.1.model.logit_scale");
  for (const std::string prefix :
       {"model.diffusion_model.", "conditioner.embedders.0.", "conditioner.embedders.1."}) {
    SCOPED_TRACE(prefix);
    expect_same_names(part(checkpoint.tensors, prefix), part(original, prefix));
  }
  EXPECT_EQ(checkpoint.probe.family, ModelFamily::sdxl);
}

TEST_F(CheckpointFile, AControlNetIsFoundWithAndWithoutItsPrefix) {
  const StateDict original = small_model("control_v11_sd15_original");
  const auto prefixed = write("a.safetensors", original);
  const auto bare = write("b.safetensors", with_prefix_removed(original, "control_model."));
  const auto diffusers = write("c.safetensors", small_model("sd15_diffusers_controlnet"));
  for (const fs::path& path : {prefixed, bare, diffusers}) {
    SCOPED_TRACE(path.string());
    const Checkpoint checkpoint = open_checkpoint(path);
    expect_same_names(checkpoint.tensors, original);
    EXPECT_TRUE(checkpoint.probe.has(PartKind::control));
  }
}

TEST_F(CheckpointFile, AVaeAloneLosesTheLossNetworkOfItsTraining) {
  StateDict vae = with_prefix_removed(small_model("sd15_original"), "first_stage_model.");
  vae.emplace("loss.logvar", at::zeros({}));
  const Checkpoint checkpoint = open_checkpoint(write("vae.safetensors", vae));
  expect_same_names(checkpoint.tensors, part(small_model("sd15_original"), "first_stage_model."));
}

TEST_F(CheckpointFile, TheTextEncoderOfSd21GetsOpenClipsNames) {
  const Checkpoint checkpoint =
      open_checkpoint(write("text.safetensors", small_model("sd21_diffusers_text_encoder")));
  EXPECT_TRUE(checkpoint.tensors.contains(
      "cond_stage_model.model.transformer.resblocks.22.attn.in_proj_weight"));
  EXPECT_FALSE(checkpoint.tensors.contains(
      "cond_stage_model.model.transformer.resblocks.23.attn.in_proj_weight"));
}

TEST_F(CheckpointFile, AddsTheMissingPartOfSomeTextEncodersNames) {
  StateDict state;
  for (auto& [key, tensor] : small_model("sd15_original")) {
    const std::string_view with = "cond_stage_model.transformer.text_model.";
    state.emplace(
        key.starts_with(with) ? "cond_stage_model.transformer." + key.substr(with.size()) : key,
        tensor);
  }
  expect_same_names(open_checkpoint(write("m.safetensors", state)).tensors,
                    small_model("sd15_original"));
}

TEST_F(CheckpointFile, LorasKeepTheirNames) {
  const StateDict lora = small_model("lora_sd15_kohya");
  expect_same_names(open_checkpoint(write("l.safetensors", lora)).tensors, lora);
}

TEST_F(CheckpointFile, EightBitWeightsComeBackAsFloats) {
  const StateDict weights = {
      {"model.diffusion_model.input_blocks.0.0.weight", at::randn({4, 4, 3, 3})},
      {"model.diffusion_model.input_blocks.0.0.bias", at::ones({4})}};
  const auto path = write("builtin.safetensors", quantize(weights),
                          {{kQuantizationKey, kInt8Channel}, {"zeroconv.model", "{}"}});
  const Checkpoint checkpoint = open_checkpoint(path);
  expect_same_names(checkpoint.tensors, weights);
  EXPECT_EQ(checkpoint.probe.family, ModelFamily::built_in);
  EXPECT_EQ(checkpoint.probe.parameters, 4 * 36 + 4);
  for (const auto& [key, tensor] : checkpoint.tensors)
    EXPECT_EQ(tensor.scalar_type(), at::kFloat) << key;
}

TEST_F(CheckpointFile, RefusesWeightsOfNoModelThatItKnows) {
  const auto path = write("x.safetensors", {{"some.layer.weight", at::ones({2})}});
  const Error error = error_of([&] { open_checkpoint(path); });
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  EXPECT_EQ(error.where(), path.string());
  EXPECT_NE(error.text().find("some.layer.weight"), std::string::npos);
  EXPECT_TRUE(inspect_checkpoint(path).probe.parts.empty());
}

TEST_F(CheckpointFile, AMissingFileIsNotFound) {
  for (const fs::path& path : {folder_ / "none.safetensors", folder_ / "none"}) {
    EXPECT_EQ(error_of([&] { open_checkpoint(path); }).kind(), ErrorKind::not_found);
  }
  EXPECT_THROW(open_checkpoint(folder_), Error);  // a folder without weights
}

TEST_F(CheckpointFile, ReadsEveryGoodFile) {
  const auto expected = read_expectations(loader_folder() / "good/expected.json");
  for (const auto& [name, entry] : expected.items()) {
    SCOPED_TRACE(name);
    const Weights weights = read_weights(loader_folder() / "good" / name);
    expect_tensors(weights.tensors, entry.at("tensors"));
    EXPECT_EQ(read_weights_directory(loader_folder() / "good" / name).tensors.size(),
              weights.tensors.size());
    EXPECT_EQ(inspect_checkpoint(loader_folder() / "good" / name).tensors.size(),
              weights.tensors.size());
  }
}

TEST_F(CheckpointFile, RefusesEveryHostileFile) {
  const auto expected = read_expectations(loader_folder() / "hostile/expected.json");
  for (const auto& [name, entry] : expected.items()) {
    SCOPED_TRACE(name);
    const std::string expect = entry.at("expect");
    const auto check = [&](auto&& open) {
      try {
        open(loader_folder() / "hostile" / name);
        EXPECT_NE(expect, "reject");
      } catch (const Error& error) {
        EXPECT_NE(expect, "load_and_report") << error.what();
        EXPECT_NE(error.where().find(name), std::string::npos);
      }
    };
    check([](const fs::path& path) { read_weights(path); });
    // Looking without reading the weights need not find damage in them.
    if (name.starts_with("st_") || name.starts_with("pickle_"))
      check([](const fs::path& path) { inspect_checkpoint(path); });
  }
  EXPECT_FALSE(fs::exists("hostile_marker_created"));
}

TEST_F(CheckpointFile, ShardsMustHoldWhatTheIndexSays) {
  write("s1.safetensors", {{"a", at::ones({2})}});
  const auto index = folder_ / "model.safetensors.index.json";
  write_text("model.safetensors.index.json",
             R"({"weight_map":{"a":"s1.safetensors","b":"s1.safetensors"}})");
  EXPECT_THROW(read_weights(index), Error);
  EXPECT_THROW(read_weights_directory(index), Error);
  write_text("model.safetensors.index.json", R"({"weight_map":{"a":"s1.safetensors"}})");
  EXPECT_EQ(read_weights(index).tensors.size(), 1u);
}

TEST_F(CheckpointFile, ShardsMustLieInTheFolderOfTheIndex) {
  write("outside.safetensors", {{"a", at::ones({2})}});
  const auto index = folder_ / "inner" / "model.safetensors.index.json";
  for (const std::string shard : {"../outside.safetensors", "/etc/passwd", "", "sub/x.safetensors",
                                  "model.safetensors.index.json"}) {
    write_text("inner/model.safetensors.index.json", R"({"weight_map":{"a":")" + shard + R"("}})");
    try {
      read_weights(index);
      FAIL() << shard;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_file) << shard;
    }
  }
}

TEST_F(CheckpointFile, AnIndexThatIsNoIndexIsRefused) {
  for (const std::string text : {"", "[]", "{}", R"({"weight_map":[]})",
                                 R"({"weight_map":{"a":1}})", R"({"weight_map":{}})"}) {
    write_text("model.safetensors.index.json", text);
    EXPECT_THROW(read_weights(folder_ / "model.safetensors.index.json"), Error) << text;
  }
}

}  // namespace
}  // namespace zc
