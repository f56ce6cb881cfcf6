// SPDX-License-Identifier: Apache-2.0
// The loop that all trainings share: accumulate, clip, step, average, log, save, sample.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "models/model_config.h"
#include "tensor/module.h"
#include "training/trainer.h"

namespace zc {

struct TrainedModule {
  Module* module;
  std::string prefix;  // of its keys in files
};

struct Recipe {
  std::vector<TrainedModule> modules;
  // Mean loss of one pass; all randomness comes from `generator`, seeded by (seed, step, pass).
  std::function<at::Tensor(int64_t step, at::Generator& generator)> loss;
  // Called with the averaged weights in the modules; writes its pictures itself. May be empty.
  std::function<void(const std::filesystem::path& file)> sample;
  // Writes the result with the averaged weights in the modules.
  std::function<void(const std::filesystem::path& file)> finish;
};

void run_training(const TrainOptions& options, const Recipe& recipe, const TaskContext& task);

// bf16 autocast on the device while it lives, if asked for.
class AutocastScope {
 public:
  AutocastScope(bool enabled, at::Device device);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  bool enabled_;
  at::DeviceType device_;
};

// Stream of random numbers for one purpose at one step.
at::Generator generator_for(int64_t seed, int64_t step, int64_t purpose);

}  // namespace zc
