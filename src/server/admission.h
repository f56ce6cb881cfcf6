// SPDX-License-Identifier: Apache-2.0
// What is refused before its body is read: work while the queue or the disk is full.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>

#include "server/http.h"
#include "server/problem.h"
#include "store/store.h"

namespace zc {

// Thread-safe.
class Admission {
 public:
  // data: the folder whose disk is looked at.
  Admission(Store& store, std::filesystem::path data) : store_(store), data_(std::move(data)) {}

  // 429 queue_full for what makes jobs, 507 storage_full for what stores something; nothing for all
  // other requests. What it knows may be a second old.
  std::optional<Problem> refusal(const HttpRequest& request);

 private:
  void look();

  Store& store_;
  const std::filesystem::path data_;
  std::mutex mutex_;
  double looked_at_ = -1e9;
  bool queue_full_ = false;
  bool disk_full_ = false;
};

}  // namespace zc
