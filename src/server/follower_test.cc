// SPDX-License-Identifier: Apache-2.0
#include "server/follower.h"

#include <gtest/gtest.h>

#include <array>
#include <future>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace zc {
namespace {

// The store plays the other process.
struct FollowerTest : testing::Test {
  int64_t now_ms = 1'700'000'000'000;
  Store store{{.url = "sqlite::memory:", .clock_ms = [this] { return now_ms; }}};
  Events events{store};
  Follower follower{store, events, {.own_workers = {"own"}}};
  std::vector<nlohmann::json> heard;
  std::vector<std::string> frames;
  Subscription subscription = events.subscribe([this](const EventMessage& message) {
    heard.push_back(parse_json(message.text));
    if (!message.binary.empty()) frames.push_back(message.binary);
  });

  std::vector<nlohmann::json> look() {
    events.drain();
    heard.clear();
    follower.look();
    events.drain();
    std::vector<nlohmann::json> jobs;
    for (const nlohmann::json& each : heard) {
      if (each["type"] == "job") jobs.push_back(each["job"]);
    }
    return jobs;
  }
  Job claimed(const std::string& worker) {
    store.jobs().submit({.body = "{}"});
    return *store.jobs().claim(worker, {});
  }
};

TEST_F(FollowerTest, TellsWhatAnotherProcessDoes) {
  const Job job = claimed("other");
  ASSERT_EQ(look().size(), 1u);
  EXPECT_TRUE(look().empty());  // nothing new
  store.jobs().heartbeat(job, R"({"phase":"sample","done":1,"total":4})");
  const std::array<std::byte, 2> jpeg = {std::byte{0xFF}, std::byte{0xD8}};
  store.jobs().set_preview(job, 1, jpeg);
  const auto moved = look();
  ASSERT_EQ(moved.size(), 1u);
  EXPECT_EQ(moved[0]["progress"]["done"], 1);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].back(), '\xD8');
  store.jobs().complete(job, "{}", {});
  const auto ended = look();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0]["state"], "done");
  EXPECT_TRUE(look().empty());
}

TEST_F(FollowerTest, TellsOfAJobThatAnotherProcessDidBetweenTwoLooks) {
  const Job queued = store.jobs().submit({.body = "{}"});
  events.job_changed(queued);
  EXPECT_TRUE(look().empty());
  const Job job = *store.jobs().claim("other", {});
  store.jobs().complete(job, "{}", {});
  const auto ended = look();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0]["state"], "done");
  EXPECT_TRUE(look().empty());
}

TEST_F(FollowerTest, MissesNoJobOfALongQueue) {
  std::vector<Job> jobs;
  for (int i = 0; i < 400; ++i) {
    jobs.push_back(store.jobs().submit({.body = "{}"}));
    events.job_changed(jobs.back());
  }
  store.jobs().cancel(jobs[350].id);  // by another server
  bool told = false;
  for (int i = 0; i < 7 && !told; ++i) {
    for (const nlohmann::json& job : look()) told = told || job["id"] == jobs[350].id;
  }
  EXPECT_TRUE(told);
}

TEST_F(FollowerTest, LeavesTheWorkersOfThisProcessToThemselves) {
  claimed("own");
  EXPECT_TRUE(look().empty());
}

TEST_F(FollowerTest, WhoWaitsLearnsOfAJobThatEndedBetweenTwoLooks) {
  const Job queued = store.jobs().submit({.body = "{}"});
  std::promise<JobState> ended;
  events.when_finished(queued.id, [&](const Job& job) { ended.set_value(job.state); });
  events.drain();
  EXPECT_TRUE(follower.look());
  const Job job = *store.jobs().claim("other", {});
  store.jobs().complete(job, "{}", {});
  follower.look();
  EXPECT_EQ(ended.get_future().get(), JobState::done);
  EXPECT_FALSE(follower.look());
}

TEST_F(FollowerTest, WhoWaitsLearnsOfAJobThatWasTakenFromAWorkerOfThisProcess) {
  const Job job = claimed("own");
  std::promise<JobState> ended;
  events.when_finished(job.id, [&](const Job& now) { ended.set_value(now.state); });
  events.drain();
  store.jobs().fail(job, R"({"code":"x","detail":"","field":""})", false);
  follower.look();
  follower.look();
  EXPECT_EQ(ended.get_future().get(), JobState::failed);
}

TEST_F(FollowerTest, GivesBackWhatDeadWorkersHad) {
  const Job job = claimed("other");
  look();
  now_ms += 31'000;
  follower.rescue();
  const auto jobs = look();
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs[0]["state"], "queued");
  EXPECT_EQ(jobs[0]["error"]["code"], "worker_lost");
  EXPECT_EQ(jobs[0]["id"], job.id);
}

TEST_F(FollowerTest, TellsHowLongTheQueueIs) {
  look();
  events.job_changed(store.jobs().submit({.body = "{}"}));
  look();
  const auto queue = std::find_if(heard.begin(), heard.end(),
                                  [](const auto& each) { return each["type"] == "queue"; });
  ASSERT_NE(queue, heard.end());
  EXPECT_EQ((*queue)["queued"], 1);
  EXPECT_EQ((*queue)["running"], 0);
}

TEST_F(FollowerTest, ForgetsOldJobsAndUnusedBlobs) {
  const Job job = claimed("other");
  store.jobs().complete(job, "{}", {});
  const std::array<std::byte, 1> byte = {std::byte{1}};
  const std::string sha = store.blobs().put(byte, "image/png");
  follower.tidy();
  EXPECT_TRUE(store.jobs().get(job.id));
  now_ms += 8 * 24 * 3600 * 1000ll;
  follower.tidy();
  EXPECT_FALSE(store.jobs().get(job.id));
  EXPECT_FALSE(store.blobs().has(sha));
}

}  // namespace
}  // namespace zc
