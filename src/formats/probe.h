// SPDX-License-Identifier: Apache-2.0
// What a file of weights is, told from the names and shapes in it alone.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/safetensors.h"
#include "tensor/state_dict.h"

namespace zc {

enum class ModelFamily { unknown, sd15, sd21, sdxl, built_in };
enum class PartKind {
  unet,
  control,
  vae,
  clip_text,
  openclip_text,
  lora,
  t2i_adapter,
  ip_adapter,
  taesd,
  embedding
};
enum class KeyLayout { original, diffusers, kohya, peft, diffusers_lora };

// Spelled as the enumerator.
std::string_view family_name(ModelFamily family);
std::string_view part_name(PartKind part);
std::string_view layout_name(KeyLayout layout);

struct ModelPart {
  PartKind kind = PartKind::unet;
  KeyLayout layout = KeyLayout::original;
  std::string prefix;  // what stands before the part's own keys in this file
};

struct ModelProbe {
  ModelFamily family = ModelFamily::unknown;
  std::vector<ModelPart> parts;
  int64_t latent_channels =
      0;  // that the UNet takes: 4, 9 for inpainting, 8 for InstructPix2Pix; 0: no UNet
  int64_t context_width =
      0;  // of the text features that the UNet, ControlNet or adapter takes; 0: not known
  at::ScalarType dtype = at::kFloat;  // of most bytes
  int64_t parameters = 0;             // elements of all floating-point (and quantized) tensors
  std::string built_in;               // metadata that describes a model of our own, or ""
  std::string description;            // one line for people

  bool has(PartKind kind) const;
  bool inpainting() const { return latent_channels == 9; }
};

// Never throws: a file that is nothing we know has no parts, and a description that says so.
ModelProbe probe_model(std::span<const TensorInfo> tensors, const Metadata& metadata);

// Of several files that make up one model, as in a diffusers folder.
ModelProbe merge_probes(std::span<const ModelProbe> parts);

// Names, types and shapes of tensors in memory.
std::vector<TensorInfo> directory_of(const StateDict& state);

struct NonFinite {
  std::string key;
  int64_t count = 0;  // elements that are NaN or infinite
};

// The tensors with values that are NaN or infinite, in the order of their names.
std::vector<NonFinite> find_non_finite(const StateDict& state);

}  // namespace zc
