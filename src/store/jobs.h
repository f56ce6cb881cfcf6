// SPDX-License-Identifier: Apache-2.0
// The queue of jobs: at-least-once work, exactly-once results, whatever process dies when.
//
//   queued -> running -> done | failed | cancelled | dead        running -> queued: another attempt
//
// A worker holds a job for a lease that it renews. Each claim gives the job a new fence; what comes
// under an older fence is refused, so a worker that was taken for dead cannot overwrite its
// successor's result. Clocks of workers do not matter: only the database's is read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/gallery.h"

namespace zc {

enum class JobState { queued, running, done, failed, cancelled, dead };
inline std::array<std::string_view, 6> enumerator_names(JobState) {
  return {"queued", "running", "done", "failed", "cancelled", "dead"};
}
// done, failed, cancelled, dead: nothing changes any more.
inline bool is_finished(JobState state) {
  return state > JobState::running;
}

struct NewJob {
  std::string kind = "generate";
  std::string body;  // JSON
  std::string tenant = "local";
  int64_t priority = 0;         // higher ones first
  std::string idempotency_key;  // "": none
};

struct Job {
  std::string id;  // 20 lower-case hexadecimal digits, random
  std::string kind;
  JobState state = JobState::queued;
  std::string tenant;
  int64_t priority = 0;
  std::string body;
  std::string result;    // JSON, "" until done; what a cancelled job had finished too
  std::string error;     // JSON {"code","detail","field"} or ""; while queued: why it is again
  std::string progress;  // JSON or ""
  int64_t attempt = 0;   // 1 while it runs for the first time
  int64_t fence = 0;
  std::string worker;  // "" while queued
  bool cancel_requested = false;
  int64_t created_ms = 0;
  int64_t started_ms = 0;  // of the last attempt
  int64_t finished_ms = 0;
};

// The newest picture of a job at work.
struct Preview {
  int64_t step = 0;
  std::vector<std::byte> bytes;  // PNG or JPEG
};

// Thread-safe. Errors of the database as in database.h. A call that ended with `unavailable` may
// have taken effect or not; all of them may be repeated (submit only with an idempotency key).
class Jobs {
 public:
  explicit Jobs(Connection& connection) : connection_(connection) {}

  // A tenant's idempotency key that was seen before: the first job with it, whatever the new body
  // says. Throws unavailable naming `queue` when it is full, for all or for this tenant.
  Job submit(const NewJob& job);

  // The next job of one of these kinds (none given: of any): highest priority, then tenants by
  // turns, then the oldest. Its fence and its attempt are one more than before.
  std::optional<Job> claim(const std::string& worker, std::span<const std::string> kinds);

  struct Beat {
    bool lost = false;    // another worker has it now, or it is over
    bool cancel = false;  // somebody wishes it to end
  };
  // Renews the lease. progress_json "": leaves the last one.
  Beat heartbeat(const Job& job, const std::string& progress_json);

  // These four end the worker's turn. False: it is stale, nothing was written. The job that claim()
  // returned says who asks; a repeated call with the same job gives the same answer.
  // The pictures enter the gallery in the same transaction.
  bool complete(const Job& job, const std::string& result_json, std::span<const NewImage> images);
  bool cancelled(const Job& job, const std::string& result_json, std::span<const NewImage> images);
  // retry: back to the queue after 1, 4, 16 s (and up to a quarter more) until max_attempts, then
  // failed.
  bool fail(const Job& job, const std::string& error_json, bool retry);
  // Shutting down: back to the queue at once, the attempt does not count.
  bool release(const Job& job);

  // The job afterwards: a queued one is cancelled at once, a running one gets the flag, a finished
  // one stays as it is. nullopt: there is no such job.
  std::optional<Job> cancel(const std::string& id);

  std::optional<Job> get(const std::string& id);

  struct Filter {
    std::optional<JobState> state;
    std::string tenant;  // "": any
    std::string kind;
    std::string before_id;  // the last job of the page before
    int64_t limit = 100;    // 1..1000, others are brought into it
  };
  // Newest first. Throws not_found naming `before` for an unknown before_id.
  std::vector<Job> list(const Filter& filter);

  // How many jobs of all kinds go first if no more come. 0: it is next or running; -1: not queued.
  int64_t position(const std::string& id);

  // Every state, also those with 0.
  std::map<JobState, int64_t> counts();

  // Jobs whose worker let the lease run out: queued again with back-off, dead after max_attempts
  // such ends, cancelled if that was asked for. How many there were. To be called every few
  // seconds by any process, several may.
  int64_t rescue();

  // Forgets jobs that ended more than this many milliseconds ago. Their pictures stay.
  void prune(int64_t older_than_ms);

  // Kept until the job ends. A stale worker's is dropped.
  void set_preview(const Job& job, int64_t step, std::span<const std::byte> png_or_jpeg);
  std::optional<Preview> preview(const std::string& id);

 private:
  Connection& connection_;
};

}  // namespace zc
