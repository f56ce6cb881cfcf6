// SPDX-License-Identifier: Apache-2.0
// The workers that were seen lately, of this process and of others: for GET /api/v1/workers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/store.h"

namespace zc {

struct WorkerInfo {
  std::string name;
  std::string device;  // "cpu, 8 threads"; "" not known
  std::string job;     // "": none
  int64_t last_seen_ms = 0;
};

// Each idle worker writes a line of its own into the store's settings now and then; a busy one is
// known by its job. Thread-safe.
class WorkerList {
 public:
  explicit WorkerList(Store& store) : store_(store) {}

  void seen(const std::string& name, const std::string& device, int64_t now_ms);
  void left(const std::string& name);
  // By name. Without those that have no job and were silent for a minute; their lines are removed
  // after a day.
  std::vector<WorkerInfo> list(int64_t now_ms) const;

 private:
  Store& store_;
};

}  // namespace zc
