// SPDX-License-Identifier: Apache-2.0
// The weights that a run trains, out of all the modules that have any.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tensor/module.h"
#include "tensor/state_dict.h"

namespace zc {

struct TrainedModule {
  Module* module;
  std::string prefix;  // of its keys in files
};

// Those that require a gradient, under prefix + key: the live tensors, without a graph.
StateDict trained_weights(const std::vector<TrainedModule>& modules);

// In the order of their keys.
std::vector<at::Tensor> tensors_of(const StateDict& state);

// A number that differs when any weight differs in any bit, equal on all ranks that hold the same.
uint64_t weights_fingerprint(const std::vector<TrainedModule>& modules);

// Swaps averaged weights into the modules and, at its end, the trained ones back.
class AveragedWeights {
 public:
  // average: by the keys of trained_weights(); what it lacks stays.
  AveragedWeights(const std::vector<TrainedModule>& modules, const StateDict& average);
  ~AveragedWeights();
  AveragedWeights(const AveragedWeights&) = delete;
  AveragedWeights& operator=(const AveragedWeights&) = delete;

 private:
  struct Kept {
    at::Tensor live, value;
  };
  std::vector<Kept> kept_;
};

}  // namespace zc
