// SPDX-License-Identifier: Apache-2.0
#include "server/events.h"

#include <gtest/gtest.h>

#include <array>
#include <future>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "server/job_json.h"

namespace zc {
namespace {

struct EventsTest : testing::Test {
  Store store{{.url = "sqlite::memory:"}};
  Events events{store};
  std::vector<EventMessage> heard;

  Subscription listen(std::optional<int64_t> last_id = std::nullopt) {
    return events.subscribe([this](const EventMessage& message) { heard.push_back(message); },
                            last_id);
  }
  std::vector<std::string> types() {
    events.drain();
    std::vector<std::string> types;
    for (const EventMessage& message : heard) types.push_back(message.type);
    return types;
  }
  Job submit() { return store.jobs().submit({.kind = "generate", .body = R"({"prompt":"x"})"}); }
  Job running() {
    submit();
    return *store.jobs().claim("w", {});
  }
};

TEST_F(EventsTest, SaysHelloAndThenWhatHappens) {
  const Subscription subscription = listen();
  events.publish({{"type", "models"}});
  EXPECT_EQ(types(), (std::vector<std::string>{"hello", "models"}));
  EXPECT_EQ(parse_json(heard[0].text)["resumed"], false);
  EXPECT_EQ(parse_json(heard[1].text)["id"], heard[1].id);
  EXPECT_GT(heard[1].id, heard[0].id);
}

TEST_F(EventsTest, GoesOnWhereAListenerLeftOff) {
  events.publish({{"type", "one"}});
  const Subscription first = listen();
  events.publish({{"type", "two"}});
  events.publish({{"type", "three"}});
  events.drain();
  const int64_t seen = heard[1].id;
  heard.clear();
  const Subscription again = listen(seen);
  EXPECT_EQ(types(), (std::vector<std::string>{"hello", "three"}));
  EXPECT_EQ(parse_json(heard[0].text)["resumed"], true);
}

TEST_F(EventsTest, DoesNotClaimToResumeWhatAnotherRunOfTheServerSaid) {
  const Subscription subscription = listen(12);
  events.drain();
  EXPECT_EQ(parse_json(heard[0].text)["resumed"], false);
  EXPECT_GT(heard[0].id, 12);
}

TEST_F(EventsTest, KnowsOnlyTheLastThousand) {
  const Subscription first = listen();
  for (int i = 0; i < 1100; ++i) events.publish({{"type", "n"}});
  events.drain();
  const int64_t lost = heard[50].id;
  const int64_t known = heard[1050].id;
  heard.clear();
  const Subscription late = listen(lost);
  EXPECT_EQ(types(), (std::vector<std::string>{"hello"}));
  heard.clear();
  const Subscription timely = listen(known);
  EXPECT_EQ(types().size(), 1u + 50u);
}

TEST_F(EventsTest, APreviewIsATextAndAFrameAndIsNotKept) {
  const Subscription subscription = listen();
  const std::array<std::byte, 2> jpeg = {std::byte{0xFF}, std::byte{0xD8}};
  events.preview("job", 3, jpeg, true);
  events.drain();
  EXPECT_EQ(parse_json(heard[1].text)["step"], 3);
  EXPECT_EQ(heard[1].binary, std::string("\0\0\0\1\0\0\0\1\xFF\xD8", 10));
  const int64_t seen = heard[0].id;
  heard.clear();
  const Subscription again = listen(seen);
  EXPECT_EQ(types(), (std::vector<std::string>{"hello"}));
}

TEST_F(EventsTest, NobodyIsCalledAfterTheSubscriptionHasGone) {
  Subscription subscription = listen();
  events.drain();
  subscription.reset();
  events.publish({{"type", "models"}});
  EXPECT_EQ(types(), (std::vector<std::string>{"hello"}));
}

TEST_F(EventsTest, AListenerMayEndItselfInsideItsCallback) {
  Subscription subscription;
  int calls = 0;
  subscription = events.subscribe([&](const EventMessage&) {
    ++calls;
    subscription.reset();
  });
  events.drain();
  events.publish({{"type", "models"}});
  events.drain();
  EXPECT_LE(calls, 2);  // the first may have come before the assignment
}

TEST_F(EventsTest, AFinishedJobBringsItsPictures) {
  const Job job = running();
  NewImage image{.sha = std::string(64, 'a'), .width = 8, .height = 8};
  image.prompt = "x";
  store.jobs().complete(job, R"({"seed":7,"warnings":["small"]})", std::array{image});
  const Subscription subscription = listen();
  events.job_changed(*store.jobs().get(job.id));
  EXPECT_EQ(types(), (std::vector<std::string>{"hello", "job", "image"}));
  const nlohmann::json shown = parse_json(heard[1].text)["job"];
  EXPECT_EQ(shown["state"], "done");
  EXPECT_EQ(shown["seed"], 7);
  EXPECT_EQ(shown["warnings"][0], "small");
  EXPECT_EQ(shown["images"].size(), 1u);
  EXPECT_EQ(parse_json(heard[2].text)["image"]["job"], job.id);
}

TEST_F(EventsTest, WhoWaitsForAJobIsCalledOnceWhenItEnds) {
  const Job job = running();
  std::promise<Job> ended;
  events.when_finished(job.id, [&](const Job& now) { ended.set_value(now); });
  events.drain();
  EXPECT_EQ(events.awaited(), std::set<std::string>{job.id});
  store.jobs().complete(job, "{}", {});
  for (int i = 0; i < 3; ++i) events.job_changed(*store.jobs().get(job.id));
  EXPECT_EQ(ended.get_future().get().state, JobState::done);
  events.drain();
  EXPECT_TRUE(events.awaited().empty());
}

TEST_F(EventsTest, WhoWaitsForAJobThatEndedLongAgoIsCalledToo) {
  const Job job = running();
  store.jobs().complete(job, "{}", {});
  std::promise<JobState> ended;
  events.when_finished(job.id, [&](const Job& now) { ended.set_value(now.state); });
  EXPECT_EQ(ended.get_future().get(), JobState::done);
}

TEST_F(EventsTest, WhoWaitsForAJobThatIsNotThereIsTold) {
  std::promise<Job> ended;
  events.when_finished(std::string(20, '0'), [&](const Job& now) { ended.set_value(now); });
  const Job job = ended.get_future().get();
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(parse_json(job.error)["code"], "not_found");
}

TEST_F(EventsTest, TellsOnceThatTheQueueIsAnotherOne) {
  events.take_queue_changed();
  const Job job = submit();
  events.job_changed(job);
  EXPECT_TRUE(events.take_queue_changed());
  events.job_changed(job);  // the same state again
  EXPECT_FALSE(events.take_queue_changed());
}

TEST(JobJson, AQueuedJobHasAPositionAndNoPictures) {
  Store store({.url = "sqlite::memory:"});
  store.jobs().submit({.body = "{}"});
  const Job second = store.jobs().submit({.body = R"({"prompt":"y"})"});
  const nlohmann::json shown = job_json(store, second);
  EXPECT_EQ(shown["state"], "queued");
  EXPECT_EQ(shown["position"], 1);
  EXPECT_EQ(shown["request"]["prompt"], "y");
  EXPECT_TRUE(shown["progress"].is_null());
  EXPECT_TRUE(shown["started"].is_null());
  EXPECT_TRUE(shown["preview"].is_null());
  EXPECT_TRUE(shown["images"].empty());
}

TEST(JobJson, AJobThatWasCancelledBeforeItsFirstPictureStillSaysWhatItWas) {
  Store store({.url = "sqlite::memory:"});
  store.jobs().submit({.body = R"({"prompt":"y"})"});
  const std::vector<std::string> kinds = {"generate"};
  const std::optional<Job> job = store.jobs().claim("worker", kinds);
  ASSERT_TRUE(job);
  ASSERT_TRUE(store.jobs().cancelled(*job, R"({"request":null,"seed":null})", {}));
  const nlohmann::json shown = job_json(store, *store.jobs().get(job->id));
  EXPECT_EQ(shown["state"], "cancelled");
  EXPECT_EQ(shown["request"]["prompt"], "y");
}

}  // namespace
}  // namespace zc
