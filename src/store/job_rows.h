// SPDX-License-Identifier: Apache-2.0
// Jobs as rows of the database, for the files of the queue.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "store/connection.h"

namespace zc {

// What job_of() reads, in its order.
inline constexpr std::string_view kJobColumns =
    "id, kind, state, tenant, priority, body, result, error, progress, attempt, fence, worker, "
    "cancel_requested, created_ms, started_ms, finished_ms";

Job job_of(const SqlRow& row);
std::string_view state_name(JobState state);
JobState state_of(std::string_view name);

// The first job of that condition.
std::optional<Job> job_where(Connection& connection, std::string_view condition,
                             std::initializer_list<SqlValue> parameters);

// Whoever puts a job into the queue or takes it out notes so, in the same transaction.
void count_waiting(Connection& connection, const std::string& tenant, int64_t more);

// When a lease that begins now will run out.
int64_t lease_end_ms(Connection& connection);

// How long a job waits after its `ends`-th bad end: backoff_seconds, then 4 and 16 times as long
// and no longer, and up to a quarter more, so that jobs that failed together do not come back so.
int64_t backoff_ms(const StoreOptions& options, int64_t ends);

// Puts a running job back into the queue, or cancels it if that was asked for; its preview goes.
struct Requeue {
  int64_t wait_ms = 0;     // before it may be claimed again
  std::string error;       // JSON or ""
  bool count = true;       // false: this attempt does not
  int64_t deaths = 0;      // how many more workers ended with it
  bool new_fence = false;  // its worker did not say so itself: whatever comes from it is stale
};
void requeue(Connection& connection, const std::string& id, const Requeue& how);

}  // namespace zc
