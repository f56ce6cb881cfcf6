// SPDX-License-Identifier: Apache-2.0
#include "store/jobs.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <thread>

#include "base/error_of.h"
#include "store/store_fixture.h"

namespace zc {
namespace {

class JobsTest : public StoreTest {
 protected:
  Jobs& jobs() { return store().jobs(); }
  JobState state_of_job(const std::string& id) { return jobs().get(id)->state; }
};
ZC_ON_BOTH_DATABASES(JobsTest);

TEST_P(JobsTest, GivesASubmittedJobToOneWorkerOnly) {
  const Job submitted = submit(R"({"prompt":"a house"})");
  EXPECT_EQ(submitted.id.size(), 20u);
  EXPECT_EQ(submitted.state, JobState::queued);
  EXPECT_EQ(submitted.created_ms, now_ms_);
  const auto claimed = claim("first");
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->id, submitted.id);
  EXPECT_EQ(claimed->body, R"({"prompt":"a house"})");
  EXPECT_EQ(claimed->state, JobState::running);
  EXPECT_EQ(claimed->worker, "first");
  EXPECT_EQ(claimed->attempt, 1);
  EXPECT_EQ(claimed->fence, 1);
  EXPECT_EQ(claimed->started_ms, now_ms_);
  EXPECT_FALSE(claim("second"));
}

TEST_P(JobsTest, AnotherProcessSeesTheSameQueue) {
  const auto other = open();
  const Job job = submit();
  EXPECT_EQ(other->jobs().get(job.id)->state, JobState::queued);
  const auto claimed = other->jobs().claim("w", {});
  ASSERT_TRUE(claimed);
  EXPECT_FALSE(claim());
  EXPECT_TRUE(other->jobs().complete(*claimed, "{}", {}));
  EXPECT_EQ(state_of_job(job.id), JobState::done);
}

TEST_P(JobsTest, ClaimsOnlyTheKindsThatAWorkerKnows) {
  const Job train = jobs().submit({.kind = "train"});
  const Job annotate = jobs().submit({.kind = "annotate"});
  const std::vector<std::string> kinds = {"generate", "annotate"};
  EXPECT_EQ(jobs().claim("w", kinds)->id, annotate.id);
  EXPECT_FALSE(jobs().claim("w", kinds));
  EXPECT_EQ(claim()->id, train.id);
}

TEST_P(JobsTest, GivesTheFirstJobForAnIdempotencyKeyOfTheSameTenant) {
  const Job first = jobs().submit({.body = "1", .tenant = "a", .idempotency_key = "k"});
  EXPECT_EQ(jobs().submit({.body = "2", .tenant = "a", .idempotency_key = "k"}).id, first.id);
  EXPECT_NE(jobs().submit({.body = "2", .tenant = "b", .idempotency_key = "k"}).id, first.id);
  EXPECT_NE(submit().id, submit().id);  // none is no key
  jobs().cancel(first.id);
  const Job again = jobs().submit({.body = "3", .tenant = "a", .idempotency_key = "k"});
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(again.state, JobState::cancelled);
  EXPECT_EQ(again.body, "1");
}

TEST_P(JobsTest, RefusesAJobWhenTheQueueIsFull) {
  options_.max_queued = 3;
  options_.max_queued_per_tenant = 2;
  jobs().submit({.tenant = "a", .idempotency_key = "k"});
  submit("{}", "a");
  const Error own = error_of([&] { submit("{}", "a"); });
  EXPECT_EQ(own.kind(), ErrorKind::unavailable);
  EXPECT_EQ(own.where(), "queue");
  submit("{}", "b");
  EXPECT_EQ(error_of([&] { submit("{}", "c"); }).where(), "queue");
  EXPECT_NO_THROW(jobs().submit({.tenant = "a", .idempotency_key = "k"}));  // that one is in
  claim();
  EXPECT_NO_THROW(submit("{}", "c"));
}

TEST_P(JobsTest, HasRoomAgainForEachJobThatLeavesTheQueueAndNoneWhenItComesBack) {
  options_.max_queued_per_tenant = 2;
  const auto full = [&] {
    try {
      jobs().cancel(submit().id);
      return false;
    } catch (const Error&) {
      return true;
    }
  };
  const Job first = submit();
  const Job second = submit();
  EXPECT_TRUE(full());
  auto claimed = claim();
  EXPECT_FALSE(full());
  jobs().release(*claimed);
  EXPECT_TRUE(full());
  claimed = claim();
  jobs().fail(*claimed, "{}", true);
  EXPECT_TRUE(full());
  jobs().cancel(second.id);
  jobs().cancel(second.id);
  EXPECT_FALSE(full());
  wait_out_the_back_off();
  claimed = claim();
  EXPECT_EQ(claimed->id, first.id);
  submit();
  EXPECT_FALSE(full());
  let_the_lease_end();
  jobs().rescue();
  EXPECT_TRUE(full());
}

TEST_P(JobsTest, ListsTheNewestFirstPageByPage) {
  std::vector<std::string> ids;
  for (int i = 0; i < 7; ++i) ids.push_back(submit("{}", i % 2 == 0 ? "even" : "odd").id);
  auto page = jobs().list({.limit = 4});
  ASSERT_EQ(page.size(), 4u);
  EXPECT_EQ(page[0].id, ids[6]);
  page = jobs().list({.before_id = page[3].id, .limit = 4});
  ASSERT_EQ(page.size(), 3u);
  EXPECT_EQ(page[2].id, ids[0]);
  EXPECT_EQ(jobs().list({.tenant = "odd"}).size(), 3u);
  jobs().cancel(ids[2]);
  EXPECT_EQ(jobs().list({.state = JobState::cancelled})[0].id, ids[2]);
  EXPECT_EQ(jobs().list({.state = JobState::queued, .tenant = "even"}).size(), 3u);
  EXPECT_EQ(jobs().list({.kind = "train"}).size(), 0u);
  const Error error = error_of([&] { jobs().list({.before_id = "unknown"}); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_EQ(error.where(), "before");
}

TEST_P(JobsTest, CountsTheJobsOfEveryState) {
  for (int i = 0; i < 3; ++i) submit();
  jobs().complete(*claim(), "{}", {});
  claim();
  const std::map<JobState, int64_t> expected = {{JobState::queued, 1},    {JobState::running, 1},
                                                {JobState::done, 1},      {JobState::failed, 0},
                                                {JobState::cancelled, 0}, {JobState::dead, 0}};
  EXPECT_EQ(jobs().counts(), expected);
}

TEST_P(JobsTest, ForgetsOldFinishedJobsButNotTheirPictures) {
  const Job old = submit();
  jobs().complete(*claim(), "{}", std::vector{image_named("kept")});
  now_ms_ += 10'000;
  const Job young = submit();
  jobs().complete(*claim(), "{}", {});
  const Job waiting = submit();
  now_ms_ += 5'000;
  jobs().prune(10'000);
  EXPECT_FALSE(jobs().get(old.id));
  EXPECT_TRUE(jobs().get(young.id));
  EXPECT_TRUE(jobs().get(waiting.id));
  EXPECT_EQ(store().gallery().of_job(old.id).size(), 1u);
}

TEST_P(JobsTest, ForgetsThousandsOfOldJobsInOneCall) {
  options_.max_queued_per_tenant = 2000;
  Connection connection = raw();
  connection.database->transaction([&] {
    for (int i = 0; i < 1200; ++i) {
      connection.execute(
          "INSERT INTO jobs (id, kind, tenant, state, priority, body, created_ms, finished_ms) "
          "VALUES (?, 'generate', 'local', 'done', 0, '{}', 1, 1)",
          {random_id()});
    }
  });
  jobs().prune(1000);
  EXPECT_EQ(jobs().counts()[JobState::done], 0);
}

TEST_P(JobsTest, NoJobIsTakenTwiceByThreadsAndProcessesThatAskAtOnce) {
  constexpr int kJobs = 60;
  for (int i = 0; i < kJobs; ++i) submit("{}", "tenant " + std::to_string(i % 3));
  std::vector<std::vector<std::string>> taken(4);
  std::vector<std::thread> workers;
  const auto other = open();
  for (size_t i = 0; i < taken.size(); ++i) {
    workers.emplace_back([&, i] {
      Store& mine = i % 2 == 0 ? store() : *other;
      while (const auto job = mine.jobs().claim("w" + std::to_string(i), {})) {
        taken[i].push_back(job->id);
        EXPECT_TRUE(mine.jobs().complete(*job, "{}", {}));
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  std::set<std::string> different;
  size_t all = 0;
  for (const auto& ids : taken) {
    different.insert(ids.begin(), ids.end());
    all += ids.size();
  }
  EXPECT_EQ(all, size_t{kJobs});
  EXPECT_EQ(different.size(), size_t{kJobs});
  EXPECT_EQ(jobs().counts()[JobState::done], kJobs);
}

TEST_P(JobsTest, OneKeySubmittedByManyAtOnceIsOneJob) {
  store();
  std::vector<std::string> ids(8);
  std::vector<std::thread> clients;
  for (std::string& id : ids) {
    clients.emplace_back([&] {
      const auto mine = open();
      id = mine->jobs().submit({.idempotency_key = "k"}).id;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), 1u);
  EXPECT_EQ(jobs().counts()[JobState::queued], 1);
}

TEST_P(JobsTest, ReadsTheDatabasesOwnClockWithoutOneOfTheTest) {
  options_.clock_ms = nullptr;
  const int64_t before = std::chrono::duration_cast<std::chrono::milliseconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count();
  const Job job = submit();
  EXPECT_NEAR(static_cast<double>(job.created_ms), static_cast<double>(before), 60'000);
}

}  // namespace
}  // namespace zc
