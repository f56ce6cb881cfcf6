// SPDX-License-Identifier: Apache-2.0
#include "server/worker.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "server/clock.h"
#include "server/follower.h"

namespace zc {
namespace {

struct WorkerTest : testing::Test {
  std::atomic<int64_t> now_ms{1'700'000'000'000};
  Store store{{.url = "sqlite::memory:", .clock_ms = [this] { return now_ms.load(); }}};
  Events events{store};
  std::unique_ptr<Engine> engine = make_null_engine(store, 0);

  WorkerOptions options() {
    WorkerOptions fast;
    fast.name = "w";
    fast.tick_seconds = 0.001;
    fast.idle_seconds = 0.001;
    fast.heartbeat_seconds = 0.001;
    fast.stop_seconds = 0;
    fast.release_seconds = 10;
    return fast;
  }
  std::unique_ptr<Worker> worker() {
    return std::make_unique<Worker>(store, *engine, &events, options());
  }
  Job submit(const std::string& body) {
    const Job job = store.jobs().submit({.kind = "generate", .body = body});
    events.job_changed(job);
    return job;
  }
  Job run(const std::string& body) {
    const Job job = submit(body);
    EXPECT_TRUE(worker()->run_one());
    return *store.jobs().get(job.id);
  }
  // Comes when the job has told its first progress.
  std::future<void> moves(const Job& job) {
    auto told = std::make_shared<std::promise<void>>();
    auto once = std::make_shared<std::atomic<bool>>(false);
    watching.push_back(events.on_job([=, id = job.id](const Job& now) {
      if (now.id == id && !now.progress.empty() && !once->exchange(true)) told->set_value();
    }));
    return told->get_future();
  }
  Job ended(const Job& job) {
    std::promise<Job> end;
    events.when_finished(job.id, [&](const Job& now) { end.set_value(now); });
    return end.get_future().get();
  }
  std::vector<Subscription> watching;
};

std::string code_of(const Job& job) {
  return parse_json(job.error)["code"];
}

TEST_F(WorkerTest, DoesAJobAndPutsItsPicturesIntoTheGallery) {
  const Job job = run(R"({"prompt":"a house","seed":5,"batch":2})");
  EXPECT_EQ(job.state, JobState::done);
  EXPECT_EQ(parse_json(job.result)["seed"], 5);
  const auto images = store.gallery().of_job(job.id);
  ASSERT_EQ(images.size(), 2u);
  EXPECT_EQ(images[1].prompt, "a house");
  EXPECT_TRUE(store.blobs().has(images[1].sha));
}

TEST_F(WorkerTest, HasNothingToDoWithAnEmptyQueue) {
  EXPECT_FALSE(worker()->run_one());
}

TEST_F(WorkerTest, LeavesOtherKindsOfJobsAlone) {
  store.jobs().submit({.kind = "train", .body = "{}"});
  EXPECT_FALSE(worker()->run_one());
}

TEST_F(WorkerTest, NeverTriesAJobAgainThatIsAtFaultItself) {
  for (const char* kind : {"bad_request", "bad_file", "not_found", "unsupported", "bug"}) {
    const Job job = run(fmt::format(R"({{"null":{{"fail":"{}","times":9}}}})", kind));
    EXPECT_EQ(job.state, JobState::failed) << kind;
    EXPECT_EQ(job.attempt, 1) << kind;
  }
  EXPECT_EQ(code_of(run("[]")), "invalid_value");
}

TEST_F(WorkerTest, TriesAgainWhereTheDiskOrAnotherProgramIsAtFault) {
  const Job job = run(R"({"null":{"fail":"unavailable","times":1}})");
  EXPECT_EQ(job.state, JobState::queued);
  EXPECT_EQ(code_of(job), "unavailable");
  EXPECT_FALSE(worker()->run_one());  // not yet
  now_ms += 5000;
  EXPECT_TRUE(worker()->run_one());
  EXPECT_EQ(store.jobs().get(job.id)->state, JobState::done);
}

TEST_F(WorkerTest, TakesTheLowMemoryPlanOnceWhenMemoryIsShort) {
  const Job job = run(R"({"null":{"fail":"out_of_memory","times":1}})");
  EXPECT_EQ(job.state, JobState::done);
  EXPECT_EQ(job.attempt, 1);
  EXPECT_EQ(parse_json(job.result)["low_memory"], true);
}

TEST_F(WorkerTest, AJobThatNeedsTooMuchMemoryEvenSoFails) {
  const Job job = run(R"({"null":{"fail":"out_of_memory","times":2}})");
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(code_of(job), "out_of_memory");
}

TEST_F(WorkerTest, ACancelledJobEndsAtItsNextStep) {
  const Job job = submit(R"({"null":{"hang":true}})");
  auto moving = moves(job);
  const auto w = worker();
  w->start();
  moving.wait();
  events.job_changed(*store.jobs().cancel(job.id));
  EXPECT_EQ(ended(job).state, JobState::cancelled);
}

TEST_F(WorkerTest, LearnsFromTheStoreThatAnotherProcessCancelledTheJob) {
  const Job job = submit(R"({"null":{"hang":true}})");
  auto moving = moves(job);
  const auto w = worker();
  w->start();
  moving.wait();
  store.jobs().cancel(job.id);
  EXPECT_EQ(ended(job).state, JobState::cancelled);
}

TEST_F(WorkerTest, GivesItsJobBackWhenTheProgramEnds) {
  const Job job = submit(R"({"null":{"hang":true}})");
  auto moving = moves(job);
  const auto w = worker();
  w->start();
  moving.wait();
  EXPECT_TRUE(w->stop());
  const Job now = *store.jobs().get(job.id);
  EXPECT_EQ(now.state, JobState::queued);
  EXPECT_EQ(now.attempt, 0);  // it does not count
}

TEST_F(WorkerTest, FinishesItsJobWhenThatTakesNotLong) {
  const Job job = submit("{}");
  WorkerOptions patient = options();
  patient.stop_seconds = 20;
  Worker w(store, *engine, &events, patient);
  w.start();
  EXPECT_EQ(ended(job).state, JobState::done);
  EXPECT_TRUE(w.stop());
}

TEST_F(WorkerTest, DropsWhatItMadeOfAJobThatWasTakenFromIt) {
  const Job job = submit(R"({"null":{"hang":true}})");
  auto moving = moves(job);
  const auto w = worker();
  w->start();
  moving.wait();
  // As if this process had slept for a minute.
  std::optional<Job> second;
  while (!second) {
    now_ms += 60'000;
    store.jobs().rescue();
    now_ms += 60'000;
    second = store.jobs().claim("other", std::array<std::string, 1>{"generate"});
  }
  EXPECT_TRUE(store.jobs().complete(*second, R"({"by":"other"})", {}));
  EXPECT_TRUE(w->stop());
  EXPECT_EQ(store.jobs().get(job.id)->result, R"({"by":"other"})");
}

TEST_F(WorkerTest, AJobWhoseStepHangsGoesBack) {
  const Job job = submit(R"({"null":{"hang":true}})");
  WorkerOptions hasty = options();
  hasty.watchdog_first_seconds = 0.01;
  Worker w(store, *engine, &events, hasty);
  EXPECT_TRUE(w.run_one());
  const Job now = *store.jobs().get(job.id);
  EXPECT_EQ(now.state, JobState::queued);
  EXPECT_EQ(code_of(now), "unavailable");
}

TEST_F(WorkerTest, TwoShareAQueueAndNothingIsDoneTwice) {
  std::vector<Job> jobs;
  for (int i = 0; i < 40; ++i) jobs.push_back(submit(fmt::format(R"({{"seed":{}}})", i)));
  WorkerOptions second_options = options();
  second_options.name = "w2";
  Worker first(store, *engine, &events, options());
  const auto second_engine = make_null_engine(store, 0);
  Worker second(store, *second_engine, nullptr, second_options);  // as another process
  Follower follower(store, events, {.own_workers = {"w"}, .busy_seconds = 0.001});
  follower.start();
  first.start();
  second.start();
  for (const Job& job : jobs) {
    const Job now = ended(job);
    EXPECT_EQ(now.state, JobState::done);
    EXPECT_EQ(now.attempt, 1);
    EXPECT_EQ(store.gallery().of_job(job.id).size(), 1u);
  }
}

TEST_F(WorkerTest, IsListedWhileItIsThere) {
  const auto w = worker();
  submit("{}");
  w->start();
  ended(store.jobs().list({}).front());
  const WorkerList list(store);
  const auto there = list.list(unix_ms());
  ASSERT_EQ(there.size(), 1u);
  EXPECT_EQ(there[0].name, "w");
  EXPECT_EQ(there[0].device, "null");
  w->stop();
  EXPECT_TRUE(list.list(unix_ms()).empty());
}

}  // namespace
}  // namespace zc
