// SPDX-License-Identifier: Apache-2.0
// Which architecture an opened model file has: from the description that our own files carry, or by
// its family.
#pragma once

#include <string_view>

#include "formats/checkpoint.h"
#include "models/model_config.h"

namespace zc {

// Metadata of a ControlNet: the range of the hint's values that it was trained with ("0,1").
inline constexpr std::string_view kHintRangeMetadataKey = "zeroconv.hint_range";
// "true" for a ControlNet or model whose last time step was pure noise in training: sampling has to
// begin there too.
inline constexpr std::string_view kZeroTerminalMetadataKey = "zeroconv.zero_terminal_snr";

// A base model: one of our own, whatever parts it holds, or a UNet of SD1.x or SD2.x with four
// input channels. The prediction is what the file tells, else epsilon. Throws unsupported for other
// families and for what is no base model, bad_file for a description that is broken.
ModelConfig base_model_config(const Checkpoint& file);

// The same from the headers alone (of SD2.x in a diffusers folder, too, with a text encoder of 24
// layers).
ModelConfig base_model_config(const CheckpointInfo& file);

// "auto" keeps what the configuration says; "epsilon" and "v" replace it.
void set_prediction(ModelConfig& config, std::string_view prediction);

// The UNet of the file, or the one whose encoder its ControlNet copies; SDXL too. Throws
// unsupported for a family that is not known.
UNetConfig control_unet_config(const Checkpoint& file);

// The ids that a limited vocabulary knows, int32 [rows]. Throws bad_file when they are missing or
// do not fit.
at::Tensor read_token_ids(const StateDict& state, const ModelConfig& config,
                          const std::string& where);

}  // namespace zc
