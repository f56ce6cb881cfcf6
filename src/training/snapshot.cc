// SPDX-License-Identifier: Apache-2.0
#include "training/snapshot.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "formats/safetensors.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStagedPrefix = ".tmp-step-";

std::vector<Snapshot> snapshots_newest_first(const fs::path& folder) {
  std::vector<Snapshot> found;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(folder, absent)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("step-") || name.size() != 13) continue;
    if (!std::all_of(name.begin() + 5, name.end(), [](char c) { return c >= '0' && c <= '9'; }))
      continue;
    found.push_back({entry.path(), std::stoll(name.substr(5))});
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.step > b.step; });
  return found;
}

// What writers that were killed have left: a snapshot may have gigabytes, and each kill another.
void remove_staged(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> staged;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().filename().string().starts_with(kStagedPrefix)) staged.push_back(entry.path());
  }
  for (const fs::path& path : staged) fs::remove_all(path, ignored);
}

void remove_older(const fs::path& folder, int64_t before, size_t keep) {
  std::error_code ignored;
  for (const Snapshot& snapshot : snapshots_newest_first(folder)) {
    if (snapshot.step >= before) continue;
    if (keep > 0) {
      --keep;
      continue;
    }
    fs::remove_all(snapshot.path, ignored);
  }
}

bool verifies(const Snapshot& snapshot) {
  try {
    const auto manifest = read_manifest(snapshot);
    for (const auto& [name, hash] : manifest.at("sha256").items()) {
      if (sha256_file_hex(safe_join(snapshot.path, name)) != hash.get<std::string>()) return false;
    }
    return true;
  } catch (const Error&) {
    return false;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

}  // namespace

void write_snapshot(const fs::path& folder, int64_t step,
                    const std::map<std::string, StateDict>& states, const nlohmann::json& manifest,
                    int keep) {
  std::error_code ignored;
  const fs::path staged = folder / fmt::format("{}{:08}-{}", kStagedPrefix, step, ::getpid());
  const fs::path final_path = folder / fmt::format("step-{:08}", step);
  remove_staged(folder);
  try {
    if (fs::create_directories(folder)) sync_folder(fs::absolute(folder).parent_path());
    fs::create_directory(staged);
    nlohmann::json complete = manifest;
    complete["step"] = step;
    for (const auto& [name, state] : states) {
      const std::string file = name + ".safetensors";
      write_safetensors(staged / file, state);
      complete["sha256"][file] = sha256_file_hex(staged / file);
    }
    write_file_atomically(staged / "trainer.json", json_text(complete, 1));
    replace_folder(staged, final_path);
  } catch (const fs::filesystem_error& e) {
    fs::remove_all(staged, ignored);
    throw Error(ErrorKind::io, final_path.string(),
                fmt::format("cannot save: {}", e.code().message()));
  } catch (...) {
    fs::remove_all(staged, ignored);
    throw;
  }
  remove_older(folder, step, static_cast<size_t>(std::max(1, keep)) - 1);
}

void prune_snapshots(const fs::path& folder, int keep, int64_t before) {
  remove_older(folder, before, static_cast<size_t>(std::max(1, keep)));
}

std::optional<Snapshot> newest_snapshot(const fs::path& folder) {
  for (const Snapshot& snapshot : snapshots_newest_first(folder)) {
    if (verifies(snapshot)) return snapshot;
  }
  return std::nullopt;
}

StateDict read_snapshot(const Snapshot& snapshot, const std::string& name) {
  StateDict state = read_safetensors(snapshot.path / (name + ".safetensors")).tensors;
  for (auto& [key, value] : state) value = value.clone();
  return state;
}

nlohmann::json read_manifest(const Snapshot& snapshot) {
  const fs::path path = snapshot.path / "trainer.json";
  std::string reason;
  nlohmann::json manifest = parse_json(read_file(path), &reason);
  if (manifest.is_discarded())
    throw Error(ErrorKind::bad_file, path.string(), fmt::format("is not JSON: {}", reason));
  return manifest;
}

}  // namespace zc
