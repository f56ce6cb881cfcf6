// SPDX-License-Identifier: Apache-2.0
// The safetensors format: a JSON header and the tensors' bytes. Nothing in such a file is trusted
// before it is checked.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/state_dict.h"

namespace zc {

using Metadata = std::map<std::string, std::string, std::less<>>;

// One tensor as a file's directory describes it. `begin` and `end` count from the start of the
// file's data.
struct TensorInfo {
  std::string name;
  at::ScalarType dtype = at::kFloat;
  std::vector<int64_t> shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;  // in the order of the data
  Metadata metadata;
  uint64_t data_start = 0;  // where the data begins in the file
};

struct SafetensorsFile {
  StateDict tensors;
  Metadata metadata;
};

// Checks all of the header against the size of `file` (the whole file's bytes; only the header's
// are touched). Throws bad_file with `where`: broken JSON, names that occur twice, unknown types,
// shapes that overflow, tensors that overlap, leave holes or do not cover the data exactly.
SafetensorsHeader parse_safetensors_header(std::span<const uint8_t> file, const std::string& where);

// Names, types, shapes and metadata in a moment, however large the file is.
SafetensorsHeader read_safetensors_header(const std::filesystem::path& path);

// Maps the file: the tensors are views of it, which they keep alive, and must not be written to.
// Only a tensor that is not aligned for its type is copied.
SafetensorsFile read_safetensors(const std::filesystem::path& path);

// Writes all of it or nothing. The same input gives the same bytes: tensors lie by falling element
// size, then by name, so that each is aligned. Throws bad_request for types that the format lacks.
void write_safetensors(const std::filesystem::path& path, const StateDict& state,
                       const Metadata& metadata = {});

// "F16" <-> at::kHalf; nothing when the format or torch lacks the type.
std::optional<at::ScalarType> dtype_from_safetensors(std::string_view name);
std::optional<std::string_view> dtype_to_safetensors(at::ScalarType dtype);

}  // namespace zc
