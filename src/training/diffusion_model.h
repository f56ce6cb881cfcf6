// SPDX-License-Identifier: Apache-2.0
// A whole model as training needs it: every part with its weights, in files of our own format.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "formats/safetensors.h"
#include "image/image.h"
#include "models/model_config.h"
#include "models/unet.h"

namespace zc {

struct DiffusionModel {
  ModelConfig config;
  std::unique_ptr<UNet> unet;
  std::unique_ptr<ClipTextEncoder> text;
  std::unique_ptr<Vae> vae;
  at::Tensor token_ids;  // limited vocabularies only
};

// Reads the parts that the file holds; the others stay nullptr. Quantised files come out as
// float32. Throws not_found or bad_file (no description of the model inside, tensors missing).
DiffusionModel read_diffusion_model(const std::filesystem::path& path);

// Writes the parts that are there, float32, with the model's description.
void write_diffusion_model(const std::filesystem::path& path, const DiffusionModel& model);

// The latent that the UNet works on, sampled from the VAE's moments: scale * (mean + std * noise).
at::Tensor sample_latent(const at::Tensor& moments, double scale_factor, at::Generator& generator);

// RGB pictures of one size -> [B,3,H,W] in [-1,1]; and back, clipped and truncated as the reference
// does.
at::Tensor images_to_tensor(const std::vector<Image>& images);
std::vector<Image> tensor_to_images(const at::Tensor& x);

}  // namespace zc
