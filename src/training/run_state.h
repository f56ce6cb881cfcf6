// SPDX-License-Identifier: Apache-2.0
// Everything that a training goes on from, in memory and as a snapshot.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "training/grad_scaler.h"
#include "training/optimizer.h"
#include "training/ranks.h"
#include "training/trained_weights.h"
#include "training/trainer.h"

namespace zc {

struct RunState {
  std::vector<TrainedModule> modules;  // borrowed
  Optimizer optimizer;
  std::optional<MovingAverage> average;
  std::optional<GradScaler> scaler;  // precision fp16
  int64_t step = 0;
};

// At step 0, with what these options ask for.
RunState first_state(const TrainOptions& options, const std::vector<TrainedModule>& modules);

// A snapshot of this step in `folder`, of which the newest `keep` stay. On a full disk older ones
// make room first. Throws io when it does not fit even so; the last good snapshot is still there
// then.
void save_state(const RunState& state, const std::filesystem::path& folder,
                const nlohmann::json& manifest, int64_t keep);

// Puts the newest snapshot of `folder` into the state. Throws not_found when there is none,
// bad_file when it belongs to another training.
void restore_state(RunState& state, const std::filesystem::path& folder);

// Every rank begins with what rank 0 has. Throws bad_file when they stand at different steps, as
// with a folder that each machine has for itself.
void share_state(RunState& state, Ranks& ranks, const std::filesystem::path& folder);

}  // namespace zc
