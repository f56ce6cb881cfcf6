// SPDX-License-Identifier: Apache-2.0
// Named tensors: how weights come out of files and go into models.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <string_view>

namespace zc {

// Key of the checkpoint -> CPU tensor in the precision of the file. Tensors may be views of a
// mapped file.
using StateDict = std::map<std::string, at::Tensor, std::less<>>;

// The entries whose key begins with `prefix`, with the prefix cut off.
StateDict with_prefix_removed(const StateDict& state, std::string_view prefix);

}  // namespace zc
