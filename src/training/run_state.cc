// SPDX-License-Identifier: Apache-2.0
#include "training/run_state.h"

#include <c10/core/GradMode.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "training/snapshot.h"

namespace zc {
namespace {

void restore_weights(const std::vector<TrainedModule>& modules, const StateDict& saved,
                     const std::string& where) {
  for (auto& [key, value] : trained_weights(modules)) {
    const auto found = saved.find(key);
    if (found == saved.end() || found->second.sizes() != value.sizes()) {
      throw Error(ErrorKind::bad_file, where, "does not fit this training: it lacks " + key);
    }
    value.copy_(found->second);
  }
}

}  // namespace

RunState first_state(const TrainOptions& options, const std::vector<TrainedModule>& modules) {
  RunState state{.modules = modules,
                 .optimizer = Optimizer({.weight_decay = options.weight_decay,
                                         .muon = options.optimizer == "muon",
                                         .eight_bit = options.optimizer == "adamw8bit"}),
                 .average = {},
                 .scaler = {}};
  if (options.ema > 0) state.average.emplace(options.ema);
  for (const TrainedModule& m : modules) {
    state.optimizer.add(*m.module, m.prefix);
    if (state.average) state.average->add(*m.module, m.prefix);
  }
  if (options.precision == "fp16") state.scaler.emplace(at::Device(options.device));
  return state;
}

void save_state(const RunState& state, const std::filesystem::path& folder,
                const nlohmann::json& manifest, int64_t keep) {
  std::map<std::string, StateDict> states = {{"model", trained_weights(state.modules)},
                                             {"optim", state.optimizer.state()}};
  if (state.average) states["ema"] = state.average->state();
  if (state.scaler) states["scaler"] = state.scaler->state();
  try {
    write_snapshot(folder, state.step, states, manifest, static_cast<int>(keep));
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::io || keep < 2) throw;
    prune_snapshots(folder, 1, state.step);
    write_snapshot(folder, state.step, states, manifest, 1);
  }
}

void restore_state(RunState& state, const std::filesystem::path& folder) {
  const auto snapshot = newest_snapshot(folder);
  if (!snapshot) {
    throw Error(ErrorKind::not_found, folder.string(), "holds no complete snapshot to resume from");
  }
  const std::string where = snapshot->path.string();
  const c10::NoGradGuard no_grad;
  restore_weights(state.modules, read_snapshot(*snapshot, "model"), where);
  state.optimizer.load_state(read_snapshot(*snapshot, "optim"), where);
  if (state.average)
    state.average->load_state(read_snapshot(*snapshot, "ema"), where, snapshot->step);
  if (state.scaler) state.scaler->load_state(read_snapshot(*snapshot, "scaler"), where);
  state.step = snapshot->step;
}

void share_state(RunState& state, Ranks& ranks, const std::filesystem::path& folder) {
  if (ranks.size() == 1) return;
  const c10::NoGradGuard no_grad;
  const std::vector<std::vector<double>> steps =
      ranks.gather(std::vector<double>{static_cast<double>(state.step)});
  for (const std::vector<double>& step : steps) {
    if (step[0] == steps[0][0]) continue;
    throw Error(ErrorKind::bad_file, folder.string(),
                "the ranks found different snapshots to resume from: the folder must be shared "
                "between the machines");
  }
  ranks.broadcast(tensors_of(trained_weights(state.modules)));
  if (state.average) ranks.broadcast(tensors_of(state.average->state()));
}

}  // namespace zc
