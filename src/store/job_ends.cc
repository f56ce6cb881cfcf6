// SPDX-License-Identifier: Apache-2.0
// How an attempt at a job ends: by its worker's word, or by its silence.
#include <mutex>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "store/connection.h"
#include "store/job_rows.h"

namespace zc {
namespace {

struct Ending {
  JobState state = JobState::done;
  std::string result;
  std::string error;
  std::span<const NewImage> images;
};

// Whether this very worker has ended the job so already: its first call went through, only the
// answer was lost.
bool ended_before(Connection& connection, const Job& job, JobState state) {
  return !connection
              .query("SELECT 1 FROM jobs WHERE id=? AND fence=? AND worker=? AND state=?",
                     {job.id, job.fence, job.worker, std::string(state_name(state))})
              .empty();
}

// True too when it went back to the queue by that worker's word and waits there.
bool requeued_before(Connection& connection, const Job& job) {
  return !connection
              .query("SELECT 1 FROM jobs WHERE id=? AND fence=? AND state='queued'",
                     {job.id, job.fence})
              .empty() ||
         ended_before(connection, job, JobState::cancelled);
}

bool end_job(Connection& connection, const Job& job, const Ending& ending) {
  const std::lock_guard lock(connection.mutex);
  bool mine = false;
  connection.database->transaction([&] {
    const int64_t now = connection.now_ms();
    mine = connection.execute(
               "UPDATE jobs SET state=?, result=?, error=?, finished_ms=?, lease_until_ms=0 "
               "WHERE id=? AND fence=? AND state='running'",
               {std::string(state_name(ending.state)), ending.result, ending.error, now, job.id,
                job.fence}) > 0;
    if (!mine) {
      mine = ended_before(connection, job, ending.state);
      return;
    }
    for (const NewImage& image : ending.images) insert_image(connection, job.id, image, now);
    record_blob_uses(connection, job.id, {ending.result});
    connection.execute("DELETE FROM previews WHERE job=?", {job.id});
  });
  return mine;
}

// False: this job is no longer that worker's, or went back at its word before.
bool still_running(Connection& connection, const Job& job) {
  return !connection
              .query(fmt::format("SELECT 1 FROM jobs WHERE id=? AND fence=? AND state='running'{}",
                                 connection.for_update()),
                     {job.id, job.fence})
              .empty();
}

bool put_back(Connection& connection, const Job& job, const Requeue& how) {
  const std::lock_guard lock(connection.mutex);
  bool mine = false;
  connection.database->transaction([&] {
    mine = still_running(connection, job);
    if (mine) {
      requeue(connection, job.id, how);
    } else {
      mine = requeued_before(connection, job);
    }
  });
  return mine;
}

std::string lost_worker_error(const std::string& worker, int64_t deaths, bool given_up) {
  const std::string detail =
      given_up ? fmt::format(
                     "{} workers ended in the middle of this job, {} was the last; it is "
                     "not tried again",
                     deaths, worker)
               : fmt::format("worker {} ended in the middle of this job", worker);
  return json_text({{"code", "worker_lost"}, {"detail", detail}, {"field", ""}});
}

struct ExpiredJob {
  std::string id;
  std::string worker;
  int64_t deaths = 0;  // this one included
  bool cancel_requested = false;
};

std::optional<ExpiredJob> expired_job(Connection& connection, int64_t now_ms) {
  const auto rows = connection.query(
      fmt::format("SELECT id, worker, deaths, cancel_requested FROM jobs WHERE state='running' AND "
                  "lease_until_ms<? ORDER BY lease_until_ms LIMIT 1{}",
                  connection.skip_locked()),
      {now_ms});
  if (rows.empty()) return std::nullopt;
  return ExpiredJob{.id = text_at(rows[0], 0),
                    .worker = text_at(rows[0], 1),
                    .deaths = integer_at(rows[0], 2) + 1,
                    .cancel_requested = integer_at(rows[0], 3) != 0};
}

void rescue_job(Connection& connection, const ExpiredJob& job, int64_t now_ms) {
  const bool given_up = !job.cancel_requested && job.deaths >= connection.options.max_attempts;
  const std::string error = lost_worker_error(job.worker, job.deaths, given_up);
  if (!given_up) {
    requeue(connection, job.id,
            {.wait_ms = backoff_ms(connection.options, job.deaths),
             .error = error,
             .deaths = 1,
             .new_fence = true});
    return;
  }
  connection.execute(
      "UPDATE jobs SET state='dead', deaths=deaths+1, fence=fence+1, lease_until_ms=0, error=?, "
      "finished_ms=? WHERE id=? AND state='running'",
      {error, now_ms, job.id});
  connection.execute("DELETE FROM previews WHERE job=?", {job.id});
}

}  // namespace

bool Jobs::complete(const Job& job, const std::string& result_json,
                    std::span<const NewImage> images) {
  return end_job(connection_, job,
                 {.state = JobState::done, .result = result_json, .images = images});
}

bool Jobs::cancelled(const Job& job, const std::string& result_json,
                     std::span<const NewImage> images) {
  return end_job(connection_, job,
                 {.state = JobState::cancelled, .result = result_json, .images = images});
}

bool Jobs::fail(const Job& job, const std::string& error_json, bool retry) {
  if (!retry || job.attempt >= connection_.options.max_attempts) {
    return end_job(connection_, job, {.state = JobState::failed, .error = error_json});
  }
  return put_back(connection_, job,
                  {.wait_ms = backoff_ms(connection_.options, job.attempt), .error = error_json});
}

bool Jobs::release(const Job& job) {
  return put_back(connection_, job, {.count = false});
}

int64_t Jobs::rescue() {
  const std::lock_guard lock(connection_.mutex);
  for (int64_t rescued = 0;; ++rescued) {
    // Mostly there is nothing to do, and that must not take the write lock.
    const int64_t now = connection_.now_ms();
    const auto any = connection_.query(
        "SELECT 1 FROM jobs WHERE state='running' AND lease_until_ms<? LIMIT 1", {now});
    if (any.empty()) return rescued;
    // One at a time, so that two that do this at once never wait for each other's tenants.
    bool found = false;
    connection_.database->transaction([&] {
      const auto job = expired_job(connection_, now);
      if (job) rescue_job(connection_, *job, now);
      found = job.has_value();
    });
    if (!found) return rescued;  // another process is about to rescue the rest
  }
}

}  // namespace zc
