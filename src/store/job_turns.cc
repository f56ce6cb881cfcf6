// SPDX-License-Identifier: Apache-2.0
// Whose job is next: the highest priority, among its tenants the one that was served longest ago,
// of that tenant's jobs the oldest; and where a job stands in this order.
#include <algorithm>
#include <limits>
#include <mutex>

#include <fmt/format.h>

#include "base/error.h"
#include "store/connection.h"
#include "store/job_rows.h"

namespace zc {
namespace {

// What may be claimed now: conditions on the table jobs, with parameters.
struct Claimable {
  int64_t now_ms;
  std::span<const std::string> kinds;

  std::string condition() const {
    std::string text = "jobs.state='queued' AND jobs.not_before_ms<=?";
    if (kinds.empty()) return text;
    text += " AND jobs.kind IN (?";
    for (size_t i = 1; i < kinds.size(); ++i) text += ",?";
    return text + ")";
  }
  std::vector<SqlValue> parameters(std::initializer_list<SqlValue> more) const {
    std::vector<SqlValue> values = {now_ms};
    values.insert(values.end(), kinds.begin(), kinds.end());
    values.insert(values.end(), more.begin(), more.end());
    return values;
  }
};

// The highest priority of a claimable job that is not above `highest`.
std::optional<int64_t> next_priority(Connection& connection, const Claimable& claimable,
                                     int64_t highest) {
  const auto rows =
      connection.database->query(fmt::format("SELECT priority FROM jobs WHERE {} AND priority<=? "
                                             "ORDER BY priority DESC LIMIT 1",
                                             claimable.condition()),
                                 claimable.parameters({highest}));
  if (rows.empty()) return std::nullopt;
  return integer_at(rows[0], 0);
}

// The tenant with claimable jobs of this priority that comes after `skipped` others.
std::optional<std::string> next_tenant(Connection& connection, const Claimable& claimable,
                                       int64_t priority, int64_t skipped) {
  const auto rows = connection.database->query(
      fmt::format("SELECT tenant FROM tenants WHERE EXISTS (SELECT 1 FROM jobs WHERE {} "
                  "AND jobs.priority=? AND jobs.tenant=tenants.tenant) "
                  "ORDER BY turn, seq LIMIT 1 OFFSET ?",
                  claimable.condition()),
      claimable.parameters({priority, skipped}));
  if (rows.empty()) return std::nullopt;
  return text_at(rows[0], 0);
}

// The key of the job to take. In PostgreSQL, jobs that other workers are about to take are passed
// over, and with them perhaps all of a tenant or of a priority; in SQLite the first try succeeds.
std::optional<int64_t> next_job(Connection& connection, const Claimable& claimable) {
  auto priority = next_priority(connection, claimable, std::numeric_limits<int64_t>::max());
  while (priority) {
    for (int64_t skipped = 0;; ++skipped) {
      const auto tenant = next_tenant(connection, claimable, *priority, skipped);
      if (!tenant) break;
      const auto rows = connection.database->query(
          fmt::format("SELECT seq FROM jobs WHERE {} AND priority=? AND tenant=? "
                      "ORDER BY seq LIMIT 1{}",
                      claimable.condition(), connection.skip_locked()),
          claimable.parameters({*priority, *tenant}));
      if (!rows.empty()) return integer_at(rows[0], 0);
    }
    if (*priority == std::numeric_limits<int64_t>::min()) break;
    priority = next_priority(connection, claimable, *priority - 1);
  }
  return std::nullopt;
}

Job take(Connection& connection, int64_t seq, const std::string& worker, int64_t now_ms) {
  const auto rows = connection.query(
      fmt::format("UPDATE jobs SET state='running', worker=?, fence=fence+1, attempt=attempt+1, "
                  "started_ms=?, lease_until_ms=?, progress='' WHERE seq=? RETURNING {}",
                  kJobColumns),
      {worker, now_ms, lease_end_ms(connection), seq});
  const Job job = job_of(rows.at(0));
  connection.execute("UPDATE tenants SET turn=(SELECT max(turn)+1 FROM tenants) WHERE tenant=?",
                     {job.tenant});
  count_waiting(connection, job.tenant, -1);
  return job;
}

struct Waiting {
  std::string tenant;
  int64_t turn;
  int64_t seq;  // of the tenant
  int64_t jobs;
};

// Whether jobs of other priorities wait too, which is rare: those of one alone need not be counted.
bool other_priorities_wait(Connection& connection, int64_t priority) {
  const auto rows = connection.query(
      "SELECT 1 FROM (SELECT 1 FROM jobs WHERE state='queued' AND priority>? LIMIT 1) AS higher "
      "UNION ALL "
      "SELECT 1 FROM (SELECT 1 FROM jobs WHERE state='queued' AND priority<? LIMIT 1) AS lower",
      {priority, priority});
  return !rows.empty();
}

std::vector<SqlRow> count_by_tenant(Connection& connection, int64_t priority) {
  return connection.query(
      "SELECT tenants.tenant, tenants.turn, tenants.seq, count(*) FROM jobs "
      "JOIN tenants ON tenants.tenant=jobs.tenant "
      "WHERE jobs.state='queued' AND jobs.priority=? "
      "GROUP BY tenants.tenant, tenants.turn, tenants.seq",
      {priority});
}

std::vector<Waiting> waiting_tenants(const std::vector<SqlRow>& rows) {
  std::vector<Waiting> waiting;
  for (const SqlRow& row : rows) {
    waiting.push_back(
        {text_at(row, 0), integer_at(row, 1), integer_at(row, 2), integer_at(row, 3)});
  }
  return waiting;
}

// Jobs of the same priority that go before the one that has `own_before` jobs of its own tenant
// before it: by then each other tenant was served as often, or once more if its turn is earlier.
int64_t jobs_before(const std::vector<Waiting>& waiting, const std::string& tenant,
                    int64_t own_before) {
  const auto own = std::find_if(waiting.begin(), waiting.end(),
                                [&](const Waiting& each) { return each.tenant == tenant; });
  if (own == waiting.end()) return own_before;  // claimed since we looked
  int64_t before = own_before;
  for (const Waiting& other : waiting) {
    if (other.tenant == tenant) continue;
    const bool earlier = std::pair(other.turn, other.seq) < std::pair(own->turn, own->seq);
    before += std::min(other.jobs, own_before + (earlier ? 1 : 0));
  }
  return before;
}

}  // namespace

std::optional<Job> Jobs::claim(const std::string& worker, std::span<const std::string> kinds) {
  ZC_BUG_IF(worker.empty());
  const std::lock_guard lock(connection_.mutex);
  // Workers ask an empty queue again and again: that must not take the write lock.
  const Claimable seen{connection_.now_ms(), kinds};
  if (!next_priority(connection_, seen, std::numeric_limits<int64_t>::max())) return std::nullopt;
  std::optional<Job> job;
  connection_.database->transaction([&] {
    const int64_t now = connection_.now_ms();
    const auto seq = next_job(connection_, {now, kinds});
    if (seq) job = take(connection_, *seq, worker, now);
  });
  return job;
}

int64_t Jobs::position(const std::string& id) {
  if (!is_id(id)) return -1;
  const std::lock_guard lock(connection_.mutex);
  const auto rows =
      connection_.query("SELECT state, tenant, priority, seq FROM jobs WHERE id=?", {id});
  if (rows.empty()) return -1;
  const JobState state = state_of(text_at(rows[0], 0));
  if (state != JobState::queued) return state == JobState::running ? 0 : -1;
  const std::string& tenant = text_at(rows[0], 1);
  const int64_t priority = integer_at(rows[0], 2);
  const auto own = connection_.query(
      "SELECT count(*) FROM jobs WHERE state='queued' AND priority=? AND tenant=? AND seq<?",
      {priority, tenant, rows[0][3]});
  const int64_t own_before = integer_at(own.at(0), 0);
  // A list asks for hundreds of positions, and each new job for its own: the whole queue is counted
  // only if it must be.
  if (!other_priorities_wait(connection_, priority)) {
    const auto tenants =
        connection_.query("SELECT tenant, turn, seq, waiting FROM tenants WHERE waiting>0");
    return jobs_before(waiting_tenants(tenants), tenant, own_before);
  }
  const auto higher = connection_.query(
      "SELECT count(*) FROM jobs WHERE state='queued' AND priority>?", {priority});
  return integer_at(higher.at(0), 0) +
         jobs_before(waiting_tenants(count_by_tenant(connection_, priority)), tenant, own_before);
}

}  // namespace zc
