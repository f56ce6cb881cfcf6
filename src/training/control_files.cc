// SPDX-License-Identifier: Apache-2.0
#include "training/control_files.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "formats/checkpoint.h"
#include "formats/quantized.h"
#include "pipelines/base_model.h"
#include "pipelines/model_paths.h"
#include "tensor/load.h"
#include "training/init_weights.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBaseKey = "zeroconv.base";
constexpr std::string_view kBaseFingerprintKey = "zeroconv.base_fingerprint";
constexpr std::string_view kControlKindKey = "zeroconv.control";

// Their files carry no description: names and shapes tell all but the prediction.
bool is_published(const ModelConfig& config) {
  return config.unet == sd15_unet() || config.unet == sd21_unet();
}

void add_weights(StateDict& state, const Module* part, std::string_view prefix, bool half) {
  if (part == nullptr) return;
  for (auto& [key, value] : state_of(*part, prefix)) {
    const bool narrow = half && value.scalar_type() == at::kFloat;
    state[key] = (narrow ? value.to(at::kHalf) : value).cpu().contiguous();
  }
}

// The writer makes safetensors only; under the name of a pickle no other tool could open them.
void require_safetensors_name(const fs::path& out) {
  if (lower_extension(out) == ".safetensors") return;
  throw Error(ErrorKind::bad_request, out.string(),
              "is written in the safetensors format: give it a name that ends with .safetensors");
}

// Metadata of a file whose tensors open_checkpoint() has changed to floats.
Metadata carried_metadata(const Metadata& source) {
  Metadata metadata = source;
  metadata.erase(kQuantizationKey);
  return metadata;
}

void describe_base(Metadata& metadata, const Checkpoint& base, const fs::path& path) {
  const auto own = base.metadata.find(kModelMetadataKey);
  metadata.erase(std::string(kModelMetadataKey));
  if (own != base.metadata.end()) metadata.insert(*own);
  metadata[std::string(kBaseKey)] = path.filename().string();
  metadata[std::string(kBaseFingerprintKey)] = file_fingerprint(path);
}

bool is_part_of_pictures_or_text(std::string_view key) {
  return key.starts_with("first_stage_model.") || key.starts_with("cond_stage_model.") ||
         key.starts_with("conditioner.");
}

// The UNet's name for a weight of the ControlNet; other names are the base's own.
std::string base_key(std::string_view key) {
  if (!key.starts_with(kControlPrefix)) return std::string(key);
  return std::string(kUNetPrefix) + std::string(key.substr(kControlPrefix.size()));
}

// W_control + W_new - W_old for all keys of one ControlNet.
class Transfer {
 public:
  Transfer(const Checkpoint& control, const Checkpoint& old_base, const Checkpoint& new_base)
      : control_(control), old_(old_base), new_(new_base) {}

  StateDict run(bool control_only) {
    StateDict state;
    for (const auto& [key, value] : control_.tensors) {
      if (control_only && !key.starts_with(kControlPrefix)) continue;
      state.emplace(key,
                    is_part_of_pictures_or_text(key) ? of_new_base(key, value) : moved(key, value));
    }
    if (shared_ == 0) throw_not_alike("shares no weight of the encoder with", old_.path);
    summary_.relative_change = old_square_ > 0 ? std::sqrt(change_square_ / old_square_) : 0.0;
    return state;
  }

  TransferControlSummary summary() const { return summary_; }

 private:
  [[noreturn]] void throw_not_alike(const std::string& what, const std::string& base) const {
    throw Error(ErrorKind::bad_file, control_.path,
                fmt::format("{} {}: ControlNet and both bases must be of one family", what, base));
  }

  at::Tensor of_new_base(const std::string& key, const at::Tensor& value) {
    const auto found = new_.tensors.find(key);
    if (found != new_.tensors.end()) {
      ++summary_.replaced;
      return found->second;
    }
    // Lists of positions and the like, which some programs leave out.
    if (!at::isFloatingType(value.scalar_type())) {
      ++summary_.kept;
      return value;
    }
    throw Error(ErrorKind::bad_file, new_.path,
                fmt::format("lacks `{}`, which the whole checkpoint needs: give a base with "
                            "autoencoder and text encoder, or --control-only",
                            key));
  }

  // The base's weight under `name`, which must have the shape of the ControlNet's.
  const at::Tensor& weight(const Checkpoint& base, const std::string& name, const std::string& key,
                           const at::Tensor& value) const {
    const auto found = base.tensors.find(name);
    if (found == base.tensors.end()) {
      throw Error(
          ErrorKind::bad_file, base.path,
          fmt::format("lacks `{}`, which the other base and the ControlNet have; it is a {}", name,
                      base.probe.description));
    }
    if (found->second.sizes() != value.sizes()) {
      throw_not_alike(fmt::format("is a {}, whose `{}` has another shape than in the {}",
                                  control_.probe.description, key, base.probe.description),
                      base.path);
    }
    return found->second;
  }

  at::Tensor moved(const std::string& key, const at::Tensor& value) {
    const std::string name = base_key(key);
    const bool in_old = old_.tensors.contains(name), in_new = new_.tensors.contains(name);
    // The schedule's vectors and averages are in some files only; a weight of the UNet in all.
    const bool known = name.starts_with(kUNetPrefix) ? in_old || in_new : in_old && in_new;
    if (!known || !at::isFloatingType(value.scalar_type())) {
      ++summary_.kept;
      return value;
    }
    const at::Tensor& before = weight(old_, name, key, value);
    const at::Tensor& after = weight(new_, name, key, value);
    if (key.starts_with(kControlPrefix)) ++shared_;
    const at::Tensor w_old = before.to(at::kFloat), w_new = after.to(at::kFloat);
    const double change = (w_new - w_old).square().sum().item<double>();
    change_square_ += change;
    old_square_ += w_old.square().sum().item<double>();
    // A UNet that was locked is the new base's, without rounding.
    if (!key.starts_with(kControlPrefix) && value.to(at::kFloat).equal(w_old)) {
      ++summary_.replaced;
      return after;
    }
    ++summary_.moved;
    if (change == 0) return value;  // the sum would round it
    return (value.to(at::kFloat) + w_new - w_old).to(value.scalar_type());
  }

  const Checkpoint& control_;
  const Checkpoint& old_;
  const Checkpoint& new_;
  TransferControlSummary summary_;
  int64_t shared_ = 0;
  double change_square_ = 0, old_square_ = 0;
};

// All of the ControlNet but what it does not share with its base.
int64_t encoder_size(const StateDict& control) {
  return std::count_if(control.begin(), control.end(), [](const auto& entry) {
    const std::string_view key = std::string_view(entry.first).substr(kControlPrefix.size());
    return !key.starts_with("zero_convs.") && !key.starts_with("middle_block_out.") &&
           !key.starts_with("input_hint_block.");
  });
}

void require_base(const Checkpoint& file) {
  if (file.probe.has(PartKind::unet)) return;
  throw Error(
      ErrorKind::bad_file, file.path,
      fmt::format("is a {}; wanted a base model, which has a UNet", file.probe.description));
}

// The base that the file says it was trained with may have gone through a conversion since.
std::string odd_base_note(const Metadata& control, const fs::path& old_base) {
  const auto told = control.find(kBaseFingerprintKey);
  if (told == control.end() || told->second == file_fingerprint(old_base)) return "";
  const auto name = control.find(kBaseKey);
  return fmt::format(
      "the ControlNet says that it was trained with {} ({}), which {} is not, byte "
      "for byte",
      name == control.end() ? "another base" : name->second, told->second, old_base.string());
}

}  // namespace

Metadata control_metadata(const ControlCard& card, const ModelConfig& base) {
  Metadata metadata = {{std::string(kControlKindKey), card.kind},
                       {std::string(kHintRangeMetadataKey), "0,1"},
                       {"zeroconv.hint_channels", "rgb"},
                       {std::string(kBaseKey), fs::path(card.base).filename().string()},
                       {"zeroconv.steps", fmt::format("{}", card.steps)},
                       {"zeroconv.global_batch", fmt::format("{}", card.global_batch)},
                       {"zeroconv.data", card.data}};
  const auto add = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) metadata[std::string(key)] = value;
  };
  add("zeroconv.preprocessor", card.preprocessor);
  add(kBaseFingerprintKey, card.base_fingerprint);
  add("zeroconv.data_sha256",
      card.data_fingerprint.empty() ? "" : sha256_hex(card.data_fingerprint));
  if (card.decoder_unlocked) metadata["zeroconv.decoder"] = "trained";
  if (!is_published(base)) {
    metadata[std::string(kModelMetadataKey)] = json_text(to_json(base));
    return metadata;
  }
  const bool second = base.unet == sd21_unet();
  metadata["modelspec.architecture"] =
      fmt::format("stable-diffusion-v{}/controlnet", second ? 2 : 1);
  metadata["modelspec.predict_key"] = base.prediction == ModelPrediction::v ? "v" : "epsilon";
  return metadata;
}

void write_control_file(const fs::path& path, const ControlNet& control, const Metadata& metadata,
                        const DiffusionModel* base, bool half) {
  StateDict state;
  add_weights(state, &control, kControlPrefix, half);
  if (base != nullptr) {
    add_weights(state, base->unet.get(), kUNetPrefix, half);
    add_weights(state, base->text.get(), kClipPrefix, half);
    add_weights(state, base->openclip.get(), kOpenClipPrefix, half);
    add_weights(state, base->vae.get(), kVaePrefix, half);
    if (base->token_ids.defined()) state[std::string(kTokenIdsKey)] = base->token_ids.cpu();
  }
  write_safetensors(path, state, metadata);
}

InitControlSummary init_control_file(const InitControlOptions& options) {
  require_safetensors_name(options.out);
  const Checkpoint base = open_checkpoint(options.base);
  const ModelConfig config = base_model_config(base);
  require_base(base);
  ControlNet control(config.unet);
  const auto seed = static_cast<uint64_t>(options.seed);
  InitControlSummary summary;
  summary.base = base.probe.description;
  summary.copied = init_control(control, base.tensors, kUNetPrefix, seed);
  StateDict state = state_of(control, kControlPrefix);
  summary.fresh = static_cast<int64_t>(state.size()) - summary.copied;
  if (summary.copied != encoder_size(state)) {
    throw Error(ErrorKind::bad_file, base.path,
                fmt::format("lacks weights of its UNet's encoder: {} of {} are there",
                            summary.copied, encoder_size(state)));
  }
  Metadata metadata = carried_metadata(base.metadata);
  describe_base(metadata, base, options.base);
  metadata[std::string(kHintRangeMetadataKey)] = "0,1";
  if (!options.kind.empty()) metadata[std::string(kControlKindKey)] = options.kind;
  if (!options.control_only) {
    for (const auto& [key, value] : base.tensors) {
      if (!key.starts_with(kControlPrefix))
        summary.base_tensors += state.emplace(key, value).second;
    }
    if (config.prediction == ModelPrediction::v && is_published(config))
      metadata["modelspec.predict_key"] = "v";
  }
  write_safetensors(options.out, state, metadata);
  summary.bytes = fs::file_size(options.out);
  return summary;
}

TransferControlSummary transfer_control_file(const TransferControlOptions& options) {
  require_safetensors_name(options.out);
  const Checkpoint control = open_checkpoint(options.control);
  if (!control.probe.has(PartKind::control)) {
    throw Error(ErrorKind::bad_file, control.path,
                fmt::format("is no ControlNet: {}", control.probe.description));
  }
  const Checkpoint old_base = open_checkpoint(options.old_base);
  const Checkpoint new_base = open_checkpoint(options.new_base);
  require_base(old_base);
  require_base(new_base);
  Transfer transfer(control, old_base, new_base);
  const StateDict state = transfer.run(options.control_only);
  Metadata metadata = carried_metadata(control.metadata);
  metadata["zeroconv.transferred_from"] = file_fingerprint(options.old_base);
  describe_base(metadata, new_base, options.new_base);
  TransferControlSummary summary = transfer.summary();
  summary.whole = !options.control_only && control.probe.has(PartKind::unet);
  summary.note = odd_base_note(control.metadata, options.old_base);
  if (summary.whole && new_base.prediction_type == "v_prediction")
    metadata["modelspec.predict_key"] = "v";
  write_safetensors(options.out, state, metadata);
  summary.bytes = fs::file_size(options.out);
  return summary;
}

nlohmann::json to_json(const InitControlSummary& s) {
  return {{"base", s.base},
          {"copied", s.copied},
          {"fresh", s.fresh},
          {"base_tensors", s.base_tensors},
          {"bytes", s.bytes}};
}

nlohmann::json to_json(const TransferControlSummary& s) {
  return {{"moved", s.moved},
          {"kept", s.kept},
          {"replaced", s.replaced},
          {"whole", s.whole},
          {"relative_change", s.relative_change},
          {"note", s.note},
          {"bytes", s.bytes}};
}

}  // namespace zc
