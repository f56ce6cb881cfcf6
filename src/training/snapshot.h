// SPDX-License-Identifier: Apache-2.0
// Training checkpoints: folders that are complete or not there at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "tensor/state_dict.h"

namespace zc {

// `folder`/step-00001000/ with one safetensors file for each entry of `states` and trainer.json,
// which is written last and holds `manifest` and the SHA-256 of every file. Staged under a
// temporary name, synced, renamed; then all but the newest `keep` are removed. Throws io.
void write_snapshot(const std::filesystem::path& folder, int64_t step,
                    const std::map<std::string, StateDict>& states, const nlohmann::json& manifest,
                    int keep);

// Removes all but the newest `keep` (at least one), to make room.
void prune_snapshots(const std::filesystem::path& folder, int keep);

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
