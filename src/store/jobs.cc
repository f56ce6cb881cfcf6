// SPDX-License-Identifier: Apache-2.0
#include "store/jobs.h"

#include <algorithm>
#include <mutex>

#include <fmt/format.h>

#include "base/error.h"
#include "store/connection.h"
#include "store/job_rows.h"

namespace zc {
namespace {

constexpr int64_t kMaxListed = 1000;

std::optional<Job> job_by_key(Connection& connection, const NewJob& job) {
  if (job.idempotency_key.empty()) return std::nullopt;
  return job_where(connection, "tenant=? AND idempotency_key=?", {job.tenant, job.idempotency_key});
}

// A condition that SQLite can look up in one of the indexes, which are for some states only.
std::string in_state(JobState state) {
  return fmt::format("state='{}'{}", state_name(state),
                     is_finished(state) ? " AND finished_ms>0" : "");
}

// The tenant's row, kept from others who submit for it until the transaction ends: limits and
// idempotency keys hold even if many submit at once. How many of its jobs are waiting.
int64_t lock_tenant(Connection& connection, const std::string& tenant) {
  connection.execute("INSERT INTO tenants (tenant) VALUES (?) ON CONFLICT DO NOTHING", {tenant});
  const auto rows = connection.query(
      fmt::format("SELECT waiting FROM tenants WHERE tenant=?{}", connection.for_update()),
      {tenant});
  return integer_at(rows.at(0), 0);
}

// In PostgreSQL, tenants that submit at the same moment may go over the limit of all together.
void check_room(Connection& connection, const std::string& tenant, int64_t own) {
  const StoreOptions& options = connection.options;
  const auto rows = connection.query("SELECT CAST(sum(waiting) AS BIGINT) FROM tenants");
  const int64_t all = integer_at(rows.at(0), 0);
  if (all >= options.max_queued) {
    throw Error(ErrorKind::unavailable, "queue",
                fmt::format("is full: {} jobs are waiting; try again later", all));
  }
  if (own >= options.max_queued_per_tenant) {
    throw Error(ErrorKind::unavailable, "queue",
                fmt::format("is full for {}: {} jobs are waiting; try again later", tenant, own));
  }
}

std::optional<Job> insert_job(Connection& connection, const NewJob& job) {
  const std::string id = random_id();
  const SqlValue key =
      job.idempotency_key.empty() ? SqlValue() : SqlValue(job.idempotency_key);  // NULLs differ
  connection.execute(
      "INSERT INTO jobs (id, kind, tenant, idempotency_key, state, priority, body, created_ms) "
      "VALUES (?, ?, ?, ?, 'queued', ?, ?, ?)",
      {id, job.kind, job.tenant, key, job.priority, job.body, connection.now_ms()});
  count_waiting(connection, job.tenant, 1);
  record_blob_uses(connection, id, {job.body});
  return job_where(connection, "id=?", {id});
}

}  // namespace

Job Jobs::submit(const NewJob& job) {
  ZC_BUG_IF(job.kind.empty() || job.tenant.empty());
  const std::lock_guard lock(connection_.mutex);
  std::optional<Job> stored = job_by_key(connection_, job);
  if (stored) return *stored;
  connection_.database->transaction([&] {
    const int64_t waiting = lock_tenant(connection_, job.tenant);
    stored = job_by_key(connection_, job);
    if (stored) return;
    check_room(connection_, job.tenant, waiting);
    stored = insert_job(connection_, job);
  });
  ZC_BUG_IF(!stored);
  return *stored;
}

Jobs::Beat Jobs::heartbeat(const Job& job, const std::string& progress_json) {
  const std::lock_guard lock(connection_.mutex);
  const auto rows = connection_.query(
      "UPDATE jobs SET lease_until_ms=?, progress=CASE WHEN ?='' THEN progress ELSE ? END "
      "WHERE id=? AND fence=? AND state='running' RETURNING cancel_requested",
      {lease_end_ms(connection_), progress_json, progress_json, job.id, job.fence});
  if (rows.empty()) return {.lost = true};
  return {.cancel = integer_at(rows[0], 0) != 0};
}

std::optional<Job> Jobs::cancel(const std::string& id) {
  if (!is_id(id)) return std::nullopt;
  const std::lock_guard lock(connection_.mutex);
  std::optional<Job> job;
  connection_.database->transaction([&] {
    // In this order, so that a job that is claimed in between gets its flag.
    const auto queued = connection_.query(
        "UPDATE jobs SET state='cancelled', cancel_requested=1, finished_ms=? "
        "WHERE id=? AND state='queued' RETURNING tenant",
        {connection_.now_ms(), id});
    if (!queued.empty()) count_waiting(connection_, text_at(queued[0], 0), -1);
    connection_.execute("UPDATE jobs SET cancel_requested=1 WHERE id=? AND state='running'", {id});
    job = job_where(connection_, "id=?", {id});
  });
  return job;
}

std::optional<Job> Jobs::get(const std::string& id) {
  if (!is_id(id)) return std::nullopt;
  const std::lock_guard lock(connection_.mutex);
  return job_where(connection_, "id=?", {id});
}

std::vector<Job> Jobs::list(const Filter& filter) {
  const std::lock_guard lock(connection_.mutex);
  std::string sql = fmt::format("SELECT {} FROM jobs WHERE 1=1", kJobColumns);
  std::vector<SqlValue> parameters;
  const auto require = [&](std::string_view condition, SqlValue value) {
    sql += fmt::format(" AND {}", condition);
    parameters.push_back(std::move(value));
  };
  if (filter.state) sql += fmt::format(" AND {}", in_state(*filter.state));
  if (!filter.tenant.empty()) require("tenant=?", filter.tenant);
  if (!filter.kind.empty()) require("kind=?", filter.kind);
  if (!filter.before_id.empty()) {
    const auto last = connection_.query("SELECT seq FROM jobs WHERE id=?",
                                        {is_id(filter.before_id) ? filter.before_id : ""});
    if (last.empty()) throw Error(ErrorKind::not_found, "before", "there is no job of this id");
    require("seq<?", last[0][0]);
  }
  sql += " ORDER BY seq DESC LIMIT ?";
  parameters.emplace_back(std::clamp<int64_t>(filter.limit, 1, kMaxListed));
  std::vector<Job> jobs;
  for (const SqlRow& row : connection_.database->query(sql, parameters)) {
    jobs.push_back(job_of(row));
  }
  return jobs;
}

std::map<JobState, int64_t> Jobs::counts() {
  const std::lock_guard lock(connection_.mutex);
  std::map<JobState, int64_t> counts;
  for (size_t i = 0; i < enumerator_names(JobState{}).size(); ++i) {
    counts[static_cast<JobState>(i)] = 0;
  }
  for (auto& [state, count] : counts) {
    const auto rows =
        connection_.query(fmt::format("SELECT count(*) FROM jobs WHERE {}", in_state(state)));
    count = integer_at(rows.at(0), 0);
  }
  return counts;
}

void Jobs::prune(int64_t older_than_ms) {
  constexpr int64_t kBatch = 500;  // others write in between
  for (;;) {
    const std::lock_guard lock(connection_.mutex);
    const auto old = connection_.query(
        "SELECT id FROM jobs WHERE finished_ms>0 AND finished_ms<? ORDER BY finished_ms LIMIT ?",
        {connection_.now_ms() - older_than_ms, kBatch});
    connection_.database->transaction([&] {
      for (const SqlRow& row : old) {
        forget_blob_uses(connection_, text_at(row, 0));
        connection_.execute("DELETE FROM jobs WHERE id=?", {row[0]});
      }
    });
    if (static_cast<int64_t>(old.size()) < kBatch) return;
  }
}

void Jobs::set_preview(const Job& job, int64_t step, std::span<const std::byte> png_or_jpeg) {
  const std::lock_guard lock(connection_.mutex);
  connection_.database->transaction([&] {
    const auto own = connection_.query(
        fmt::format("SELECT 1 FROM jobs WHERE id=? AND fence=? AND state='running'{}",
                    connection_.for_update()),
        {job.id, job.fence});
    if (own.empty()) return;
    connection_.execute(
        "INSERT INTO previews (job, step, bytes) VALUES (?, ?, ?) "
        "ON CONFLICT (job) DO UPDATE SET step=excluded.step, bytes=excluded.bytes",
        {job.id, step, std::vector<std::byte>(png_or_jpeg.begin(), png_or_jpeg.end())});
  });
}

std::optional<Preview> Jobs::preview(const std::string& id) {
  if (!is_id(id)) return std::nullopt;
  const std::lock_guard lock(connection_.mutex);
  const auto rows = connection_.query("SELECT step, bytes FROM previews WHERE job=?", {id});
  if (rows.empty()) return std::nullopt;
  return Preview{integer_at(rows[0], 0), blob_at(rows[0], 1)};
}

}  // namespace zc
