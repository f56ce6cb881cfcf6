// SPDX-License-Identifier: Apache-2.0
// The architecture of a whole latent diffusion model: known families, and the JSON in which our own
// files carry it.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <string_view>

#include "models/text_encoder.h"
#include "models/unet_blocks.h"
#include "models/vae.h"

namespace zc {

enum class TextKind { clip, openclip };
enum class ModelPrediction { epsilon, v };

struct ModelConfig {
  std::string name;  // "sd15", "sd21", "toyworld", ...
  UNetConfig unet;
  VaeConfig vae;
  TextConfig text;
  TextKind text_kind = TextKind::clip;
  TextLayer text_layer = TextLayer::last;
  int64_t text_pad_id = 49407;  // 0 for OpenCLIP
  ModelPrediction prediction = ModelPrediction::epsilon;
  int64_t image_size = 512;  // side of the training pictures
  // The text encoder knows only the ids listed in the tensor kTokenIdsKey; row 0 stands for all
  // others.
  bool limited_vocabulary = false;
  std::optional<double> cfg;  // guidance strength that suits it; unset: the apps' defaults
};

ModelConfig sd15_model();
ModelConfig sd21_model();
// The built-in model: the classes of SD1.5 with smaller numbers, trained on toy world.
ModelConfig toyworld_model();

// Where the parts of a checkpoint in the original layout lie.
inline constexpr std::string_view kUNetPrefix = "model.diffusion_model.";
inline constexpr std::string_view kControlPrefix = "control_model.";
inline constexpr std::string_view kVaePrefix = "first_stage_model.";
inline constexpr std::string_view kClipPrefix = "cond_stage_model.transformer.text_model.";
inline constexpr std::string_view kOpenClipPrefix = "cond_stage_model.model.";
// int32 [rows]: the CLIP id of each row of the token embedding (limited_vocabulary only); entry 0
// is -1.
inline constexpr std::string_view kTokenIdsKey = "cond_stage_model.token_ids";
// Metadata key of our safetensors files that holds to_json(ModelConfig).
inline constexpr std::string_view kModelMetadataKey = "zeroconv.model";

nlohmann::json to_json(const ModelConfig& config);
// Throws bad_file naming `where` and the field.
ModelConfig model_config_from_json(const nlohmann::json& json, const std::string& where);

// ids int64 [B,T] of CLIP -> rows of the limited table; token_ids as under kTokenIdsKey.
at::Tensor map_token_ids(const at::Tensor& ids, const at::Tensor& token_ids);

}  // namespace zc
