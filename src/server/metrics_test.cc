// SPDX-License-Identifier: Apache-2.0
#include "server/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <sstream>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "server/auth.h"

namespace zc {
namespace {

struct MetricsTest : testing::Test {
  Store store{{.url = "sqlite::memory:"}};
  Metrics metrics{"zeroconv 9"};
  Auth auth{{.insecure_no_auth = true}};
  Router router{auth};

  HttpResponse get(const std::string& path) {
    std::promise<HttpResponse> answer;
    HttpRequest request;
    request.method = "GET";
    request.target = request.path = path;
    request.headers["host"] = "localhost";
    router.dispatch(request, counted(metrics, "GET", Reply::to([&](HttpResponse response) {
                                       answer.set_value(std::move(response));
                                     })));
    return answer.get_future().get();
  }
};

TEST_F(MetricsTest, HealthTellsTheQueue) {
  add_health_routes(router, store, metrics);
  store.jobs().submit({.body = "{}"});
  const HttpResponse response = get("/health");
  EXPECT_EQ(response.status, 200);
  const nlohmann::json health = parse_json(response.body);
  EXPECT_EQ(health["status"], "ok");
  EXPECT_EQ(health["queued"], 1);
  EXPECT_EQ(health["version"], "zeroconv 9");
}

TEST_F(MetricsTest, CountsAnswersAndJobs) {
  add_health_routes(router, store, metrics);
  get("/health");
  get("/nowhere");
  Job job;
  job.state = JobState::done;
  job.started_ms = 1000;
  job.finished_ms = 4000;
  metrics.job_changed(job);
  metrics.answered("BREW", 405, 0.1);
  const std::string text = get("/metrics").body;
  for (const char* line :
       {"zeroconv_http_requests_total{method=\"GET\",status=\"200\"} 1\n",
        "zeroconv_http_requests_total{method=\"GET\",status=\"404\"} 1\n",
        "zeroconv_http_requests_total{method=\"other\",status=\"405\"} 1\n",
        "zeroconv_jobs_ended_total{state=\"done\"} 1\n",
        "zeroconv_job_seconds_bucket{le=\"2\"} 0\n", "zeroconv_job_seconds_bucket{le=\"5\"} 1\n",
        "zeroconv_job_seconds_sum 3\n", "zeroconv_store_up 1\n",
        "zeroconv_jobs{state=\"queued\"} 0\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST_F(MetricsTest, EachFigureHasItsTypeOnce) {
  std::istringstream lines(metrics.text(store));
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) names.push_back(line.substr(7, line.rfind(' ') - 7));
  }
  EXPECT_GE(names.size(), 8u);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

}  // namespace
}  // namespace zc
