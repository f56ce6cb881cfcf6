// SPDX-License-Identifier: Apache-2.0
// Inside of the engine: loaded models, kept for the next job while memory allows.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "pipelines/model_paths.h"
#include "server/job_request.h"
#include "server/sized_cache.h"

namespace zc {

// What this process may use: the machine's memory, or the limit of its control group.
int64_t usable_memory_bytes();

// Thread-safe.
class EngineModels {
 public:
  // memory_limit: of the process, 0: none but the machine's.
  explicit EngineModels(int64_t memory_limit);

  // The models of a request: those of an earlier one with the same files, else loaded. Throws as
  // paths_of_request() and load_models().
  std::shared_ptr<const ModelSet> get(const JobRequest& job);
  // Loaded for this one run, in which each part gives its memory back when it is done; nothing else
  // stays loaded.
  std::shared_ptr<const ModelSet> get_for_one_run(const JobRequest& job);

 private:
  SizedCache<const ModelSet> cache_;
};

}  // namespace zc
