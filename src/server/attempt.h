// SPDX-License-Identifier: Apache-2.0
// Inside of the worker: one job while it is being done, and the thread that keeps its lease.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "image/image.h"
#include "server/events.h"
#include "server/step_watch.h"
#include "server/worker.h"
#include "store/store.h"

namespace zc {

// Why the engine was asked to stop; the first reason stays.
enum class StopReason {
  none,
  user,      // somebody cancelled the job
  shutdown,  // the program ends
  lost,      // another worker has the job
  hung,      // a step takes too long
};

class Attempt {
 public:
  // Begins to keep the lease. Borrows all but the job.
  Attempt(Store& store, Events* events, const WorkerOptions& options, Job job);
  // The lease is no longer kept.
  ~Attempt();
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  const Job& job() const { return job_; }
  const CancelToken& token() const { return token_; }
  void stop(StopReason reason);
  StopReason stop_reason() const;
  std::optional<double> seconds_left() const;

  // For the engine's thread.
  void progress(const Progress& progress);
  void preview(int64_t step, const Image& picture);
  // No more heartbeats: the job ends now. Called once before it ends in the store.
  void finish();

 private:
  void keep();
  void tick();
  void beat(const std::string& progress_json);
  void look_for_cancel();
  void write_preview();

  Store& store_;
  Events* events_;
  const WorkerOptions& options_;
  Job job_;
  CancelToken token_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  StopReason reason_ = StopReason::none;
  bool finished_ = false;
  StepWatch watch_;
  bool moved_ = false;
  struct NewPreview {
    int64_t step = 0;
    std::string jpeg;
  };
  std::optional<NewPreview> new_preview_;
  double previewed_at_ = -1e9;

  // Of the keeping thread alone.
  double beaten_at_ = 0;
  double looked_at_ = 0;

  std::thread keeper_;
};

}  // namespace zc
