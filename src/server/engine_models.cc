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

// Beside what is kept there must be room for a run.
constexpr double kShareKept = 0.5;

int64_t module_bytes(const Module& module, bool exact) {
  int64_t bytes = 0;
  module.visit(Module::ConstVisitor([&](const std::string&, const Parameter& p) {
    const bool stays = p.shape().size() > 1 && !exact;
    bytes += stays ? static_cast<int64_t>(p.stored().nbytes()) : p.numel() * 4;
  }));
  return bytes;
}

// Which files, that they are still the same ones, and what the networks became on their device:
// plain kernels turn halves into float32 at their first use, for good.
std::string key_of(const JobRequest& job, const std::string& network) {
  std::string key = fmt::format("{}\n{}\n{}\n{}", job.base.file.string(), job.base.sha10,
                                job.request.prediction, network);
  if (job.request.exact) key += "\nexact";
  for (const auto& [kind, control] : job.controlnets)
    key += fmt::format("\n{}={} {}", kind, control.file.string(), control.sha10);
  for (const ControlUnit& unit : job.request.controls) key += "\n" + unit.kind;
  return key;
}

// About as many as the files have.
int64_t expected_bytes(const JobRequest& job) {
  int64_t bytes = job.base.bytes;
  for (const auto& [kind, control] : job.controlnets) bytes += control.bytes;
  return bytes;
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

int64_t model_budget(const EngineOptions& options) {
  int64_t memory = options.gpu_bytes;
  if (options.on_cpu())
    memory = options.memory_bytes > 0 ? options.memory_bytes : usable_memory_bytes();
  return static_cast<int64_t>(kShareKept * static_cast<double>(memory));
}

int64_t bytes_loaded(const ModelSet& models, bool exact) {
  int64_t bytes = 0;
  const Module* const parts[] = {&models.text_encoder(), &models.unet(), &models.vae()};
  for (const Module* part : parts) bytes += module_bytes(*part, exact);
  for (const LoadedControl& control : models.controls()) bytes += module_bytes(control.net, exact);
  return bytes;
}

EngineModels::EngineModels(const EngineOptions& options)
    : device_(options.device), cache_(model_budget(options)) {}

void EngineModels::place(ModelPaths& paths, const JobRequest& job) const {
  check_exact(job.request.exact, device_ == "cpu");
  place_networks(paths, device_, job.request.precision);
}

std::shared_ptr<const ModelSet> EngineModels::get(const JobRequest& job) {
  ModelPaths placed;  // files are looked at only when they are loaded
  place(placed, job);
  const std::string key = key_of(job, placed.network);
  return cache_.get(key, expected_bytes(job), [&]() -> SizedCache<const ModelSet>::Made {
    ModelPaths paths = paths_of_request(job.with_files());
    place(paths, job);
    auto models = load_models(paths);
    const int64_t bytes = bytes_loaded(*models, job.request.exact);
    return {std::move(models), bytes};
  });
}

std::shared_ptr<const ModelSet> EngineModels::get_for_one_run(const JobRequest& job) {
  cache_.clear();
  ModelPaths paths = paths_of_request(job.with_files());
  place(paths, job);
  paths.one_run = true;
  return load_models(paths);
}

}  // namespace zc
