// SPDX-License-Identifier: Apache-2.0
#include "store/jobs.h"

#include <gtest/gtest.h>

#include <atomic>
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
  // The lease of whoever has a job now runs out.
  void let_the_lease_end() { now_ms_ += static_cast<int64_t>(options_.lease_seconds * 1000) + 1; }
  void wait_out_the_back_off() { now_ms_ += 100'000; }
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

TEST_P(JobsTest, KeepsTheResultAndThePicturesOfAFinishedJob) {
  const Job job = submit();
  const auto claimed = claim();
  const std::vector<NewImage> images = {image_named("one"), image_named("two")};
  now_ms_ += 500;
  EXPECT_TRUE(jobs().complete(*claimed, R"({"seed":7})", images));
  const Job done = *jobs().get(job.id);
  EXPECT_EQ(done.state, JobState::done);
  EXPECT_EQ(done.result, R"({"seed":7})");
  EXPECT_EQ(done.error, "");
  EXPECT_EQ(done.finished_ms, now_ms_);
  const auto stored = store().gallery().of_job(job.id);
  ASSERT_EQ(stored.size(), 2u);
  EXPECT_EQ(stored[0].prompt, "one");
  EXPECT_EQ(stored[1].job, job.id);
}

TEST_P(JobsTest, SaysTheSameWhenAResultIsHandedInTwice) {
  const Job job = submit();
  const auto claimed = claim();
  const std::vector<NewImage> images = {image_named("one")};
  EXPECT_TRUE(jobs().complete(*claimed, "1", images));
  EXPECT_TRUE(jobs().complete(*claimed, "2", images));
  EXPECT_EQ(jobs().get(job.id)->result, "1");
  EXPECT_EQ(store().gallery().of_job(job.id).size(), 1u);
  EXPECT_FALSE(jobs().fail(*claimed, "{}", false));
}

TEST_P(JobsTest, DropsTheResultOfAWorkerThatLostItsLease) {
  const Job job = submit();
  const auto stale = claim("slow");
  let_the_lease_end();
  EXPECT_EQ(jobs().rescue(), 1);
  EXPECT_EQ(state_of_job(job.id), JobState::queued);
  const std::vector<NewImage> images = {image_named("stale")};
  for (int round = 0; round < 2; ++round) {  // waiting, then with another worker
    EXPECT_FALSE(jobs().complete(*stale, "stale", images));
    EXPECT_FALSE(jobs().cancelled(*stale, "stale", images));
    EXPECT_FALSE(jobs().fail(*stale, "{}", true));
    EXPECT_FALSE(jobs().fail(*stale, "{}", false));
    EXPECT_FALSE(jobs().release(*stale));
    EXPECT_TRUE(jobs().heartbeat(*stale, "{}").lost);
    wait_out_the_back_off();
    if (round == 0) {
      ASSERT_TRUE(claim("quick"));
    }
  }
  const Job running = *jobs().get(job.id);
  EXPECT_EQ(running.worker, "quick");
  EXPECT_EQ(running.state, JobState::running);
  EXPECT_TRUE(jobs().complete(running, "fresh", {}));
  EXPECT_EQ(jobs().get(job.id)->result, "fresh");
  EXPECT_TRUE(store().gallery().of_job(job.id).empty());
}

TEST_P(JobsTest, AHeartbeatRenewsTheLeaseAndKeepsTheProgress) {
  const Job job = submit();
  const auto claimed = claim();
  for (int i = 0; i < 3; ++i) {
    now_ms_ += 20'000;
    const Jobs::Beat beat = jobs().heartbeat(*claimed, i == 0 ? R"({"done":1})" : "");
    EXPECT_FALSE(beat.lost);
    EXPECT_FALSE(beat.cancel);
    EXPECT_EQ(jobs().rescue(), 0);
  }
  EXPECT_EQ(jobs().get(job.id)->progress, R"({"done":1})");
  let_the_lease_end();
  EXPECT_EQ(jobs().rescue(), 1);
  EXPECT_EQ(jobs().get(job.id)->progress, "");
}

TEST_P(JobsTest, TriesAFailedJobAgainAfterLongerAndLongerPauses) {
  options_.max_attempts = 4;
  const Job job = submit();
  for (const int64_t pause_ms : {1000, 4000, 16000}) {
    const auto claimed = claim();
    ASSERT_TRUE(claimed);
    EXPECT_TRUE(jobs().fail(*claimed, R"({"code":"x"})", true));
    EXPECT_TRUE(jobs().fail(*claimed, R"({"code":"x"})", true));  // the same answer again
    EXPECT_EQ(jobs().get(job.id)->error, R"({"code":"x"})");
    now_ms_ += pause_ms - 1;
    EXPECT_FALSE(claim());
    now_ms_ += pause_ms / 4 + 1;
  }
  const auto last = claim();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->attempt, 4);
  EXPECT_TRUE(jobs().fail(*last, R"({"code":"y"})", true));
  const Job failed = *jobs().get(job.id);
  EXPECT_EQ(failed.state, JobState::failed);
  EXPECT_EQ(failed.error, R"({"code":"y"})");
  EXPECT_EQ(failed.finished_ms, now_ms_);
}

TEST_P(JobsTest, NeverTriesAgainWhatCannotGoWell) {
  const Job job = submit();
  EXPECT_TRUE(jobs().fail(*claim(), R"({"code":"bad_request"})", false));
  EXPECT_EQ(state_of_job(job.id), JobState::failed);
  wait_out_the_back_off();
  EXPECT_FALSE(claim());
}

TEST_P(JobsTest, DoesNotCountAnAttemptThatWasGivenBack) {
  const Job job = submit();
  for (int i = 0; i < 5; ++i) {
    const auto claimed = claim();
    ASSERT_TRUE(claimed);
    EXPECT_EQ(claimed->attempt, 1);
    EXPECT_EQ(claimed->fence, i + 1);
    EXPECT_TRUE(jobs().release(*claimed));
    EXPECT_TRUE(jobs().release(*claimed));
  }
  EXPECT_EQ(state_of_job(job.id), JobState::queued);
  EXPECT_EQ(jobs().get(job.id)->worker, "");
}

TEST_P(JobsTest, GivesUpAJobThatKillsItsWorkersAndGoesOnWithTheOthers) {
  const Job poison = submit();
  const Job good = submit();
  for (int death = 1; death <= 3; ++death) {
    ASSERT_EQ(claim("worker " + std::to_string(death))->id, poison.id);
    let_the_lease_end();
    EXPECT_EQ(jobs().rescue(), 1);
    wait_out_the_back_off();
  }
  const Job dead = *jobs().get(poison.id);
  EXPECT_EQ(dead.state, JobState::dead);
  EXPECT_EQ(dead.finished_ms, now_ms_ - 100'000);
  EXPECT_NE(dead.error.find("worker 3"), std::string::npos);
  EXPECT_NE(dead.error.find(R"("code":"worker_lost")"), std::string::npos);
  EXPECT_EQ(claim()->id, good.id);
  EXPECT_FALSE(claim());
}

TEST_P(JobsTest, WaitsBeforeARescuedJobRunsAgain) {
  submit();
  claim();
  let_the_lease_end();
  EXPECT_EQ(jobs().rescue(), 1);
  EXPECT_FALSE(claim());
  now_ms_ += 1250;
  EXPECT_EQ(claim()->attempt, 2);
}

TEST_P(JobsTest, CancelsAQueuedJobAtOnce) {
  const Job job = submit();
  const auto cancelled = jobs().cancel(job.id);
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->state, JobState::cancelled);
  EXPECT_EQ(cancelled->finished_ms, now_ms_);
  EXPECT_FALSE(claim());
  EXPECT_EQ(jobs().cancel(job.id)->state, JobState::cancelled);
  EXPECT_FALSE(jobs().cancel("0123456789abcdef0123"));
  EXPECT_FALSE(jobs().cancel("no id\xFF"));
}

TEST_P(JobsTest, TellsARunningJobToEndAndKeepsWhatItHad) {
  const Job job = submit();
  const auto claimed = claim();
  EXPECT_EQ(jobs().cancel(job.id)->state, JobState::running);
  EXPECT_TRUE(jobs().get(job.id)->cancel_requested);
  EXPECT_TRUE(jobs().heartbeat(*claimed, "").cancel);
  EXPECT_TRUE(jobs().cancelled(*claimed, R"({"partial":1})", std::vector{image_named("half")}));
  EXPECT_EQ(state_of_job(job.id), JobState::cancelled);
  EXPECT_EQ(jobs().get(job.id)->result, R"({"partial":1})");
  EXPECT_EQ(store().gallery().of_job(job.id).size(), 1u);
}

TEST_P(JobsTest, DoesNotStartACancelledJobAgain) {
  for (int how = 0; how < 3; ++how) {
    const Job job = submit();
    const auto claimed = claim();
    jobs().cancel(job.id);
    if (how == 0) {
      EXPECT_TRUE(jobs().fail(*claimed, "{}", true));
    } else if (how == 1) {
      EXPECT_TRUE(jobs().release(*claimed));
    } else {
      let_the_lease_end();
      EXPECT_EQ(jobs().rescue(), 1);
      EXPECT_FALSE(jobs().cancelled(*claimed, "late", {}));
    }
    EXPECT_EQ(state_of_job(job.id), JobState::cancelled) << how;
    EXPECT_EQ(jobs().get(job.id)->error, "");
    EXPECT_GT(jobs().get(job.id)->finished_ms, 0);
  }
}

TEST_P(JobsTest, LeavesAFinishedJobAsItIsWhenItIsCancelled) {
  const Job job = submit();
  jobs().complete(*claim(), "1", {});
  EXPECT_EQ(jobs().cancel(job.id)->state, JobState::done);
  EXPECT_FALSE(jobs().get(job.id)->cancel_requested);
}

TEST_P(JobsTest, KeepsAPreviewUntilTheJobEnds) {
  const Job job = submit();
  EXPECT_FALSE(jobs().preview(job.id));
  const auto claimed = claim();
  jobs().set_preview(*claimed, 3, bytes_of("three"));
  jobs().set_preview(*claimed, 4, bytes_of("four"));
  EXPECT_EQ(jobs().preview(job.id)->step, 4);
  EXPECT_EQ(jobs().preview(job.id)->bytes, bytes_of("four"));
  jobs().complete(*claimed, "{}", {});
  EXPECT_FALSE(jobs().preview(job.id));
  jobs().set_preview(*claimed, 5, bytes_of("late"));
  EXPECT_FALSE(jobs().preview(job.id));
}

TEST_P(JobsTest, RemovesThePreviewOfAJobThatGoesBackToTheQueue) {
  const Job job = submit();
  const auto claimed = claim();
  jobs().set_preview(*claimed, 1, bytes_of("one"));
  let_the_lease_end();
  jobs().rescue();
  EXPECT_FALSE(jobs().preview(job.id));
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
