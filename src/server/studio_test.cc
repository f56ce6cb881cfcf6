// SPDX-License-Identifier: Apache-2.0
#include "server/studio.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <set>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "server/clock.h"
#include "server/test_client.h"
#include "server/worker_list.h"
#include "store/store_fixture.h"

namespace zc {
namespace {

class NoAnnotators final : public AnnotateService {
 public:
  void annotate(AnnotateRequest, AnnotateDone done) override { done({}, nullptr); }
  std::string render_pose(const std::string&, int64_t, int64_t, const std::string&) override {
    return "";
  }
  std::vector<AnnotatorEntry> annotators() const override { return {}; }
};

// Whoever comes waits until all are there: so many jobs are done at the same time.
class Meeting {
 public:
  explicit Meeting(int expected) : missing_(expected) {}
  void arrive() {
    std::unique_lock lock(mutex_);
    --missing_;
    changed_.notify_all();
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), [&] { return missing_ <= 0; }));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int missing_;
};

// The null engine on a device of its own. Jobs with the word "meet" in them meet.
class DeviceEngine final : public Engine {
 public:
  DeviceEngine(Store& store, std::string device, Meeting& meeting)
      : null_(make_null_engine(store, 0)), device_(std::move(device)), meeting_(meeting) {}

  std::vector<std::string> kinds() const override { return null_->kinds(); }
  std::string device() const override { return device_; }
  std::string plan(const std::string& body) override { return null_->plan(body); }
  EngineResult run(const Job& job, const EngineHooks& hooks) override {
    if (job.body.find("meet") != std::string::npos) meeting_.arrive();
    return null_->run(job, hooks);
  }

 private:
  std::unique_ptr<Engine> null_;
  std::string device_;
  Meeting& meeting_;
};

struct StudioTest : testing::Test {
  using EngineMakers = decltype(StudioMakers::engines);
  TestFolder folder;

  ServeOptions options() {
    ServeOptions o;
    o.port = 0;
    o.data = folder.path();
    return o;
  }
  static std::unique_ptr<Studio> studio(const ServeOptions& o) {
    return studio(o, {[](Store& store, Catalogue&) { return make_null_engine(store, 0); }});
  }
  static std::unique_ptr<Studio> studio(const ServeOptions& o, EngineMakers engines) {
    StudioMakers makers;
    makers.engines = std::move(engines);
    makers.annotate = [](Store&, const Catalogue&) { return std::make_unique<NoAnnotators>(); };
    makers.read_model = [](const std::filesystem::path&) { return ModelLook{}; };
    makers.version = "zeroconv test";
    return std::make_unique<Studio>(o, std::move(makers));
  }
  static TestResponse get(const Studio& studio, const std::string& path) {
    TestClient client(studio.port());
    client.request("GET " + path);
    return client.response();
  }
  static EngineMakers two_gpus(Meeting& meeting) {
    EngineMakers makers;
    for (const char* device : {"cuda:0 A", "cuda:1 B"}) {
      makers.emplace_back([device, &meeting](Store& store, Catalogue&) {
        return std::make_unique<DeviceEngine>(store, device, meeting);
      });
    }
    return makers;
  }
  static Job submit(Studio& studio, const std::string& body = R"({"prompt":"x"})") {
    const Job job = studio.parts().store.jobs().submit({.body = body});
    studio.parts().events.job_changed(job);
    return job;
  }
  static Job ended(Studio& studio, const std::string& id) {
    std::promise<Job> end;
    studio.parts().events.when_finished(id, [&](const Job& job) { end.set_value(job); });
    return end.get_future().get();
  }
};

TEST_F(StudioTest, ListensAndTellsItsHealth) {
  const auto s = studio(options());
  s->start();
  const TestResponse health = get(*s, "/health");
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(parse_json(health.body)["version"], "zeroconv test");
  EXPECT_NE(get(*s, "/metrics").body.find("zeroconv_http_requests_total"), std::string::npos);
  EXPECT_TRUE(s->stop());
}

TEST_F(StudioTest, ItsLinkHoldsTheTokenWhereNoServerSeesIt) {
  const auto s = studio(options());
  s->start();
  const std::string link = s->link();
  EXPECT_TRUE(link.starts_with(s->address() + "/#token=")) << link;
  EXPECT_TRUE(s->address().starts_with("http://127.0.0.1:"));
}

TEST_F(StudioTest, DoesTheJobsOfItsQueue) {
  const auto s = studio(options());
  s->start();
  const Job job = submit(*s);
  EXPECT_EQ(ended(*s, job.id).state, JobState::done);
  EXPECT_EQ(s->parts().store.gallery().of_job(job.id).size(), 1u);
}

TEST_F(StudioTest, AQueuedJobOutlivesTheProcess) {
  std::string id;
  {
    ServeOptions without_workers = options();
    without_workers.workers = 0;
    const auto s = studio(without_workers);
    s->start();
    id = submit(*s).id;
  }
  const auto again = studio(options());
  again->start();
  EXPECT_EQ(ended(*again, id).state, JobState::done);
}

TEST_F(StudioTest, SeveralWorkersShareTheQueue) {
  ServeOptions two = options();
  two.workers = 2;
  const auto s = studio(two);
  s->start();
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(submit(*s).id);
  for (const std::string& id : ids) EXPECT_EQ(ended(*s, id).state, JobState::done);
}

TEST_F(StudioTest, EachDeviceTakesJobsFromTheOneQueue) {
  Meeting meeting(2);
  const auto s = studio(options(), two_gpus(meeting));
  s->start();
  const Job first = submit(*s, R"({"prompt":"meet"})");
  const Job second = submit(*s, R"({"prompt":"meet"})");
  const Job first_end = ended(*s, first.id), second_end = ended(*s, second.id);
  EXPECT_EQ(first_end.state, JobState::done);
  EXPECT_EQ(second_end.state, JobState::done);
  EXPECT_NE(first_end.worker, second_end.worker);
  std::set<std::string> devices;
  for (const WorkerInfo& worker : s->parts().workers.list(unix_ms())) devices.insert(worker.device);
  EXPECT_EQ(devices, (std::set<std::string>{"cuda:0 A", "cuda:1 B"}));
  EXPECT_EQ(s->parts().engine.device(), "cuda:0 A");
}

TEST_F(StudioTest, SeveralWorkersAreSeveralForEachDevice) {
  Meeting meeting(4);
  ServeOptions two = options();
  two.workers = 2;
  const auto s = studio(two, two_gpus(meeting));
  s->start();
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(submit(*s, R"({"prompt":"meet"})").id);
  for (const std::string& id : ids) EXPECT_EQ(ended(*s, id).state, JobState::done);
}

TEST_F(StudioTest, ADeviceThatHangsOrFailsDoesNotStopTheOther) {
  Meeting meeting(2);
  const auto s = studio(options(), two_gpus(meeting));
  s->start();
  const Job hanging = submit(*s, R"({"null":{"hang":true}})");
  const Job failing = submit(*s, R"({"null":{"fail":"bug","times":9}})");
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(submit(*s).id);
  for (const std::string& id : ids) EXPECT_EQ(ended(*s, id).state, JobState::done);
  EXPECT_EQ(ended(*s, failing.id).state, JobState::failed);
  const auto cancelled = s->parts().store.jobs().cancel(hanging.id);
  ASSERT_TRUE(cancelled.has_value());
  s->parts().events.job_changed(*cancelled);
  EXPECT_EQ(ended(*s, hanging.id).state, JobState::cancelled);
  const Job first = submit(*s, R"({"prompt":"meet"})");  // both are at work again
  const Job second = submit(*s, R"({"prompt":"meet"})");
  EXPECT_EQ(ended(*s, first.id).state, JobState::done);
  EXPECT_EQ(ended(*s, second.id).state, JobState::done);
}

TEST_F(StudioTest, IsNotOpenToOthersByAccident) {
  ServeOptions open = options();
  open.host = "0.0.0.0";
  try {
    studio(open);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_request);
    EXPECT_EQ(error.where(), "host");
  }
  open.token = "a long secret of the owner";
  EXPECT_NO_THROW(studio(open));
  open.token.clear();
  open.api_auth = "ann:secret";
  EXPECT_NO_THROW(studio(open));
  open.api_auth.clear();
  open.insecure_no_auth = true;
  EXPECT_EQ(studio(open)->link().find('#'), std::string::npos);
}

TEST(IsLoopbackHost, KnowsTheAddressesOfThisMachine) {
  for (const char* host : {"127.0.0.1", "127.1.2.3", "::1", "localhost"})
    EXPECT_TRUE(is_loopback_host(host)) << host;
  for (const char* host : {"0.0.0.0", "192.168.1.2", "::", "example.org", "", "127.0.0.1.evil.org"})
    EXPECT_FALSE(is_loopback_host(host)) << host;
}

}  // namespace
}  // namespace zc
