// SPDX-License-Identifier: Apache-2.0
// Looks into the store for what other processes do, and tells it as if it had happened here; and
// keeps the store tidy.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "server/events.h"
#include "store/store.h"

namespace zc {

struct FollowerOptions {
  // Workers of this process: they publish their jobs' events themselves.
  std::set<std::string> own_workers;
  double busy_seconds = 0.25;  // between two looks while jobs wait, or another process is at work
  double idle_seconds = 1;
  double rescue_seconds = 5;  // between two looks for workers that died
  double tidy_seconds = 3600;
  int64_t keep_jobs_ms = 7 * 24 * 3600 * 1000ll;  // ended jobs; their pictures stay
  int64_t keep_unused_blobs_ms = 24 * 3600 * 1000ll;
};

class Follower {
 public:
  // Borrows both.
  Follower(Store& store, Events& events, FollowerOptions options);
  ~Follower();
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  void start();
  void stop();

  // One look; whether jobs wait or another process is at work. The thread calls it; so do tests.
  bool look();
  // Gives back what dead workers had, and removes what is too old.
  void rescue();
  void tidy();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zc
