// SPDX-License-Identifier: Apache-2.0
#include "training/trained_weights.h"

#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstring>

#include "training/mixed_seed.h"

namespace zc {
namespace {

constexpr uint64_t kGoldenRatio = 0x9e3779b97f4a7c15ull;  // odd, its bits look random

template <class Function>
void for_each_parameter(const std::vector<TrainedModule>& modules, Function&& function) {
  for (const TrainedModule& m : modules) m.module->visit(Module::Visitor(function), m.prefix);
}

uint64_t fingerprint_of(const at::Tensor& value) {
  const at::Tensor here = value.cpu().contiguous();
  const auto* bytes = static_cast<const char*>(here.const_data_ptr());
  const size_t size = here.nbytes();
  uint64_t hash = size;
  for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, bytes + i, std::min(sizeof(word), size - i));
    hash = (hash ^ word) * kGoldenRatio;
    hash ^= hash >> 29;
  }
  return mixed_bits(hash);
}

}  // namespace

StateDict trained_weights(const std::vector<TrainedModule>& modules) {
  StateDict state;
  for_each_parameter(modules, [&](const std::string& key, Parameter& p) {
    if (p.stored().requires_grad()) state[key] = p.stored().detach();
  });
  return state;
}

std::vector<at::Tensor> tensors_of(const StateDict& state) {
  std::vector<at::Tensor> tensors;
  for (const auto& [key, value] : state) tensors.push_back(value);
  return tensors;
}

uint64_t weights_fingerprint(const std::vector<TrainedModule>& modules) {
  const std::vector<at::Tensor> values = tensors_of(trained_weights(modules));
  std::vector<uint64_t> hashes(values.size());
  at::parallel_for(0, static_cast<int64_t>(values.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) hashes[i] = fingerprint_of(values[i]);
  });
  uint64_t all = 0;
  for (const uint64_t hash : hashes) all = mixed_bits(all + hash + kGoldenRatio);
  return all;
}

AveragedWeights::AveragedWeights(const std::vector<TrainedModule>& modules,
                                 const StateDict& average) {
  const c10::NoGradGuard no_grad;
  for_each_parameter(modules, [&](const std::string& key, Parameter& p) {
    const auto found = average.find(key);
    if (found == average.end()) return;
    kept_.push_back({p.stored(), p.stored().detach().clone()});
    kept_.back().live.detach().copy_(found->second);
  });
}

AveragedWeights::~AveragedWeights() {
  const c10::NoGradGuard no_grad;
  for (Kept& k : kept_) k.live.detach().copy_(k.value);
}

}  // namespace zc
