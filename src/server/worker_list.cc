// SPDX-License-Identifier: Apache-2.0
#include "server/worker_list.h"

#include <map>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace zc {
namespace {

constexpr std::string_view kWorkerPrefix = "worker.";
constexpr int64_t kSilentMs = 60'000;
constexpr int64_t kForgottenMs = 24 * 3600 * 1000ll;

std::string worker_key(const std::string& name) {
  return std::string(kWorkerPrefix) + name;
}

}  // namespace

void WorkerList::seen(const std::string& name, const std::string& device, int64_t now_ms) {
  store_.settings().set(worker_key(name), json_text({{"device", device}, {"last_seen", now_ms}}));
}

void WorkerList::left(const std::string& name) {
  store_.settings().remove(worker_key(name));
}

std::vector<WorkerInfo> WorkerList::list(int64_t now_ms) const {
  std::map<std::string, WorkerInfo> workers;
  for (const Job& job : store_.jobs().list({.state = JobState::running, .limit = 1000})) {
    workers[job.worker] = {.name = job.worker, .device = "", .job = job.id, .last_seen_ms = now_ms};
  }
  for (const auto& [key, text] : store_.settings().all()) {
    if (!key.starts_with(kWorkerPrefix)) continue;
    const std::string name = key.substr(kWorkerPrefix.size());
    const nlohmann::json line = parse_json(text);
    const int64_t seen = line.is_object() ? line.value("last_seen", int64_t{0}) : 0;
    const bool busy = workers.contains(name);
    if (!busy && now_ms - seen > kForgottenMs) store_.settings().remove(key);
    if (!busy && now_ms - seen > kSilentMs) continue;
    WorkerInfo& worker = workers[name];
    worker.name = name;
    worker.device = line.is_object() ? line.value("device", "") : "";
    if (!busy) worker.last_seen_ms = seen;
  }
  std::vector<WorkerInfo> list;
  for (auto& [name, worker] : workers) list.push_back(std::move(worker));
  return list;
}

}  // namespace zc
