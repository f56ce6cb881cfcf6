// SPDX-License-Identifier: Apache-2.0
// Opens any model, whatever its container and key layout, as one state dict in the original naming.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "formats/probe.h"
#include "formats/safetensors.h"
#include "tensor/state_dict.h"

namespace zc {

// Weights under the names of the original checkpoints, whatever the file called them:
//   model.diffusion_model.*            UNet
//   control_model.*                    ControlNet
//   first_stage_model.*                VAE
//   cond_stage_model.transformer.*     CLIP ViT-L (SD1.x)
//   cond_stage_model.model.*           OpenCLIP ViT-H (SD2.x; 23 layers if it comes from a
//   diffusers folder, which leaves
//                                      out the last one: its output then is the last hidden state)
//   conditioner.embedders.{0.transformer,1.model}.*   both of SDXL
// LoRAs and IP-Adapters keep their names, T2I-Adapters get those of the original files, TAESD those
// of diffusers. Precision is that of the file, except that 8-bit weights (formats/quantized.h)
// become float32. Tensors may be views of mapped files: they must not be written to, and the files
// must not be changed while they live.
struct Checkpoint {
  std::string path;
  StateDict tensors;
  ModelProbe probe;  // of the file as it is: layouts and prefixes are those found in it
  Metadata metadata;
  std::string prediction_type;  // "epsilon", "v_prediction", or "" where the file does not tell
};

// A file or a folder. Throws not_found, bad_file, or unsupported for weights that we have no use
// for; `where` is the file.
Checkpoint open_checkpoint(const std::filesystem::path& path);

struct CheckpointInfo {
  std::string path;
  std::string format;  // "safetensors", "torch", "shards" or "diffusers folder"
  uint64_t bytes = 0;  // on disk
  ModelProbe probe;
  Metadata metadata;
  std::string prediction_type;
  std::vector<TensorInfo>
      tensors;  // names as in the file; in a folder, "<part>/" stands before them
};

// What it is, without reading the weights.
CheckpointInfo inspect_checkpoint(const std::filesystem::path& path);

}  // namespace zc
