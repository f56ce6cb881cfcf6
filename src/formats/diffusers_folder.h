// SPDX-License-Identifier: Apache-2.0
// Folders as diffusers and transformers write them: a pipeline with its parts, or one part alone.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace zc {

// One network of the folder that we can use.
struct DiffusersPart {
  std::string
      name;  // "unet", "vae", "text_encoder", "text_encoder_2", "controlnet"; "" for a part alone
  std::string class_name;         // "UNet2DConditionModel", ...; "" if config.json does not tell
  std::filesystem::path weights;  // a file, or the index of its shards
};

struct DiffusersFolder {
  std::string pipeline_class;  // of model_index.json; "" for a part alone
  std::vector<DiffusersPart> parts;
  std::string prediction_type;  // of the scheduler: "epsilon", "v_prediction" or ""
};

// True when the folder holds a model_index.json or a config.json.
bool is_diffusers_folder(const std::filesystem::path& folder);

// Finds the parts without reading weights. Only files inside the folder are looked at. Throws
// not_found, naming the files that were looked for, when a part has no weights, and bad_file for
// JSON that is broken.
DiffusersFolder open_diffusers_folder(const std::filesystem::path& folder);

// config.json of a part; an empty object if there is none.
nlohmann::json read_part_config(const std::filesystem::path& folder);

}  // namespace zc
