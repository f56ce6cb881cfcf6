// SPDX-License-Identifier: Apache-2.0
// Writes networks in the layout of diffusers: a folder with config.json and
// diffusion_pytorch_model.safetensors for each, as from_pretrained() reads it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "formats/checkpoint.h"
#include "models/model_config.h"

namespace zc {

// The config.json of a ControlNetModel, a UNet2DConditionModel and an AutoencoderKL. Throws
// unsupported for an architecture that diffusers cannot express. image_size: of the training
// pictures.
nlohmann::json diffusers_control_config(const UNetConfig& unet, const std::string& where);
nlohmann::json diffusers_unet_config(const UNetConfig& unet, int64_t image_size,
                                     const std::string& where);
nlohmann::json diffusers_vae_config(const VaeConfig& vae, int64_t image_size);

// Writes what the file holds of ControlNet, UNet and autoencoder: a single one into `folder`,
// several into folder/controlnet, folder/unet, folder/vae (text encoders, tokenizer and scheduler
// are not written). The metadata stays, so that a model of zeroconv is known again. Returns the
// names of the parts ("" for a single one). The folder appears when it is complete. Throws
// bad_request when it exists, unsupported when there is nothing to write, io.
std::vector<std::string> write_diffusers_folder(const std::filesystem::path& folder,
                                                const Checkpoint& file);

}  // namespace zc
