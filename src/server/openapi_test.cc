// SPDX-License-Identifier: Apache-2.0
// The description of the API is complete and says what the server does.
#include "server/openapi.h"

#include <gtest/gtest.h>

#include <set>

#include "base/files.h"
#include "server/api_fixture.h"
#include "server/json_schema.h"

namespace zc {
namespace {

using nlohmann::json;

void collect_references(const json& value, std::set<std::string>& names) {
  if (value.is_object() && value.contains("$ref")) {
    const std::string reference = value["$ref"];
    names.insert(reference.substr(reference.rfind('/') + 1));
  }
  if (!value.is_structured()) return;
  for (const json& member : value) collect_references(member, names);
}

TEST(OpenApi, DescribesEveryRouteOfTheNativeApiAndNoOther) {
  const json document = parse_json(printed_openapi());
  std::set<std::string> operations;
  int native = 0;
  for (const auto& [path, methods] : document["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      EXPECT_FALSE(operation["summary"].get<std::string>().empty()) << method << " " << path;
      EXPECT_TRUE(operations.insert(operation["operationId"]).second) << operation["operationId"];
      native += path.starts_with("/api/v1/") ? 1 : 0;
    }
  }
  EXPECT_GE(native, 40);
  EXPECT_EQ(document["openapi"], "3.1.0");
}

TEST_F(ApiTest, HasNoGapsInItsDescription) {
  Auth auth([] {
    AuthOptions options;
    options.insecure_no_auth = true;
    return options;
  }());
  Router router(auth);
  add_app_routes(router, studio->parts());
  EXPECT_EQ(openapi_gaps(router), std::vector<std::string>{});
  router.add({"GET", "/api/v1/new", Access::read, "New"}, [](const HttpRequest&, const Reply&) {});
  EXPECT_EQ(openapi_gaps(router), std::vector<std::string>{"GET /api/v1/new"});
}

TEST(OpenApi, NamesNoSchemaThatIsNotThere) {
  const json document = parse_json(printed_openapi());
  std::set<std::string> names;
  collect_references(document, names);
  for (const std::string& name : names)
    EXPECT_TRUE(document["components"]["schemas"].contains(name)) << name;
  EXPECT_GT(names.size(), 30u);
}

TEST_F(ApiTest, AnswersAsItsDescriptionSays) {
  const json document = get("/openapi.json").body;
  const json& schemas = document["components"]["schemas"];
  const std::string picture = upload_picture();
  const std::string image = add_image("x", {{"maps", json::array()}}).id;
  const std::string job =
      post("/api/v1/jobs", {{"request", {{"prompt", "x"}, {"seed", 3}}}}).body["id"];
  do_one_job();
  const std::vector<std::tuple<std::string, std::string, json>> calls = {
      {"get", "/api/v1/session", {}},
      {"get", "/api/v1/capabilities", {}},
      {"get", "/api/v1/settings", {}},
      {"get", "/api/v1/tokens", {}},
      {"get", "/api/v1/workers", {}},
      {"get", "/api/v1/jobs", {}},
      {"get", "/api/v1/jobs/{id}:" + job, {}},
      {"get", "/api/v1/images", {}},
      {"get", "/api/v1/images/{id}:" + image, {}},
      {"get", "/api/v1/images/{id}/compare:" + image, {}},
      {"get", "/api/v1/models", {}},
      {"get", "/api/v1/train/runs", {}},
      {"post", "/api/v1/tokens", {{"name", "t"}}},
      {"post", "/api/v1/annotate", {{"asset", picture}}},
      {"post", "/api/v1/jobs", {{"request", json::object()}}},
      {"post", "/api/v1/jobs/plan", {{"request", json::object()}}},
      {"post", "/api/v1/images/read", {{"asset", picture}}},
      {"post", "/api/v1/images/{id}/star:" + image, {{"starred", true}}},
      {"post", "/api/v1/images/{id}/rerun:" + image, json::object()},
      {"post", "/api/v1/models/refresh", json::object()},
  };
  for (const auto& [method, where, body] : calls) {
    const size_t colon = where.find(':');
    const std::string pattern = where.substr(0, colon);
    std::string path = pattern;
    if (colon != std::string::npos) path.replace(path.find("{id}"), 4, where.substr(colon + 1));
    const Answer answer = method == "get" ? get(path) : post(path, body);
    const json& responses = document["paths"][pattern][method]["responses"];
    const std::string status = std::to_string(answer.status);
    ASSERT_TRUE(responses.contains(status)) << method << " " << path << ": " << answer.text;
    const json& schema = responses[status]["content"]["application/json"]["schema"];
    EXPECT_EQ(schema_fault(answer.body, schema, schemas), "") << method << " " << path;
  }
  const Answer problem = get("/api/v1/jobs/x");
  EXPECT_EQ(schema_fault(problem.body, schemas["Problem"], schemas), "");
}

TEST_F(ApiTest, HasAPageForPeopleWithoutScripts) {
  Answer page = get("/api/docs");
  EXPECT_EQ(page.headers["content-type"], "text/html; charset=utf-8");
  EXPECT_NE(page.text.find("/api/v1/jobs/{id}"), std::string::npos);
  EXPECT_EQ(page.text.find("<script"), std::string::npos);
}

struct SchemaPart {
  double weight = 0.5;
};
template <OptionsOf<SchemaPart> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("weight", o.weight, Range{0, 2}, "strength");
}
struct SchemaSample {
  int64_t steps = 20;
  bool exact = false;
  std::optional<double> cfg;
  std::string mode = "a";
  std::filesystem::path image;
  std::vector<std::string> names;
  std::vector<SchemaPart> parts;
};
template <OptionsOf<SchemaSample> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("steps", o.steps, Range{1, 150}, "steps");
  visit("exact", o.exact, "exactly");
  visit("cfg", o.cfg, Range{0, 50}, "guidance");
  visit("mode", o.mode, one_of({"a", "b"}), "mode");
  visit("image", o.image, "picture");
  visit("names", o.names, "names");
  visit("parts", o.parts, "parts");
}

TEST(JsonSchema, IsMadeOfAnOptionList) {
  const json schema = schema_of<SchemaSample>({.paths_are_assets = true});
  EXPECT_EQ(schema["additionalProperties"], false);
  const json& p = schema["properties"];
  EXPECT_EQ(p["steps"], json::parse(R"({"type":"integer","minimum":1,"maximum":150,"default":20,
                                        "description":"steps"})"));
  EXPECT_EQ(p["exact"]["type"], "boolean");
  EXPECT_EQ(p["cfg"]["type"], json::parse(R"(["number","null"])"));
  EXPECT_EQ(p["cfg"]["default"], nullptr);
  EXPECT_EQ(p["mode"]["enum"], json::parse(R"(["a","b"])"));
  EXPECT_EQ(p["image"]["pattern"], "^(asset:[0-9a-f]{64})?$");
  EXPECT_EQ(p["names"]["items"]["type"], "string");
  EXPECT_EQ(p["parts"]["items"]["properties"]["weight"]["default"], 0.5);
}

}  // namespace
}  // namespace zc
