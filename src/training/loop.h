// SPDX-License-Identifier: Apache-2.0
// The loop that all trainings share: accumulate, average over ranks, clip, step, log, save, sample,
// measure.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "training/autocast.h"
#include "training/mixed_seed.h"
#include "training/plan.h"
#include "training/ranks.h"
#include "training/run_files.h"
#include "training/trained_weights.h"
#include "training/trainer.h"

namespace zc {

// Samples [first, first + count) of the global batch of a step: ranks x accumulate x batch.
struct Pass {
  int64_t step;
  int64_t first;
  int64_t count;
};

struct PassLoss {
  PassLoss(at::Tensor mean_loss) : mean(std::move(mean_loss)) {}
  at::Tensor mean;  // over the pass, with its graph
  // [count] without a graph: of each sample, and its time step. Undefined where there are none.
  at::Tensor each, t;
  std::vector<int64_t> samples;  // numbers in the data, to name them when the loss is no number
};

struct Recipe {
  std::vector<TrainedModule> modules;
  // generator: seeded by the seed, the step and the pass.
  std::function<PassLoss(const Pass& pass, at::Generator& generator)> loss;
  // Called with the averaged weights in the modules; writes its pictures itself. May be empty.
  std::function<void(const std::filesystem::path& file, int64_t step)> sample;
  // Writes the result with the averaged weights in the modules.
  std::function<void(const std::filesystem::path& file)> finish;
  // How well it obeys, with the averaged weights, all ranks together. May be empty.
  std::function<Measurement(int64_t step)> measure;
  // For run.json.
  std::string data;
  int64_t pairs = 0;
  std::vector<std::string> quarantined;
  std::vector<PlanRow> plan;
};

// The run of this process as one of `ranks`. Throws bad_request, bad_file (the loss is no number
// three times running), io, cancelled (after a snapshot), unavailable (a rank is lost).
void run_training(const TrainOptions& options, const Recipe& recipe, const TaskContext& task,
                  Ranks& ranks);
// Alone.
void run_training(const TrainOptions& options, const Recipe& recipe, const TaskContext& task);

}  // namespace zc
