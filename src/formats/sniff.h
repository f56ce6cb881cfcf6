// SPDX-License-Identifier: Apache-2.0
// Tells from its first bytes what a file is, for choosing a reader and for messages about files
// that are something else.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace zc {

enum class FileKind {
  empty,
  safetensors,
  zip,
  pickle,
  git_lfs_pointer,
  html,
  json,
  png,
  jpeg,
  gzip,
  gguf,
  zeros,
  unknown
};

// Looks at the first bytes only (and at the size, for safetensors).
FileKind sniff_file(std::span<const uint8_t> bytes);

// What the bytes seem to be and what to do, as a sentence for an error; "" when nothing can be
// said.
std::string wrong_file_hint(std::span<const uint8_t> bytes);

}  // namespace zc
