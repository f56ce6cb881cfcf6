// SPDX-License-Identifier: Apache-2.0
// A whole model as training needs it: every part with its weights, out of any file that holds one.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "formats/safetensors.h"
#include "image/image.h"
#include "models/model_config.h"
#include "models/unet.h"
#include "training/keyed_noise.h"

namespace zc {

struct DiffusionModel {
  ModelConfig config;
  std::unique_ptr<UNet> unet;
  // At most one of the two, as config.text_kind says.
  std::unique_ptr<ClipTextEncoder> text;
  std::unique_ptr<OpenClipTextEncoder> openclip;
  std::unique_ptr<Vae> vae;
  at::Tensor token_ids;  // limited vocabularies only

  // Whichever text encoder there is, or nullptr.
  Module* text_module() const;
  // ids int64 [B,T] of encode_prompts() -> [B,T,D], of the layer that the configuration names.
  at::Tensor text_forward(const at::Tensor& ids) const;
};

struct ReadModelOptions {
  // Of the weights: as they lie in the file, "fp32", or "fp16", which takes half the memory. They
  // compute in the precision of what they meet (Parameter::as).
  std::string base_precision = "file";
  std::string prediction = "auto";  // or "epsilon", "v": SD2.x files often do not tell
};

// Reads the parts that the file or diffusers folder holds; the others stay nullptr. Known are the
// models of zeroconv, SD1.x and SD2.x. Quantised files come out as float32. Weights may be views of
// the mapped file and must not be written to: set_trainable() and set_locked() make copies. Throws
// not_found, bad_file (broken, tensors missing), unsupported (SDXL and other families) or
// bad_request (an option).
DiffusionModel read_diffusion_model(const std::filesystem::path& path,
                                    const ReadModelOptions& options = {});

// Writes the parts that are there, in the precision that they have, with the model's description.
void write_diffusion_model(const std::filesystem::path& path, const DiffusionModel& model);

// The latent that the UNet works on, sampled from the VAE's moments: scale * (mean + std * noise).
at::Tensor sample_latent(const at::Tensor& moments, double scale_factor, at::Generator& generator);
// With noise that depends on each sample's place alone (RandomUse::latent).
at::Tensor sample_latent(const at::Tensor& moments, double scale_factor, const BatchPlace& place);

// RGB pictures of one size -> [B,3,H,W] in [-1,1]; and back, clipped and truncated as the reference
// does.
at::Tensor images_to_tensor(const std::vector<Image>& images);
std::vector<Image> tensor_to_images(const at::Tensor& x);

}  // namespace zc
