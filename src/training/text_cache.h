// SPDX-License-Identifier: Apache-2.0
// Texts encoded once: the locked text encoder says the same each time.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "models/tokenizer.h"
#include "training/diffusion_model.h"

namespace zc {

// Keeps up to `most_bytes`; texts beyond that are encoded at each use.
class TextCache {
 public:
  TextCache(const DiffusionModel& model, const Tokenizer& tokenizer, at::Device device,
            int64_t most_bytes = int64_t{512} << 20)
      : model_(model), tokenizer_(tokenizer), device_(device), most_bytes_(most_bytes) {}

  // -> [B,T,D], without a graph.
  at::Tensor encode(const std::vector<std::string>& prompts);

 private:
  at::Tensor encode_anew(const std::vector<std::string>& prompts) const;

  const DiffusionModel& model_;
  const Tokenizer& tokenizer_;
  at::Device device_;
  int64_t most_bytes_, bytes_ = 0;
  std::unordered_map<std::string, at::Tensor> kept_;
};

}  // namespace zc
