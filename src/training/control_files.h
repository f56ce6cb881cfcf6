// SPDX-License-Identifier: Apache-2.0
// ControlNets as files: what a trained one says about itself, one to begin with, and one carried
// over to another base.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "formats/safetensors.h"
#include "models/controlnet.h"
#include "training/diffusion_model.h"

namespace zc {

// What stands in the metadata of a result.
struct ControlCard {
  std::string kind = "";              // "canny", or a name of the user's own
  std::string preprocessor = "";      // how the maps were made: JSON with its parameters, or ""
  std::string base = "";              // path or name of the base model
  std::string base_fingerprint = "";  // file_fingerprint()
  std::string data = "";              // description and
  std::string data_fingerprint = "";  // fingerprint of the pairs; stored as SHA-256
  int64_t steps = 0;                  // optimizer steps
  int64_t global_batch = 0;           // pictures for each of them
  bool decoder_unlocked = false;
};

// Keys "zeroconv.*", and "modelspec.*" where the base is an SD1.x or SD2.x. The description of the
// model stands there only for architectures of our own, so that other tools and ours recognise the
// published ones as what they are. Hints are in [0,1], RGB.
Metadata control_metadata(const ControlCard& card, const ModelConfig& base);

// The original layout, control_model.*, which the other tools of the field read as well. With
// `base` a whole checkpoint, as an unlocked decoder needs it. half: 16-bit weights. Throws io.
void write_control_file(const std::filesystem::path& path, const ControlNet& control,
                        const Metadata& metadata, const DiffusionModel* base = nullptr,
                        bool half = false);

struct InitControlOptions {
  std::filesystem::path base;
  std::filesystem::path out;
  bool control_only = false;
  int64_t seed = 0;       // of the hint encoder
  std::string kind = "";  // for the metadata; "" says nothing
};

struct InitControlSummary {
  std::string base = "";     // what the base is
  int64_t copied = 0;        // tensors of the ControlNet that are the base's
  int64_t fresh = 0;         // hint encoder and zero convolutions
  int64_t base_tensors = 0;  // written beside them
  uint64_t bytes = 0;
};

// tool_add_control.py: the copy of the encoder, zero convolutions and a fresh hint encoder,
// float32, beside the base's tensors as they lie in its file, or alone. Throws unsupported for a
// base that cannot be trained, not_found, bad_file, bad_request (the name of OUT), io.
InitControlSummary init_control_file(const InitControlOptions& options);

struct TransferControlOptions {
  std::filesystem::path control;
  std::filesystem::path old_base;  // that it was trained with
  std::filesystem::path new_base;
  std::filesystem::path out;
  bool control_only = false;  // also of a whole checkpoint
};

struct TransferControlSummary {
  int64_t moved = 0;     // control + new base - old base
  int64_t kept = 0;      // hint encoder, zero convolutions, and what the bases lack
  int64_t replaced = 0;  // autoencoder, text encoder and locked UNet: the new base's
  bool whole = false;
  double relative_change = 0;  // |new base - old base| / |old base| over the weights that moved
  std::string note = "";       // what is odd, or ""
  uint64_t bytes = 0;
};

// tool_transfer_control.py: W_control + W_new - W_old for every weight of the encoder, hint encoder
// and zero convolutions as they are; of a whole checkpoint the autoencoder and the text encoder
// become the new base's and the UNet moves like the encoder. Computed in float32, stored in the
// ControlNet's precision. Throws bad_file for bases or ControlNets that do not fit together, else
// as init_control_file().
TransferControlSummary transfer_control_file(const TransferControlOptions& options);

nlohmann::json to_json(const InitControlSummary& summary);
nlohmann::json to_json(const TransferControlSummary& summary);

}  // namespace zc
