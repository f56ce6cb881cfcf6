// SPDX-License-Identifier: Apache-2.0
// Synthetic weights of the annotators' networks out of their key tables (data/annotators/README.md,
// section 1).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tensor/state_dict.h"

namespace zc::parity {

// One line of keys/NAME.tsv.
struct AnnotatorKey {
  std::string key;
  std::string dtype;
  std::vector<int64_t> shape;
  double base = 0.0;
  double amp = 0.0;
  std::string mode;  // u, abs, zero, calc
};

// Throws not_found, or bad_file for a line that is none.
std::vector<AnnotatorKey> read_annotator_keys(const std::filesystem::path& table);

// For modes u, abs (float32) and zero (int64). Throws bad_file for another one.
at::Tensor synthetic_annotator_weight(const AnnotatorKey& key);

// The network that was used last. Others are given back first, as one may take 1.4 GB.
class AnnotatorWeights {
 public:
  // Every key of the table but those of mode calc, which the architecture defines. The reference is
  // good until another table is asked for.
  const StateDict& of(const std::filesystem::path& table);

 private:
  std::filesystem::path table_;
  StateDict state_;
};

}  // namespace zc::parity
