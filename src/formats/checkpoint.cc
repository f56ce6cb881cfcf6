// SPDX-License-Identifier: Apache-2.0
#include "formats/checkpoint.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "formats/diffusers_folder.h"
#include "formats/key_map.h"
#include "formats/quantized.h"
#include "formats/weights_file.h"

namespace zc {
namespace {

constexpr std::string_view kUNet = "model.diffusion_model.";
constexpr std::string_view kControl = "control_model.";
constexpr std::string_view kVae = "first_stage_model.";
constexpr std::string_view kClip = "cond_stage_model.transformer.";
constexpr std::string_view kOpenClip = "cond_stage_model.model.";
constexpr std::string_view kXlClip = "conditioner.embedders.0.transformer.";
constexpr std::string_view kXlOpenClip = "conditioner.embedders.1.model.";

void add_under(StateDict& target, std::string_view prefix, StateDict&& part) {
  for (auto& [key, tensor] : part)
    target.insert_or_assign(std::string(prefix) + key, std::move(tensor));
}

// The VAE's own weights: training files carry the loss network and the EMA beside them.
StateDict only_vae(const StateDict& state) {
  constexpr std::array<std::string_view, 4> kModules = {"encoder.", "decoder.", "quant_conv.",
                                                        "post_quant_conv."};
  StateDict result;
  for (const auto& [key, tensor] : state) {
    if (starts_with_any(key, kModules)) result.emplace_hint(result.end(), key, tensor);
  }
  return result;
}

// Some programs saved the text encoder without "text_model.".
void add_text_model(StateDict& tensors) {
  const std::string clip(kClip);
  if (!tensors.contains(clip + "embeddings.token_embedding.weight")) return;
  StateDict part = with_prefix_removed(tensors, kClip);
  std::erase_if(tensors, [](const auto& entry) { return entry.first.starts_with(kClip); });
  add_under(tensors, clip + "text_model.", std::move(part));
}

[[noreturn]] void refuse_unknown(const StateDict& tensors, const std::string& where) {
  if (tensors.contains("lora_controlnet")) {
    throw Error(ErrorKind::unsupported, where,
                "is a Control-LoRA, which is not supported: use the full ControlNet");
  }
  std::string examples;
  for (const auto& [key, tensor] : tensors) {
    if (examples.size() > 200) break;
    examples += (examples.empty() ? "`" : ", `") + printable(key, 80) + "`";
  }
  throw Error(ErrorKind::unsupported, where,
              "holds weights of no model that we know; its names begin with " + examples);
}

// Weights of one network without a prefix, in whatever layout, under the original names with their
// prefix.
StateDict canonical_part(const ModelPart& part, ModelFamily family, const StateDict& state,
                         const std::string& where) {
  StateDict result;
  const bool diffusers = part.layout == KeyLayout::diffusers;
  switch (part.kind) {
    case PartKind::unet:
      add_under(result, kUNet, diffusers ? unet_to_original(state, where) : StateDict(state));
      break;
    case PartKind::control:
      add_under(result, kControl, diffusers ? unet_to_original(state, where) : StateDict(state));
      break;
    case PartKind::vae:
      add_under(result, kVae, diffusers ? vae_to_original(state, where) : only_vae(state));
      break;
    case PartKind::clip_text:
      add_under(result, family == ModelFamily::sdxl ? kXlClip : kClip, StateDict(state));
      break;
    case PartKind::openclip_text: {
      const auto tokens = state.find("text_model.embeddings.token_embedding.weight");
      const bool big =
          tokens != state.end() && tokens->second.dim() == 2 && tokens->second.size(1) == 1280;
      add_under(result, big || family == ModelFamily::sdxl ? kXlOpenClip : kOpenClip,
                diffusers ? openclip_to_original(state, where) : StateDict(state));
      break;
    }
    case PartKind::t2i_adapter:
      result = diffusers ? t2i_adapter_to_original(state, where) : state;
      break;
    case PartKind::taesd:
      result = diffusers ? state : taesd_to_diffusers(state, where);
      break;
    case PartKind::lora:
    case PartKind::ip_adapter:
    case PartKind::embedding:
      result = state;
      break;
  }
  return result;
}

// A file whose parts have prefixes is in the original naming as a whole; one without holds a single
// network.
StateDict canonical_names(StateDict&& tensors, const ModelProbe& probe, const std::string& where) {
  if (probe.parts.empty()) {
    if (probe.family != ModelFamily::built_in) refuse_unknown(tensors, where);
    return std::move(tensors);
  }
  const auto bare = std::find_if(probe.parts.begin(), probe.parts.end(),
                                 [](const ModelPart& part) { return part.prefix.empty(); });
  if (bare != probe.parts.end()) return canonical_part(*bare, probe.family, tensors, where);
  add_text_model(tensors);
  return std::move(tensors);
}

std::string prediction_of(const Metadata& metadata, const std::vector<TensorInfo>& tensors) {
  const auto told = metadata.find("modelspec.predict_key");
  if (told != metadata.end()) return told->second == "v" ? "v_prediction" : "epsilon";
  const bool marked = std::any_of(tensors.begin(), tensors.end(),
                                  [](const TensorInfo& info) { return info.name == "v_pred"; });
  return marked ? "v_prediction" : "";
}

Checkpoint open_file(const std::filesystem::path& path) {
  Weights weights = read_weights(path);
  Checkpoint checkpoint;
  checkpoint.path = path.string();
  const std::vector<TensorInfo> directory = directory_of(weights.tensors);
  checkpoint.probe = probe_model(directory, weights.metadata);
  checkpoint.prediction_type = prediction_of(weights.metadata, directory);
  if (is_quantized(weights.metadata)) weights.tensors = dequantize(weights.tensors);
  checkpoint.tensors =
      canonical_names(std::move(weights.tensors), checkpoint.probe, checkpoint.path);
  checkpoint.metadata = std::move(weights.metadata);
  return checkpoint;
}

// The parts' directories under "<part>/", and one probe for all: the UNet's width tells the family.
struct FolderProbe {
  DiffusersFolder folder;
  std::vector<ModelProbe> part_probes;
  std::vector<TensorInfo> tensors;
  ModelProbe whole;
};

FolderProbe probe_folder(const std::filesystem::path& path) {
  FolderProbe result;
  result.folder = open_diffusers_folder(path);
  for (const DiffusersPart& part : result.folder.parts) {
    const WeightsDirectory directory = read_weights_directory(part.weights);
    result.part_probes.push_back(probe_model(directory.tensors, directory.metadata));
    for (TensorInfo info : directory.tensors) {
      if (!part.name.empty()) info.name = part.name + "/" + info.name;
      result.tensors.push_back(std::move(info));
    }
  }
  result.whole = merge_probes(result.part_probes);
  return result;
}

Checkpoint open_folder(const std::filesystem::path& path) {
  const FolderProbe probed = probe_folder(path);
  Checkpoint checkpoint;
  checkpoint.path = path.string();
  checkpoint.probe = probed.whole;
  checkpoint.prediction_type = probed.folder.prediction_type;
  for (size_t i = 0; i < probed.folder.parts.size(); ++i) {
    const DiffusersPart& part = probed.folder.parts[i];
    Weights weights = read_weights(part.weights);
    if (probed.part_probes[i].parts.empty()) refuse_unknown(weights.tensors, part.weights.string());
    checkpoint.tensors.merge(canonical_part(probed.part_probes[i].parts.front(),
                                            checkpoint.probe.family, weights.tensors,
                                            part.weights.string()));
    checkpoint.metadata.merge(weights.metadata);
  }
  return checkpoint;
}

uint64_t bytes_of(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return std::filesystem::file_size(path);
  uint64_t bytes = 0;
  for (const DiffusersPart& part : open_diffusers_folder(path).parts)
    bytes += std::filesystem::file_size(part.weights);
  return bytes;
}

}  // namespace

Checkpoint open_checkpoint(const std::filesystem::path& path) {
  return std::filesystem::is_directory(path) ? open_folder(path) : open_file(path);
}

CheckpointInfo inspect_checkpoint(const std::filesystem::path& path) {
  CheckpointInfo info;
  info.path = path.string();
  if (std::filesystem::is_directory(path)) {
    FolderProbe probed = probe_folder(path);
    info.format = "diffusers folder";
    info.probe = std::move(probed.whole);
    info.prediction_type = probed.folder.prediction_type;
    info.tensors = std::move(probed.tensors);
  } else {
    WeightsDirectory directory = read_weights_directory(path);
    info.format = std::move(directory.format);
    info.probe = probe_model(directory.tensors, directory.metadata);
    info.prediction_type = prediction_of(directory.metadata, directory.tensors);
    info.metadata = std::move(directory.metadata);
    info.tensors = std::move(directory.tensors);
  }
  info.bytes = bytes_of(path);
  return info;
}

}  // namespace zc
