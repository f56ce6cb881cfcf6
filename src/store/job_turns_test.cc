// SPDX-License-Identifier: Apache-2.0
// Whose job is next: priorities, turns of tenants, age; and positions in this order.
#include <gtest/gtest.h>

#include <random>

#include "store/store_fixture.h"

namespace zc {
namespace {

class JobTurnsTest : public StoreTest {
 protected:
  // "a1 b1 a2": the bodies in the order in which they are claimed.
  std::string claimed_in_order() {
    std::string bodies;
    while (const auto job = claim()) bodies += (bodies.empty() ? "" : " ") + job->body;
    return bodies;
  }
};
ZC_ON_BOTH_DATABASES(JobTurnsTest);

TEST_P(JobTurnsTest, OneTenantsJobsGoByAge) {
  for (const char* body : {"1", "2", "3"}) submit(body);
  EXPECT_EQ(claimed_in_order(), "1 2 3");
}

TEST_P(JobTurnsTest, HigherPrioritiesGoFirst) {
  submit("low", "a", -5);
  submit("middle", "a", 0);
  submit("high", "b", 9);
  submit("high too", "a", 9);
  EXPECT_EQ(claimed_in_order(), "high too high middle low");
}

TEST_P(JobTurnsTest, TenantsTakeTurnsHoweverManyJobsOneOfThemHas) {
  for (const char* body : {"a1", "a2", "a3", "a4"}) submit(body, "a");
  submit("b1", "b");
  submit("b2", "b");
  submit("c1", "c");
  EXPECT_EQ(claimed_in_order(), "a1 b1 c1 a2 b2 a3 a4");
}

TEST_P(JobTurnsTest, WhoWasNotServedForLongGoesFirst) {
  submit("a1", "a");
  submit("b1", "b");
  EXPECT_EQ(claimed_in_order(), "a1 b1");
  submit("b2", "b");
  submit("a2", "a");
  submit("b3", "b");
  EXPECT_EQ(claimed_in_order(), "a2 b2 b3");
}

TEST_P(JobTurnsTest, AJobThatWaitsForItsNextAttemptHoldsNobodyUp) {
  submit("a1", "a", 9);
  const auto first = claim();
  store().jobs().fail(*first, "{}", true);
  submit("b1", "b");
  EXPECT_EQ(claimed_in_order(), "b1");
  now_ms_ += 1250;
  EXPECT_EQ(claimed_in_order(), "a1");
}

TEST_P(JobTurnsTest, KnowsThePositionOfEachJob) {
  std::vector<Job> jobs;
  std::mt19937 random(7);
  for (int i = 0; i < 40; ++i) {
    jobs.push_back(submit("{}", std::string(1, static_cast<char>('a' + random() % 4)),
                          static_cast<int64_t>(random() % 2)));
  }
  for (int served = 0; served < 40; ++served) {
    std::vector<std::pair<int64_t, std::string>> waiting;
    for (const Job& job : jobs) {
      const int64_t position = store().jobs().position(job.id);
      if (store().jobs().get(job.id)->state == JobState::running) {
        EXPECT_EQ(position, 0);
      } else {
        waiting.emplace_back(position, job.id);
      }
    }
    std::sort(waiting.begin(), waiting.end());
    for (size_t i = 0; i < waiting.size(); ++i) {
      EXPECT_EQ(waiting[i].first, static_cast<int64_t>(i));
    }
    EXPECT_EQ(claim()->id, waiting[0].second);
  }
}

TEST_P(JobTurnsTest, AJobThatDoesNotWaitHasNoPosition) {
  const Job job = submit();
  EXPECT_EQ(store().jobs().position(job.id), 0);
  store().jobs().cancel(job.id);
  EXPECT_EQ(store().jobs().position(job.id), -1);
  EXPECT_EQ(store().jobs().position("0123456789abcdef0123"), -1);
}

}  // namespace
}  // namespace zc
