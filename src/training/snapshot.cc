// SPDX-License-Identifier: Apache-2.0
#include "training/snapshot.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "formats/safetensors.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

std::vector<Snapshot> snapshots_newest_first(const fs::path& folder) {
  std::vector<Snapshot> found;
  if (!fs::exists(folder)) return found;
  for (const auto& entry : fs::directory_iterator(folder)) {
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
  fs::create_directories(folder, ignored);
  const fs::path staged = folder / fmt::format(".tmp-step-{:08}-{}", step, ::getpid());
  const fs::path final_path = folder / fmt::format("step-{:08}", step);
  fs::remove_all(staged, ignored);
  try {
    fs::create_directories(staged);
    nlohmann::json complete = manifest;
    complete["step"] = step;
    for (const auto& [name, state] : states) {
      const std::string file = name + ".safetensors";
      write_safetensors(staged / file, state);
      complete["sha256"][file] = sha256_file_hex(staged / file);
    }
    write_file_atomically(staged / "trainer.json", json_text(complete, 1));
    fs::remove_all(final_path);
    fs::rename(staged, final_path);
    sync_folder(folder);
  } catch (const fs::filesystem_error& e) {
    fs::remove_all(staged, ignored);
    throw Error(ErrorKind::io, final_path.string(),
                fmt::format("cannot save: {}", e.code().message()));
  } catch (...) {
    fs::remove_all(staged, ignored);
    throw;
  }
  prune_snapshots(folder, keep);
}

void prune_snapshots(const fs::path& folder, int keep) {
  std::error_code ignored;
  const auto all = snapshots_newest_first(folder);
  for (size_t i = static_cast<size_t>(std::max(1, keep)); i < all.size(); ++i)
    fs::remove_all(all[i].path, ignored);
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
