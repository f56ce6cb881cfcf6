// SPDX-License-Identifier: Apache-2.0
#include "server/engine_models.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "pipelines/model_set.h"

namespace zc {
namespace {

// Weights become float32, and convolutions keep a second, packed copy.
constexpr double kCopies = 1.6;
constexpr int64_t kFloatBytes = 4;
// Beside what is kept there must be room for a run.
constexpr double kShareKept = 0.5;

int64_t bytes_loaded(int64_t parameters) {
  return static_cast<int64_t>(static_cast<double>(parameters * kFloatBytes) * kCopies);
}

// Which files, and that they are still the same ones.
std::string key_of(const JobRequest& job) {
  std::string key =
      fmt::format("{}\n{}\n{}", job.base.file.string(), job.base.sha10, job.request.prediction);
  for (const auto& [kind, control] : job.controlnets)
    key += fmt::format("\n{}={} {}", kind, control.file.string(), control.sha10);
  for (const ControlUnit& unit : job.request.controls) key += "\n" + unit.kind;
  return key;
}

// Files hold two bytes for a weight, or fewer.
int64_t expected_bytes(const JobRequest& job) {
  int64_t bytes = job.base.bytes;
  for (const auto& [kind, control] : job.controlnets) bytes += control.bytes;
  return bytes_loaded(bytes / 2);
}

}  // namespace

int64_t usable_memory_bytes() {
  const int64_t machine = static_cast<int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  std::string text;
  try {
    text = read_file("/sys/fs/cgroup/memory.max", 100);
  } catch (const std::exception&) {
    return machine;  // no control group
  }
  int64_t limit = 0;
  const std::string_view number = trim(text);
  const auto [end, status] = std::from_chars(number.data(), number.data() + number.size(), limit);
  return status == std::errc() && limit > 0 ? std::min(machine, limit) : machine;  // or "max"
}

EngineModels::EngineModels(int64_t memory_limit)
    : cache_(static_cast<int64_t>(kShareKept * static_cast<double>(memory_limit > 0
                                                                       ? memory_limit
                                                                       : usable_memory_bytes()))) {}

std::shared_ptr<const ModelSet> EngineModels::get(const JobRequest& job) {
  return cache_.get(key_of(job), expected_bytes(job), [&]() -> SizedCache<const ModelSet>::Made {
    auto models = load_models(paths_of_request(job.with_files()));
    const int64_t bytes = bytes_loaded(models->parameter_count());
    return {std::move(models), bytes};
  });
}

std::shared_ptr<const ModelSet> EngineModels::get_for_one_run(const JobRequest& job) {
  cache_.clear();
  ModelPaths paths = paths_of_request(job.with_files());
  paths.one_run = true;
  return load_models(paths);
}

}  // namespace zc
