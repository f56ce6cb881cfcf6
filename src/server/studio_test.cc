// SPDX-License-Identifier: Apache-2.0
#include "server/studio.h"

#include <gtest/gtest.h>

#include <future>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "server/test_client.h"
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

struct StudioTest : testing::Test {
  TestFolder folder;

  ServeOptions options() {
    ServeOptions o;
    o.port = 0;
    o.data = folder.path();
    return o;
  }
  std::unique_ptr<Studio> studio(const ServeOptions& o) {
    StudioMakers makers;
    makers.engine = [](Store& store, Catalogue&) { return make_null_engine(store, 0); };
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
  static Job submit(Studio& studio) {
    const Job job = studio.parts().store.jobs().submit({.body = R"({"prompt":"x"})"});
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
