// SPDX-License-Identifier: Apache-2.0
// The folder of a training run: what it holds, and whether a stopped run may go on with these
// options.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "training/run_lock.h"
#include "training/snapshot.h"

namespace zc {

// The newest snapshot below OUT/ckpt by its manifest alone: files are not read, so that this takes
// no time (newest_snapshot() verifies them).
std::optional<Snapshot> newest_manifest(const std::filesystem::path& out);

// A new run does not begin among another one's snapshots, which would win at the next --resume.
// Throws bad_request naming the folder.
void require_no_run(const std::filesystem::path& out);

// What differs between the options of a snapshot's manifest ({"options": {...}}) and those of now:
// one line for each that may change but changes what is learned from here on. Where, how often and
// how long may differ unsaid. Throws bad_request for what a snapshot cannot be continued with: what
// is trained, base, kind of control, data, picture size, seed, optimizer, averages on or off.
std::vector<std::string> resume_changes(const nlohmann::json& manifest,
                                        const nlohmann::json& options);

// Bytes free for us in the file system in which `folder` is or will be. Throws io.
uint64_t free_disk_bytes(const std::filesystem::path& folder);

// Throws io when files cannot be made there; makes nothing itself.
void require_writable(const std::filesystem::path& folder);

}  // namespace zc
