// SPDX-License-Identifier: Apache-2.0
// Inside of the engine: loaded models, kept for the next job while memory allows.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "pipelines/model_paths.h"
#include "server/engine.h"
#include "server/job_request.h"
#include "server/sized_cache.h"

namespace zc {

// What this process may use: the machine's memory, or the limit of its control group.
int64_t usable_memory_bytes();

// How many bytes of models are kept for the next job: half of the GPU's memory there, else of the
// process's limit, or of the machine's.
int64_t model_budget(const EngineOptions& options);

// What they take in memory: halves that the kernels widen on their way stay halves, and small
// weights become float32; for `exact` runs all do.
int64_t bytes_loaded(const ModelSet& models, bool exact = false);

// Thread-safe.
class EngineModels {
 public:
  explicit EngineModels(const EngineOptions& options);

  // The models of a request, on the device: those of an earlier one with the same files and the
  // same precision there, else loaded. Throws unsupported for what the device does not do, else as
  // paths_of_request() and load_models().
  std::shared_ptr<const ModelSet> get(const JobRequest& job);
  // Loaded for this one run, in which each part gives its memory back when it is done; nothing else
  // stays loaded.
  std::shared_ptr<const ModelSet> get_for_one_run(const JobRequest& job);

 private:
  // Sets device and precision.
  void place(ModelPaths& paths, const JobRequest& job) const;

  const std::string device_;
  SizedCache<const ModelSet> cache_;
};

}  // namespace zc
