// SPDX-License-Identifier: Apache-2.0
// Weights into models and out of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tensor/module.h"
#include "tensor/state_dict.h"

namespace zc {

// What does not fit between a state dict and a module. Lists are complete; text() shows the first
// ten of each.
struct LoadReport {
  std::vector<std::string> missing;    // keys that the module wants
  std::vector<std::string> misshapen;  // "key: shape is [..], the model wants [..]"
  std::vector<std::string> unused;     // keys under the prefix that the module does not know

  bool complete() const { return missing.empty() && misshapen.empty(); }
  std::string text() const;
};

LoadReport compare(const Module& module, const StateDict& state, std::string_view prefix = "");

// Gives every parameter its tensor `prefix + key` as it is (no copy, no conversion).
// Throws bad_file, naming the first ten, if a key is missing or has another shape; unused keys are
// ignored.
void load_strict(Module& module, const StateDict& state, const std::string& where,
                 std::string_view prefix = "");

// The module's parameters under `prefix + key`; the tensors are shared, not copied.
StateDict state_of(const Module& module, std::string_view prefix = "");

// Copies, as float32 tensors of their own, every tensor whose key and shape agree; returns how
// many.
int64_t copy_matching(Module& target, const StateDict& source);

}  // namespace zc
