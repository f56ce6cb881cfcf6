// SPDX-License-Identifier: Apache-2.0
// The open requests of the web UI's API: how far they are, and how they are stopped.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "server/events.h"
#include "server/http.h"
#include "store/store.h"

namespace zc {

// One POST /sdapi/v1/txt2img or img2img that waits for its answer.
struct WebuiTask {
  std::string id;    // force_task_id, or one that was made here
  std::string name;  // "scripts_txt2img"
  std::string tenant;
  int64_t steps = 20;     // of one picture
  int64_t job_count = 1;  // pictures one after the other, or groups of them
  double began = 0;       // steady_seconds()
  int64_t began_ms = 0;
  // Guarded by the table's mutex.
  std::vector<std::string> jobs;
  bool interrupted = false;
  bool skipped = false;
};

// Thread-safe.
class WebuiTasks {
 public:
  WebuiTasks(Store& store, Events& events) : store_(store), events_(events) {}

  // Fills in `began` and, where it is missing, the id.
  std::shared_ptr<WebuiTask> open(WebuiTask task);
  void close(const std::shared_ptr<WebuiTask>& task);

  // Makes `make` submit one job of the task; none if the task was interrupted. A job may be at work
  // before `make` returns: who skips or interrupts waits until the task has it.
  std::optional<Job> submit(const std::shared_ptr<WebuiTask>& task,
                            const std::function<Job()>& make);

  // Cancels the task's jobs; those pictures that are finished stay.
  void interrupt(const std::shared_ptr<WebuiTask>& task);
  // All tasks of who asks; of everybody when nobody shows credentials.
  void interrupt_all(const Principal& principal);
  // The job at work of the oldest task is cancelled, the next one goes on.
  void skip(const Principal& principal);

  // GET progress. Exactly 0.0 and job_count 0 when nothing is open.
  nlohmann::json progress(const Principal& principal, bool with_picture) const;
  // POST /internal/progress for one task.
  nlohmann::json task_progress(const std::string& id, int64_t known_preview,
                               bool with_picture) const;
  // GET /internal/pending-tasks: {"size","tasks"}.
  nlohmann::json pending(const Principal& principal) const;

 private:
  struct Position;
  std::vector<std::shared_ptr<WebuiTask>> tasks_of(const Principal& principal) const;
  std::vector<std::string> jobs_of(const WebuiTask& task) const;
  std::vector<std::string> submitted_jobs_of(const WebuiTask& task);
  Position position_of(const WebuiTask& task) const;
  void cancel(const std::vector<std::string>& jobs);

  Store& store_;
  Events& events_;
  std::mutex submitting_;  // is taken before mutex_
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<WebuiTask>> tasks_;  // oldest first
  std::deque<std::string> ended_;                  // ids of the last ones
};

}  // namespace zc
