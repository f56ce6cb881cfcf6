// SPDX-License-Identifier: Apache-2.0
// The API of AUTOMATIC1111's web UI: how requests are watched and stopped.
#include <gtest/gtest.h>

#include <future>

#include "server/sdapi_fixture.h"

namespace zc {
namespace {

using nlohmann::json;

using SdapiProgress = SdapiTest;

// 11
TEST_F(SdapiProgress, IdleProgressIsExactlyZero) {
  const TestResponse response = call("GET /sdapi/v1/progress");
  EXPECT_NE(response.body.find(R"("progress":0.0)"), std::string::npos);
  EXPECT_NE(response.body.find(R"("job_count":0)"), std::string::npos);
  EXPECT_TRUE(parse_json(response.body)["current_image"].is_null());
}

TEST_F(SdapiProgress, ProgressAnswersWhilePicturesAreMade) {
  control.hold(1);
  TestClient waiting(server().port());
  send(waiting, "POST /sdapi/v1/txt2img",
       text_body({{"batch_size", 2}, {"force_task_id", "task(a)"}}));
  control.wait_for_a_holding_job();
  const json progress = get("/sdapi/v1/progress");
  EXPECT_GT(progress["progress"], 0.0);
  EXPECT_LE(progress["progress"], 1.0);
  EXPECT_EQ(progress["state"]["job_count"], 1);
  EXPECT_EQ(progress["state"]["sampling_steps"], 4);
  EXPECT_EQ(get("/internal/pending-tasks"), (json{{"size", 1}, {"tasks", {"task(a)"}}}));
  EXPECT_TRUE(post("/internal/progress", {{"id_task", "task(a)"}})["active"] == true ||
              post("/internal/progress", {{"id_task", "task(a)"}})["queued"] == true);
  control.release();
  EXPECT_EQ(waiting.response().status, 200);
  EXPECT_EQ(get("/sdapi/v1/progress")["progress"], 0.0);
  EXPECT_EQ(post("/internal/progress", {{"id_task", "task(a)"}})["completed"], true);
  EXPECT_EQ(post("/internal/progress", {{"id_task", "task(b)"}})["completed"], false);
}

// 15
TEST_F(SdapiProgress, InterruptGivesThePicturesThatAreFinished) {
  control.hold(2);
  TestClient waiting(server().port());
  send(waiting, "POST /sdapi/v1/txt2img", text_body({{"batch_size", 4}, {"n_iter", 3}}));
  control.wait_for_a_holding_job();
  EXPECT_EQ(post("/sdapi/v1/interrupt"), json::object());
  const TestResponse response = waiting.response();
  EXPECT_EQ(response.status, 200);
  const json answer = parse_json(response.body);
  EXPECT_EQ(answer["images"].size(), 2u);
  EXPECT_EQ(info_of(answer)["all_seeds"], json::array({100, 101}));
  EXPECT_EQ(control.bodies.size(), 1u);  // the other iterations were never begun
}

TEST_F(SdapiProgress, SkipGoesOnWithTheNextIteration) {
  control.hold(1);
  TestClient waiting(server().port());
  send(waiting, "POST /sdapi/v1/txt2img", text_body({{"batch_size", 2}, {"n_iter", 2}}));
  control.wait_for_a_holding_job();
  EXPECT_TRUE(post("/sdapi/v1/skip").is_null());
  control.wait_until_begun(2);  // before that, a release would let the skipped one go on as well
  control.release();
  const json answer = parse_json(waiting.response().body);
  EXPECT_EQ(info_of(answer)["all_seeds"], json::array({100, 102, 103}));
}

TEST_F(SdapiProgress, AClientThatGoesAwayEndsItsJob) {
  control.hold(0);
  std::string id;
  {
    TestClient leaving(server().port());
    send(leaving, "POST /sdapi/v1/txt2img", text_body());
    control.wait_for_a_holding_job();
    id = server().parts().store.jobs().list({}).front().id;
    leaving.reset();
  }
  std::promise<Job> end;
  server().parts().events.when_finished(id, [&](const Job& job) { end.set_value(job); });
  EXPECT_EQ(end.get_future().get().state, JobState::cancelled);
}

TEST_F(SdapiProgress, InterruptActsOnTheCallersOwnRequestsOnly) {
  options.api_auth = "ann:a,bob:b";
  control.hold(0);
  const std::string ann = "Authorization: Basic YW5uOmE=\r\n",
                    bob = "Authorization: Basic Ym9iOmI=\r\n";
  TestClient waiting(server().port());
  send(waiting, "POST /sdapi/v1/txt2img", text_body(), ann);
  control.wait_for_a_holding_job();
  EXPECT_EQ(call("POST /sdapi/v1/interrupt", nullptr, bob).status, 200);
  EXPECT_EQ(parse_json(call("GET /sdapi/v1/progress", nullptr, bob).body)["state"]["job_count"], 0);
  EXPECT_EQ(parse_json(call("GET /sdapi/v1/progress", nullptr, ann).body)["state"]["job_count"], 1);
  control.release();
  EXPECT_EQ(parse_json(waiting.response().body)["images"].size(), 1u);
}

TEST_F(SdapiProgress, TwoRequestsAtOnceGetTheirOwnAnswers) {
  TestClient first(server().port()), second(server().port());
  send(first, "POST /sdapi/v1/txt2img", text_body({{"prompt", "one"}, {"n_iter", 3}}));
  send(second, "POST /sdapi/v1/txt2img", text_body({{"prompt", "two"}, {"batch_size", 2}}));
  EXPECT_EQ(info_of(parse_json(second.response().body))["all_prompts"], (json{"two", "two"}));
  EXPECT_EQ(info_of(parse_json(first.response().body))["all_prompts"], (json{"one", "one", "one"}));
}

}  // namespace
}  // namespace zc
