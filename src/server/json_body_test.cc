// SPDX-License-Identifier: Apache-2.0
// JSON of requests: what is taken and what is refused.
#include "server/json_body.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/problem.h"

namespace zc {
namespace {

Problem refused_json(std::string_view text, JsonLimits limits = {}) {
  try {
    parse_strict_json(text, limits);
  } catch (const ProblemError& error) {
    return error.problem();
  }
  ADD_FAILURE() << "taken: " << text.substr(0, 100);
  return {};
}

TEST(JsonBody, RefusesWhatIsNoJsonAndSaysWhere) {
  const Problem problem = refused_json("{\"a\": 1, }");
  EXPECT_EQ(problem.status, 400);
  EXPECT_EQ(problem.code, "bad_json");
  EXPECT_NE(problem.detail.find("byte 10"), std::string::npos) << problem.detail;
  for (const char* text :
       {"", "{", "[1,]", "{'a':1}", "{\"a\":NaN}", "[Infinity]", "[1e999]", "\"\xFF\"",
        "\"\xED\xA0\x80\"", "[1] 2", "{\"a\":1}}", "// x\n1", "[01]", "\"\t\""}) {
    EXPECT_EQ(refused_json(text).code, "bad_json") << text;
  }
}

TEST(JsonBody, RefusesAKeyThatComesTwice) {
  EXPECT_EQ(refused_json(R"({"a":1,"b":{"a":2},"a":3})").field, "a");
  EXPECT_NO_THROW(parse_strict_json(R"([{"a":1},{"a":2},{"b":{"a":1}}])"));
}

TEST(JsonBody, BoundsDepthAndNumberOfValues) {
  const auto nested = [](int depth) {
    return std::string(static_cast<size_t>(depth), '[') +
           std::string(static_cast<size_t>(depth), ']');
  };
  EXPECT_NO_THROW(parse_strict_json(nested(32)));
  refused_json(nested(33));
  refused_json(std::string(1'000'000, '['));
  refused_json(std::string(1'000'000, '{'));
  std::string many = "[0";
  for (int i = 0; i < 100; ++i) many += ",0";
  EXPECT_NO_THROW(parse_strict_json(many + "]", {.values = 102}));
  refused_json(many + "]", {.values = 101});
}

TEST(JsonBody, IsAnObjectAndMayBeMissing) {
  HttpRequest request;
  EXPECT_EQ(json_body(request), nlohmann::json::object());
  request.body = " \r\n";
  EXPECT_EQ(json_body(request), nlohmann::json::object());
  request.body = R"({"steps":20,"prompt":"h\u00e9"})";
  EXPECT_EQ(json_body(request)["prompt"], "h\xC3\xA9");
  request.body = "[1]";
  try {
    json_body(request);
    FAIL();
  } catch (const ProblemError& error) {
    EXPECT_EQ(error.problem().status, 422);
  }
}

}  // namespace
}  // namespace zc
