// SPDX-License-Identifier: Apache-2.0
#include "formats/probe.h"

#include <algorithm>
#include <array>
#include <map>

#include <ATen/ATen.h>
#include <fmt/format.h>

namespace zc {
namespace {

// Names in order, for questions about prefixes.
class Directory {
 public:
  explicit Directory(std::span<const TensorInfo> tensors) {
    for (const TensorInfo& info : tensors) by_name_.emplace(info.name, &info);
  }

  bool has(const std::string& name) const { return by_name_.contains(name); }
  bool any(const std::string& prefix) const {
    const auto found = by_name_.lower_bound(prefix);
    return found != by_name_.end() && found->first.starts_with(prefix);
  }
  int64_t size(const std::string& name, size_t dimension) const {
    const auto found = by_name_.find(name);
    if (found == by_name_.end() || found->second->shape.size() <= dimension) return 0;
    return found->second->shape[dimension];
  }
  const std::map<std::string_view, const TensorInfo*>& all() const { return by_name_; }

 private:
  std::map<std::string_view, const TensorInfo*> by_name_;
};

// A part is there when this key is; the prefix is what stands before it.
struct Signature {
  PartKind kind;
  KeyLayout layout;
  const char* prefix;
  const char* key;
  const char* also;  // another prefix of keys that must be there, or nullptr
};

constexpr Signature kSignatures[] = {
    {PartKind::unet, KeyLayout::original, "model.diffusion_model.", "input_blocks.0.0.weight",
     nullptr},
    {PartKind::unet, KeyLayout::original, "", "input_blocks.0.0.weight", "output_blocks."},
    {PartKind::unet, KeyLayout::diffusers, "", "conv_in.weight", "up_blocks.0.resnets."},
    {PartKind::control, KeyLayout::original, "control_model.", "input_hint_block.0.weight",
     nullptr},
    {PartKind::control, KeyLayout::original, "", "input_hint_block.0.weight", nullptr},
    {PartKind::control, KeyLayout::diffusers, "", "controlnet_cond_embedding.conv_in.weight",
     nullptr},
    {PartKind::vae, KeyLayout::original, "first_stage_model.", "decoder.conv_in.weight",
     "first_stage_model.decoder.up.0."},
    {PartKind::vae, KeyLayout::original, "", "decoder.conv_in.weight", "decoder.up.0."},
    {PartKind::vae, KeyLayout::diffusers, "", "decoder.conv_in.weight", "decoder.up_blocks.0."},
    {PartKind::clip_text, KeyLayout::original, "cond_stage_model.transformer.",
     "text_model.embeddings.token_embedding.weight", nullptr},
    // Some programs left out "text_model." in their checkpoints.
    {PartKind::clip_text, KeyLayout::original, "cond_stage_model.transformer.",
     "embeddings.token_embedding.weight", nullptr},
    {PartKind::clip_text, KeyLayout::original, "conditioner.embedders.0.transformer.",
     "text_model.embeddings.token_embedding.weight", nullptr},
    {PartKind::openclip_text, KeyLayout::original, "cond_stage_model.model.",
     "token_embedding.weight", nullptr},
    {PartKind::openclip_text, KeyLayout::original, "conditioner.embedders.0.model.",
     "token_embedding.weight", nullptr},
    {PartKind::openclip_text, KeyLayout::original, "conditioner.embedders.1.model.",
     "token_embedding.weight", nullptr},
    {PartKind::t2i_adapter, KeyLayout::diffusers, "", "adapter.conv_in.weight", "adapter.body.0."},
    {PartKind::t2i_adapter, KeyLayout::original, "", "conv_in.weight", "body.0.block1."},
    {PartKind::ip_adapter, KeyLayout::original, "", "ip_adapter.1.to_k_ip.weight", "image_proj."},
    {PartKind::taesd, KeyLayout::diffusers, "", "decoder.layers.0.weight", nullptr},
    {PartKind::taesd, KeyLayout::diffusers, "", "encoder.layers.0.weight",
     "encoder.layers.1.conv.0."},
    {PartKind::taesd, KeyLayout::original, "", "0.weight", "1.conv.0."},
    {PartKind::taesd, KeyLayout::original, "", "1.weight", "3.conv.0."},
    {PartKind::embedding, KeyLayout::original, "", "emb_params", nullptr},
    {PartKind::embedding, KeyLayout::original, "", "string_to_param.*", nullptr},
};

bool add_once(std::vector<ModelPart>& parts, ModelPart part) {
  const bool known = std::any_of(parts.begin(), parts.end(), [&](const ModelPart& other) {
    return other.kind == part.kind &&
           (other.layout == part.layout ? other.prefix == part.prefix : other.prefix.empty());
  });
  if (!known) parts.push_back(std::move(part));
  return !known;
}

std::vector<ModelPart> parts_of(const Directory& directory) {
  std::vector<ModelPart> parts;
  for (const Signature& signature : kSignatures) {
    if (!directory.has(std::string(signature.prefix) + signature.key)) continue;
    if (signature.also != nullptr && !directory.any(signature.also)) continue;
    add_once(parts, {signature.kind, signature.layout, signature.prefix});
  }
  // transformers' text encoder alone: its width tells which one it is.
  const int64_t width = directory.size("text_model.embeddings.token_embedding.weight", 1);
  if (width > 0) {
    const bool openclip = width == 1024 || width == 1280;
    parts.push_back(
        {openclip ? PartKind::openclip_text : PartKind::clip_text, KeyLayout::diffusers, ""});
  }
  return parts;
}

std::optional<KeyLayout> lora_layout(const Directory& directory) {
  for (const auto& [name, info] : directory.all()) {
    if (name.ends_with(".lora_down.weight")) return KeyLayout::kohya;
    if (name.ends_with(".lora_A.weight")) return KeyLayout::peft;
    if (name.ends_with("_lora.down.weight") || name.ends_with(".lora_linear_layer.down.weight") ||
        name.ends_with(".lora.down.weight")) {
      return KeyLayout::diffusers_lora;
    }
  }
  return std::nullopt;
}

// The text features enter through the cross-attention's keys; each family has another width.
int64_t context_width_of(const Directory& directory, bool lora) {
  for (const auto& [name, info] : directory.all()) {
    if (info->shape.size() < 2) continue;
    const bool plain = name.ends_with("attn2.to_k.weight") || name.ends_with(".to_k_ip.weight");
    const bool low_rank = lora && (name.ends_with("attn2_to_k.lora_down.weight") ||
                                   name.ends_with("attn2.to_k.lora_A.weight") ||
                                   name.ends_with("attn2.processor.to_k_lora.down.weight") ||
                                   name.ends_with("attn2.to_k.lora.down.weight"));
    if (plain || low_rank) return info->shape[1];
  }
  return 0;
}

ModelFamily family_of(const Directory& directory, int64_t context_width) {
  if (directory.any("conditioner.embedders.1.") || directory.any("lora_te2_") ||
      directory.any("text_encoder_2.")) {
    return ModelFamily::sdxl;
  }
  switch (context_width) {
    case 768:
      return ModelFamily::sd15;
    case 1024:
      return ModelFamily::sd21;
    case 2048:
      return ModelFamily::sdxl;
    default:
      break;
  }
  if (context_width != 0) return ModelFamily::unknown;
  const int64_t text = std::max(directory.size("text_model.embeddings.token_embedding.weight", 1),
                                directory.size("cond_stage_model.model.token_embedding.weight", 1));
  return text == 1024 ? ModelFamily::sd21 : ModelFamily::unknown;
}

int64_t latent_channels_of(const Directory& directory, const std::vector<ModelPart>& parts) {
  for (const ModelPart& part : parts) {
    if (part.kind != PartKind::unet) continue;
    const char* first =
        part.layout == KeyLayout::original ? "input_blocks.0.0.weight" : "conv_in.weight";
    return directory.size(part.prefix + first, 1);
  }
  return 0;
}

void count_elements(std::span<const TensorInfo> tensors, ModelProbe& probe) {
  std::map<at::ScalarType, int64_t> bytes;
  for (const TensorInfo& info : tensors) {
    int64_t elements = 1;
    for (const int64_t size : info.shape) elements *= size;
    if (!at::isFloatingType(info.dtype) && info.dtype != at::kChar) continue;
    // The scales of quantized weights are no weights.
    if (!info.name.ends_with(".scale")) probe.parameters += elements;
    bytes[info.dtype] += elements * static_cast<int64_t>(c10::elementSize(info.dtype));
  }
  int64_t most = -1;
  for (const auto& [dtype, size] : bytes) {
    if (size > most) probe.dtype = dtype;
    most = std::max(most, size);
  }
}

std::string family_text(ModelFamily family) {
  switch (family) {
    case ModelFamily::sd15:
      return "Stable Diffusion 1.x";
    case ModelFamily::sd21:
      return "Stable Diffusion 2.x";
    case ModelFamily::sdxl:
      return "Stable Diffusion XL";
    case ModelFamily::built_in:
      return "zeroconv";
    case ModelFamily::unknown:
      break;
  }
  return "";
}

std::string what_it_is(const ModelProbe& probe) {
  const auto has = [&](PartKind kind) { return probe.has(kind); };
  const bool text = has(PartKind::clip_text) || has(PartKind::openclip_text);
  if (has(PartKind::lora)) return "LoRA";
  if (has(PartKind::ip_adapter)) return "IP-Adapter";
  if (has(PartKind::t2i_adapter)) return "T2I-Adapter";
  if (has(PartKind::embedding)) return "textual inversion embedding";
  if (has(PartKind::control) && has(PartKind::unet)) return "checkpoint with ControlNet";
  if (has(PartKind::control)) return "ControlNet";
  if (has(PartKind::unet) && (text || has(PartKind::vae))) {
    const char* kind = probe.latent_channels == 9   ? "inpainting checkpoint"
                       : probe.latent_channels == 8 ? "InstructPix2Pix checkpoint"
                                                    : "checkpoint";
    return text && has(PartKind::vae)
               ? kind
               : fmt::format("{} without {}", kind, text ? "VAE" : "text encoder");
  }
  if (has(PartKind::unet))
    return probe.latent_channels == 9 ? "inpainting UNet alone" : "UNet alone";
  if (has(PartKind::taesd)) return "tiny autoencoder (TAESD)";
  if (has(PartKind::vae)) return "VAE";
  if (has(PartKind::openclip_text)) return "OpenCLIP text encoder";
  if (has(PartKind::clip_text)) return "CLIP text encoder";
  return "";
}

std::string describe(const ModelProbe& probe) {
  const std::string what = what_it_is(probe);
  if (what.empty())
    return fmt::format("weights of no model that we know, {} parameters", probe.parameters);
  std::string text = family_text(probe.family);
  if (!text.empty()) text += ' ';
  text += what;
  if (probe.family == ModelFamily::unknown && probe.context_width > 0) {
    text += fmt::format(" of an unknown family (context width {})", probe.context_width);
  }
  bool foreign = false;
  for (const ModelPart& part : probe.parts) foreign = foreign || part.layout != KeyLayout::original;
  if (foreign) text += fmt::format(", {} layout", layout_name(probe.parts.front().layout));
  const double millions = static_cast<double>(probe.parameters) / 1e6;
  return text + fmt::format(", {:.1f} M parameters, {}", millions,
                            dtype_to_safetensors(probe.dtype).value_or("other types"));
}

}  // namespace

std::string_view family_name(ModelFamily family) {
  constexpr std::array<std::string_view, 5> kNames = {"unknown", "sd15", "sd21", "sdxl",
                                                      "built_in"};
  return kNames[static_cast<size_t>(family)];
}

std::string_view part_name(PartKind part) {
  constexpr std::array<std::string_view, 10> kNames = {
      "unet", "control",     "vae",        "clip_text", "openclip_text",
      "lora", "t2i_adapter", "ip_adapter", "taesd",     "embedding"};
  return kNames[static_cast<size_t>(part)];
}

std::string_view layout_name(KeyLayout layout) {
  constexpr std::array<std::string_view, 5> kNames = {"original", "diffusers", "kohya", "peft",
                                                      "diffusers_lora"};
  return kNames[static_cast<size_t>(layout)];
}

bool ModelProbe::has(PartKind kind) const {
  return std::any_of(parts.begin(), parts.end(),
                     [&](const ModelPart& part) { return part.kind == kind; });
}

ModelProbe probe_model(std::span<const TensorInfo> tensors, const Metadata& metadata) {
  const Directory directory(tensors);
  ModelProbe probe;
  probe.parts = parts_of(directory);
  const auto lora = lora_layout(directory);
  if (lora) probe.parts = {{PartKind::lora, *lora, ""}};
  probe.context_width = context_width_of(directory, lora.has_value());
  probe.family = family_of(directory, probe.context_width);
  probe.latent_channels = latent_channels_of(directory, probe.parts);
  count_elements(tensors, probe);
  if (const auto found = metadata.find("zeroconv.model"); found != metadata.end()) {
    probe.family = ModelFamily::built_in;
    probe.built_in = found->second;
  }
  probe.description = describe(probe);
  return probe;
}

ModelProbe merge_probes(std::span<const ModelProbe> parts) {
  ModelProbe whole;
  int64_t largest = -1;
  for (const ModelProbe& part : parts) {
    whole.parts.insert(whole.parts.end(), part.parts.begin(), part.parts.end());
    whole.parameters += part.parameters;
    whole.latent_channels = std::max(whole.latent_channels, part.latent_channels);
    if (part.parameters > largest) whole.dtype = part.dtype;
    largest = std::max(largest, part.parameters);
    // The UNet or ControlNet knows best: SDXL's first text encoder is that of SD1.x.
    if (part.context_width > 0 || whole.family == ModelFamily::unknown) {
      whole.family = part.family;
      whole.context_width = std::max(whole.context_width, part.context_width);
    }
  }
  whole.description = describe(whole);
  return whole;
}

std::vector<TensorInfo> directory_of(const StateDict& state) {
  std::vector<TensorInfo> directory;
  for (const auto& [name, tensor] : state)
    directory.push_back({name, tensor.scalar_type(), tensor.sizes().vec(), 0, 0});
  return directory;
}

std::vector<NonFinite> find_non_finite(const StateDict& state) {
  constexpr int64_t kChunk = 1 << 20;  // keeps the temporary tensors small beside the weights
  std::vector<NonFinite> found;
  for (const auto& [key, tensor] : state) {
    if (!at::isFloatingType(tensor.scalar_type())) continue;
    const at::Tensor flat = tensor.reshape({-1});
    int64_t count = 0;
    for (int64_t at = 0; at < flat.numel(); at += kChunk) {
      const at::Tensor chunk = flat.narrow(0, at, std::min(kChunk, flat.numel() - at));
      const int64_t finite =
          at::isfinite(at::isReducedFloatingType(chunk.scalar_type()) ? chunk.to(at::kFloat)
                                                                      : chunk)
              .sum()
              .item<int64_t>();
      count += chunk.numel() - finite;
    }
    if (count > 0) found.push_back({key, count});
  }
  return found;
}

}  // namespace zc
