// SPDX-License-Identifier: Apache-2.0
// One file of weights of whatever format: safetensors, torch.save, or the index of several such
// shards.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "formats/safetensors.h"
#include "tensor/state_dict.h"

namespace zc {

struct Weights {
  StateDict tensors;
  Metadata metadata;
};

struct WeightsDirectory {
  std::vector<TensorInfo> tensors;
  Metadata metadata;
  std::string format;  // "safetensors", "torch" or "shards"
};

// Told apart by what the file holds, not by its name; only "*.index.json" is taken for an index of
// shards, whose files must lie in its folder. Tensors may be views of the mapped files and must not
// be written to.
Weights read_weights(const std::filesystem::path& path);

// Names, types and shapes without touching the weights.
WeightsDirectory read_weights_directory(const std::filesystem::path& path);

}  // namespace zc
