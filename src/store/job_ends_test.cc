// SPDX-License-Identifier: Apache-2.0
// How attempts at a job end: results, failures, lost workers, cancelling.
#include <gtest/gtest.h>

#include "store/store_fixture.h"

namespace zc {
namespace {

class JobEndsTest : public StoreTest {
 protected:
  Jobs& jobs() { return store().jobs(); }
  JobState state_of_job(const std::string& id) { return jobs().get(id)->state; }
};
ZC_ON_BOTH_DATABASES(JobEndsTest);

TEST_P(JobEndsTest, KeepsTheResultAndThePicturesOfAFinishedJob) {
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

TEST_P(JobEndsTest, SaysTheSameWhenAResultIsHandedInTwice) {
  const Job job = submit();
  const auto claimed = claim();
  const std::vector<NewImage> images = {image_named("one")};
  EXPECT_TRUE(jobs().complete(*claimed, "1", images));
  EXPECT_TRUE(jobs().complete(*claimed, "2", images));
  EXPECT_EQ(jobs().get(job.id)->result, "1");
  EXPECT_EQ(store().gallery().of_job(job.id).size(), 1u);
  EXPECT_FALSE(jobs().fail(*claimed, "{}", false));
}

TEST_P(JobEndsTest, DropsTheResultOfAWorkerThatLostItsLease) {
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

TEST_P(JobEndsTest, AHeartbeatRenewsTheLeaseAndKeepsTheProgress) {
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

TEST_P(JobEndsTest, TriesAFailedJobAgainAfterLongerAndLongerPauses) {
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

TEST_P(JobEndsTest, NeverTriesAgainWhatCannotGoWell) {
  const Job job = submit();
  EXPECT_TRUE(jobs().fail(*claim(), R"({"code":"bad_request"})", false));
  EXPECT_EQ(state_of_job(job.id), JobState::failed);
  wait_out_the_back_off();
  EXPECT_FALSE(claim());
}

TEST_P(JobEndsTest, DoesNotCountAnAttemptThatWasGivenBack) {
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

TEST_P(JobEndsTest, GivesUpAJobThatKillsItsWorkersAndGoesOnWithTheOthers) {
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

TEST_P(JobEndsTest, WaitsBeforeARescuedJobRunsAgain) {
  submit();
  claim();
  let_the_lease_end();
  EXPECT_EQ(jobs().rescue(), 1);
  EXPECT_FALSE(claim());
  now_ms_ += 1250;
  EXPECT_EQ(claim()->attempt, 2);
}

TEST_P(JobEndsTest, CancelsAQueuedJobAtOnce) {
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

TEST_P(JobEndsTest, TellsARunningJobToEndAndKeepsWhatItHad) {
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

TEST_P(JobEndsTest, DoesNotStartACancelledJobAgain) {
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

TEST_P(JobEndsTest, LeavesAFinishedJobAsItIsWhenItIsCancelled) {
  const Job job = submit();
  jobs().complete(*claim(), "1", {});
  EXPECT_EQ(jobs().cancel(job.id)->state, JobState::done);
  EXPECT_FALSE(jobs().get(job.id)->cancel_requested);
}

TEST_P(JobEndsTest, KeepsAPreviewUntilTheJobEnds) {
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

TEST_P(JobEndsTest, RemovesThePreviewOfAJobThatGoesBackToTheQueue) {
  const Job job = submit();
  const auto claimed = claim();
  jobs().set_preview(*claimed, 1, bytes_of("one"));
  let_the_lease_end();
  jobs().rescue();
  EXPECT_FALSE(jobs().preview(job.id));
}

}  // namespace
}  // namespace zc
