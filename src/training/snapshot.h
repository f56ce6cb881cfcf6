// SPDX-License-Identifier: Apache-2.0
// Training checkpoints: folders that are complete or not there at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "tensor/state_dict.h"

namespace zc {

// `folder`/step-00001000/ with one safetensors file for each entry of `states` and trainer.json,
// which is written last and holds `manifest` and the SHA-256 of every file. Staged under a
// temporary name, synced, renamed; one of the same step is replaced by it, and of those before it
// all but the newest `keep` - 1 are removed. Whatever a killed process has left half written in
// `folder` is removed first, so one process at a time may write there. Throws io: the newest whole
// snapshot is then an older one or, when only the last sync failed, this one.
void write_snapshot(const std::filesystem::path& folder, int64_t step,
                    const std::map<std::string, StateDict>& states, const nlohmann::json& manifest,
                    int keep);

// Removes all but the newest `keep` (at least one) of the snapshots before step `before`, to make
// room. A run names its own step: later ones are damaged, or it would have resumed from them, and
// must not stand for a good one.
void prune_snapshots(const std::filesystem::path& folder, int keep,
                     int64_t before = std::numeric_limits<int64_t>::max());

struct Snapshot {
  std::filesystem::path path;
  int64_t step = 0;
};
// The newest snapshot whose files are all there with the right hash; damaged ones are passed over.
std::optional<Snapshot> newest_snapshot(const std::filesystem::path& folder);

// One of its states, in memory of its own.
StateDict read_snapshot(const Snapshot& snapshot, const std::string& name);
nlohmann::json read_manifest(const Snapshot& snapshot);

}  // namespace zc
