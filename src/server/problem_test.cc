// SPDX-License-Identifier: Apache-2.0
// Errors as answers.
#include "server/problem.h"

#include <new>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace zc {
namespace {

struct Answered {
  int status;
  std::string code;
};

Answered answered(ErrorKind kind, const std::string& where = "field", const char* text = "why") {
  const HttpResponse response = problem_of(Error(kind, where, text));
  const auto body = nlohmann::json::parse(response.body);
  EXPECT_EQ(response.media_type, "application/problem+json");
  EXPECT_EQ(body["status"], response.status);
  EXPECT_EQ(body["code"], body["error"]);
  EXPECT_EQ(body["detail"], text);
  EXPECT_EQ(body["field"], where);
  return {response.status, body["code"]};
}

TEST(Problem, HasAStatusForEveryKindOfError) {
  const std::vector<std::pair<ErrorKind, int>> statuses = {
      {ErrorKind::bad_request, 422}, {ErrorKind::bad_file, 422},      {ErrorKind::not_found, 404},
      {ErrorKind::unsupported, 422}, {ErrorKind::out_of_memory, 503}, {ErrorKind::cancelled, 409},
      {ErrorKind::io, 500},          {ErrorKind::unavailable, 503},   {ErrorKind::bug, 500}};
  for (const auto& [kind, status] : statuses) EXPECT_EQ(answered(kind).status, status);
}

TEST(Problem, TellsAFullQueueAndAFullDisk) {
  const Answered queue = answered(ErrorKind::unavailable, "queue");
  EXPECT_EQ(queue.status, 429);
  EXPECT_EQ(queue.code, "queue_full");
  EXPECT_EQ(problem_of(Error(ErrorKind::unavailable, "queue", "")).headers.at(0).first,
            "Retry-After");
  const Answered disk = answered(ErrorKind::io, "a.png", "cannot write: No space left on device");
  EXPECT_EQ(disk.status, 507);
  EXPECT_EQ(disk.code, "storage_full");
}

TEST(Problem, TellsOnlyTheFirstLineOfForeignErrors) {
  const HttpResponse response =
      problem_of(std::runtime_error("shape mismatch\nException raised from f at /src/a.cc:1"));
  EXPECT_EQ(response.status, 500);
  EXPECT_NE(response.body.find("shape mismatch"), std::string::npos);
  EXPECT_EQ(response.body.find("/src/a.cc"), std::string::npos);
  EXPECT_EQ(problem_of(std::bad_alloc()).status, 503);
}

TEST(Problem, TakesAFieldOfAnotherTypeForTheClientsFault) {
  try {
    static_cast<void>(nlohmann::json::parse(R"({"a":1})").at("a").get<std::string>());
    FAIL();
  } catch (const std::exception& error) {
    EXPECT_EQ(problem_of(error).status, 422);
  }
}

TEST(Problem, AnswersWithWhatAHandlerThrew) {
  Problem problem{.status = 429, .code = "a", .detail = "b", .field = "c", .headers = {{"X", "1"}}};
  const HttpResponse response = problem_of(ProblemError(problem));
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.headers.at(0).first, "X");
  const auto body = nlohmann::json::parse(response.body);
  EXPECT_EQ(body["title"], "Too Many Requests");
  EXPECT_EQ(body["field"], "c");
}

TEST(Problem, SurvivesTextThatIsNoUtf8) {
  EXPECT_NO_THROW(nlohmann::json::parse(problem(400, "x", "a\xFF").body));
}

}  // namespace
}  // namespace zc
