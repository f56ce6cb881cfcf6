// SPDX-License-Identifier: Apache-2.0
#include "store/job_rows.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/error.h"

namespace zc {

Job job_of(const SqlRow& row) {
  return {.id = text_at(row, 0),
          .kind = text_at(row, 1),
          .state = state_of(text_at(row, 2)),
          .tenant = text_at(row, 3),
          .priority = integer_at(row, 4),
          .body = text_at(row, 5),
          .result = text_at(row, 6),
          .error = text_at(row, 7),
          .progress = text_at(row, 8),
          .attempt = integer_at(row, 9),
          .fence = integer_at(row, 10),
          .worker = text_at(row, 11),
          .cancel_requested = integer_at(row, 12) != 0,
          .created_ms = integer_at(row, 13),
          .started_ms = integer_at(row, 14),
          .finished_ms = integer_at(row, 15)};
}

std::string_view state_name(JobState state) {
  return enumerator_names(JobState{})[static_cast<size_t>(state)];
}

JobState state_of(std::string_view name) {
  const auto names = enumerator_names(JobState{});
  const auto found = std::find(names.begin(), names.end(), name);
  ZC_BUG_IF(found == names.end());
  return static_cast<JobState>(found - names.begin());
}

std::optional<Job> job_where(Connection& connection, std::string_view condition,
                             std::initializer_list<SqlValue> parameters) {
  const auto rows = connection.query(
      fmt::format("SELECT {} FROM jobs WHERE {} LIMIT 1", kJobColumns, condition), parameters);
  if (rows.empty()) return std::nullopt;
  return job_of(rows[0]);
}

void count_waiting(Connection& connection, const std::string& tenant, int64_t more) {
  connection.execute("UPDATE tenants SET waiting=waiting+? WHERE tenant=?", {more, tenant});
}

int64_t lease_end_ms(Connection& connection) {
  const auto lease_ms = static_cast<int64_t>(connection.options.lease_seconds * 1000);
  return connection.now_ms() + std::max<int64_t>(lease_ms, 1);
}

int64_t backoff_ms(const StoreOptions& options, int64_t ends) {
  const double seconds = options.backoff_seconds *
                         std::pow(4.0, static_cast<double>(std::clamp<int64_t>(ends, 1, 3)) - 1);
  return static_cast<int64_t>(seconds * 1000 * (1 + random_fraction() / 4));
}

void requeue(Connection& connection, const std::string& id, const Requeue& how) {
  const int64_t now = connection.now_ms();
  const auto rows = connection.query(
      "UPDATE jobs SET state=CASE WHEN cancel_requested=1 THEN 'cancelled' ELSE 'queued' END, "
      "finished_ms=CASE WHEN cancel_requested=1 THEN ? ELSE finished_ms END, "
      "worker=CASE WHEN cancel_requested=1 THEN worker ELSE '' END, "
      "attempt=attempt-?, deaths=deaths+?, fence=fence+?, lease_until_ms=0, not_before_ms=?, "
      "progress='', error=CASE WHEN cancel_requested=1 THEN '' ELSE ? END WHERE id=? AND "
      "state='running' RETURNING state, tenant",
      {now, int64_t{how.count ? 0 : 1}, how.deaths, int64_t{how.new_fence ? 1 : 0},
       now + how.wait_ms, how.error, id});
  if (!rows.empty() && state_of(text_at(rows[0], 0)) == JobState::queued) {
    count_waiting(connection, text_at(rows[0], 1), 1);
  }
  connection.execute("DELETE FROM previews WHERE job=?", {id});
}

}  // namespace zc
