// SPDX-License-Identifier: Apache-2.0
#include "pipelines/diffusers_export.h"

#include <unistd.h>

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>

#include "base/error.h"
#include "base/files.h"
#include "pipelines/base_model.h"
#include "pipelines/tiny_model.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

class DiffusersFolderOut : public ::testing::Test {
 protected:
  DiffusersFolderOut() { fs::create_directories(folder_); }
  ~DiffusersFolderOut() override { fs::remove_all(folder_); }

  // A ControlNet, and with `whole` a UNet and an autoencoder beside it.
  Checkpoint written(bool whole) const {
    const ModelConfig config = tiny_config();
    ControlNet control(config.unet);
    randomize(control, 4);
    StateDict state = state_of(control, kControlPrefix);
    UNet unet(config.unet);
    Vae vae(config.vae);
    if (whole) {
      randomize(unet, 5);
      randomize(vae, 6);
      state.merge(state_of(unet, kUNetPrefix));
      state.merge(state_of(vae, kVaePrefix));
    }
    const fs::path path = folder_ / (whole ? "whole.safetensors" : "control.safetensors");
    write_safetensors(
        path, state,
        {{std::string(kModelMetadataKey), to_json(config).dump()}, {"zeroconv.control", "canny"}});
    return open_checkpoint(path);
  }

  static void expect_equal(const StateDict& have, const StateDict& wanted) {
    EXPECT_EQ(have.size(), wanted.size());
    for (const auto& [key, value] : wanted) {
      const auto found = have.find(key);
      ASSERT_NE(found, have.end()) << key;
      EXPECT_TRUE(at::equal(found->second, value)) << key;
    }
  }

  const fs::path folder_ = fs::temp_directory_path() /
                           ("zc_diffusers_" + std::to_string(reinterpret_cast<uintptr_t>(this)) +
                            "_" + std::to_string(::getpid()));
};

TEST_F(DiffusersFolderOut, AControlNetComesBackEqual) {
  const Checkpoint source = written(false);
  const fs::path out = folder_ / "out";
  EXPECT_EQ(write_diffusers_folder(out, source), std::vector<std::string>{""});
  const Checkpoint back = open_checkpoint(out);
  expect_equal(back.tensors, source.tensors);
  EXPECT_EQ(back.metadata.at("zeroconv.control"), "canny");
  EXPECT_EQ(back.probe.parts.front().layout, KeyLayout::diffusers);
  EXPECT_EQ(control_unet_config(back), tiny_config().unet);
}

TEST_F(DiffusersFolderOut, EachPartOfAWholeModelComesBackEqual) {
  const Checkpoint source = written(true);
  const fs::path out = folder_ / "out";
  EXPECT_EQ(write_diffusers_folder(out, source),
            (std::vector<std::string>{"controlnet", "unet", "vae"}));
  StateDict back;
  for (const char* part : {"controlnet", "unet", "vae"})
    back.merge(open_checkpoint(out / part).tensors);
  expect_equal(back, source.tensors);
}

TEST_F(DiffusersFolderOut, AFolderThatExistsIsNotTouched) {
  const Checkpoint source = written(false);
  fs::create_directories(folder_ / "out");
  try {
    write_diffusers_folder(folder_ / "out", source);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_request);
    EXPECT_EQ(error.where(), (folder_ / "out").string());
  }
  EXPECT_TRUE(fs::is_empty(folder_ / "out"));
}

TEST_F(DiffusersFolderOut, AFileWithoutSuchPartsIsRefused) {
  Checkpoint nothing = written(false);
  nothing.tensors.clear();
  EXPECT_THROW(write_diffusers_folder(folder_ / "out", nothing), Error);
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

// The fields of lllyasviel/sd-controlnet-canny and of the SD2.1 UNet that name the architecture.
TEST(DiffusersConfig, IsThatOfThePublishedModels) {
  const auto canny = diffusers_control_config(sd15_unet(), "x");
  EXPECT_EQ(canny.at("attention_head_dim"), 8);
  EXPECT_EQ(canny.at("block_out_channels"), (std::vector<int64_t>{320, 640, 1280, 1280}));
  EXPECT_EQ(canny.at("conditioning_embedding_out_channels"),
            (std::vector<int64_t>{16, 32, 96, 256}));
  EXPECT_EQ(canny.at("down_block_types"),
            (std::vector<std::string>{"CrossAttnDownBlock2D", "CrossAttnDownBlock2D",
                                      "CrossAttnDownBlock2D", "DownBlock2D"}));
  EXPECT_EQ(canny.at("transformer_layers_per_block"), 1);
  const auto sd21 = diffusers_unet_config(sd21_unet(), 768, "x");
  EXPECT_EQ(sd21.at("attention_head_dim"), (std::vector<int64_t>{5, 10, 20, 20}));
  EXPECT_EQ(sd21.at("up_block_types").front(), "UpBlock2D");
  EXPECT_EQ(sd21.at("sample_size"), 96);
  const auto sdxl = diffusers_control_config(sdxl_unet(), "x");
  EXPECT_EQ(sdxl.at("transformer_layers_per_block"), (std::vector<int64_t>{1, 2, 10}));
  EXPECT_EQ(sdxl.at("projection_class_embeddings_input_dim"), 2816);
}

TEST(DiffusersConfig, WhatDiffusersCannotSayIsRefused) {
  UNetConfig odd = sd15_unet();
  odd.hint_widths = {8, 16, 32, 32, 96, 96, 256};
  EXPECT_THROW(diffusers_control_config(odd, "x"), Error);
  odd = sd15_unet();
  odd.transformer_depth = {1, 1, 1, 2};
  EXPECT_THROW(diffusers_unet_config(odd, 512, "x"), Error);
}

CheckpointInfo header_of(ModelFamily family, int64_t latent_channels) {
  CheckpointInfo info;
  info.path = "base.safetensors";
  info.probe.family = family;
  info.probe.parts = {{PartKind::unet, KeyLayout::original, "model.diffusion_model."}};
  info.probe.latent_channels = latent_channels;
  return info;
}

TEST(BaseModel, IsKnownByItsFamily) {
  EXPECT_EQ(base_model_config(header_of(ModelFamily::sd15, 4)).name, "sd15");
  CheckpointInfo second = header_of(ModelFamily::sd21, 4);
  second.prediction_type = "v_prediction";
  const ModelConfig config = base_model_config(second);
  EXPECT_EQ(config.text_kind, TextKind::openclip);
  EXPECT_EQ(config.prediction, ModelPrediction::v);
}

TEST(BaseModel, OtherFamiliesAndInpaintingAreRefused) {
  for (const auto& info : {header_of(ModelFamily::sdxl, 4), header_of(ModelFamily::unknown, 4),
                           header_of(ModelFamily::sd15, 9)}) {
    try {
      base_model_config(info);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::unsupported);
      EXPECT_EQ(error.where(), "base.safetensors");
    }
  }
}

TEST(BaseModel, ItsPredictionCanBeToldBySomeoneWhoKnows) {
  ModelConfig config = sd21_model();
  set_prediction(config, "auto");
  EXPECT_EQ(config.prediction, ModelPrediction::epsilon);
  set_prediction(config, "v");
  EXPECT_EQ(config.prediction, ModelPrediction::v);
  EXPECT_THROW(set_prediction(config, "x0"), Error);
}

}  // namespace
}  // namespace zc
