// SPDX-License-Identifier: Apache-2.0
// Which route a request finds, and what it must pass before.
#include "server/router.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/sha256.h"
#include "server/http_server.h"
#include "server/test_client.h"

namespace zc {
namespace {

constexpr const char* kToken = "secret-token";

AuthOptions router_auth() {
  AuthOptions options;
  options.token = kToken;
  options.cors_origins = {"https://friend.example"};
  options.find_token = [](const std::string& sha256) -> std::optional<Principal> {
    if (sha256 != sha256_hex("reader")) return std::nullopt;
    return Principal{.tenant = "reader", .scopes = {"read"}};
  };
  return options;
}

// A router with one route of each kind; a route's answer is its summary and its captures.
struct TestRouter {
  TestRouter() : auth(router_auth()), router(auth) {
    add({"GET", "/health", Access::open, "health"});
    add({"POST", "/api/v1/session", Access::open, "session"});
    add({"GET", "/api/v1/jobs", Access::read, "jobs"});
    add({"POST", "/api/v1/jobs", Access::write, "submit"});
    add({"GET", "/api/v1/jobs/{id}", Access::read, "job"});
    add({"POST", "/api/v1/jobs/plan", Access::write, "plan"});
    add({"DELETE", "/api/v1/jobs/{id}", Access::write, "cancel"});
    add({"GET", "/api/v1/runs/{id}/files/{name}", Access::read, "file"});
    add({"PUT", "/api/v1/assets", Access::write, "asset", RouteBody::any});
    add({"PUT", "/api/v1/settings", Access::admin, "settings"});
    add({"GET", "/sdapi/v1/options", Access::local_api, "options"});
    add({"POST", "/sdapi/v1/interrupt", Access::local_api, "interrupt"});
    add({"GET", "/{file...}", Access::open, "web"});
    router.add({"GET", "/throws", Access::open, "throws"}, [](const HttpRequest&, const Reply&) {
      throw Error(ErrorKind::bad_request, "steps", "0; 1 to 150 are allowed");
    });
    router.format_problems("/sdapi/", [](const Problem& problem) {
      return json_response(problem.status, {{"detail", problem.detail}});
    });
  }
  void add(Route route) {
    const std::string name = route.summary;
    router.add(std::move(route), [name](const HttpRequest& request, const Reply& reply) {
      reply.json(
          200,
          {{"route", name}, {"captures", request.captures}, {"tenant", request.principal.tenant}});
    });
  }

  Auth auth;
  Router router;
};

HttpRequest make_request(std::string method, std::string path) {
  HttpRequest request;
  request.method = std::move(method);
  request.path = std::move(path);
  request.remote = "127.0.0.1";
  request.headers = {{"host", "localhost:7860"}, {"authorization", "Bearer secret-token"}};
  return request;
}

HttpResponse answer_of(const Router& router, HttpRequest request) {
  HttpResponse answer;
  router.dispatch(std::move(request),
                  Reply::to([&](HttpResponse response) { answer = std::move(response); }));
  return answer;
}

std::string header_of(const HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

nlohmann::json told(const HttpResponse& response) {
  return nlohmann::json::parse(response.body);
}

TEST(Router, FindsTheRouteWithTheFewestPlaces) {
  const TestRouter test;
  EXPECT_EQ(told(answer_of(test.router, make_request("GET", "/api/v1/jobs/plan")))["route"], "job")
      << "the path without places is POST's";
  EXPECT_EQ(told(answer_of(test.router, make_request("GET", "/api/v1/jobs")))["route"], "jobs");
  EXPECT_EQ(told(answer_of(test.router, make_request("HEAD", "/api/v1/jobs")))["route"], "jobs");
  const auto file =
      told(answer_of(test.router, make_request("GET", "/api/v1/runs/a/files/b c.png")));
  EXPECT_EQ(file["captures"], (std::vector<std::string>{"a", "b c.png"}));
  const auto web = told(answer_of(test.router, make_request("GET", "/assets/x/y.js")));
  EXPECT_EQ(web["captures"], (std::vector<std::string>{"assets/x/y.js"}));
  EXPECT_EQ(told(answer_of(test.router, make_request("GET", "/")))["route"], "web");
}

TEST(Router, IgnoresASlashAtTheEnd) {
  const TestRouter test;
  EXPECT_EQ(told(answer_of(test.router, make_request("GET", "/api/v1/jobs/")))["route"], "jobs");
  EXPECT_EQ(told(answer_of(test.router, make_request("POST", "/sdapi/v1/interrupt/")))["route"],
            "interrupt");
}

TEST(Router, TellsAnUnknownPathFromAnotherMethod) {
  const TestRouter test;
  EXPECT_EQ(answer_of(test.router, make_request("POST", "/api/v1/nothing")).status, 404);
  EXPECT_EQ(answer_of(test.router, make_request("PUT", "/")).status, 404);
  EXPECT_EQ(answer_of(test.router, make_request("DELETE", "/api/v1/jobs/a/b")).status, 404);
  const HttpResponse wrong = answer_of(test.router, make_request("PUT", "/api/v1/jobs"));
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(header_of(wrong, "Allow"), "GET, POST");
  EXPECT_EQ(answer_of(test.router, make_request("GET", "/api/v1/session")).status, 405)
      << "not a web file";
}

TEST(Router, AnswersTheSameForNamesThatDoNotExistAndThoseThatMustNot) {
  const TestRouter test;
  const HttpResponse unknown = answer_of(test.router, make_request("DELETE", "/api/v1/x"));
  const HttpResponse hostile = answer_of(test.router, make_request("DELETE", ""));
  EXPECT_EQ(hostile.status, 404);
  EXPECT_EQ(hostile.body, unknown.body);
  EXPECT_EQ(told(hostile)["detail"], "Not Found");
}

TEST(Router, WantsJsonWhereABodyComes) {
  const TestRouter test;
  HttpRequest request = make_request("POST", "/api/v1/jobs");
  request.body = "{}";
  EXPECT_EQ(answer_of(test.router, request).status, 415) << "no type";
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
                           "application/jsonx"}) {
    request.headers["content-type"] = type;
    EXPECT_EQ(answer_of(test.router, request).status, 415) << type;
  }
  for (const char* type :
       {"application/json", "Application/JSON; charset=utf-8", "application/problem+json"}) {
    request.headers["content-type"] = type;
    EXPECT_EQ(answer_of(test.router, request).status, 200) << type;
  }
  HttpRequest raw = make_request("PUT", "/api/v1/assets");
  raw.body = "bytes";
  EXPECT_EQ(answer_of(test.router, raw).status, 200);
  HttpRequest empty = make_request("POST", "/sdapi/v1/interrupt");
  EXPECT_EQ(answer_of(test.router, empty).status, 200) << "without a body and a type";
}

TEST(Router, TurnsWhatARouteThrowsIntoAProblemOfItsApi) {
  TestRouter test;
  test.router.add({"GET", "/sdapi/v1/throws", Access::open, "throws"},
                  [](const HttpRequest&, const Reply&) {
                    throw ProblemError(404, "no_sampler", "Sampler not found");
                  });
  const HttpResponse native = answer_of(test.router, make_request("GET", "/throws"));
  EXPECT_EQ(native.status, 422);
  EXPECT_EQ(told(native)["field"], "steps");
  const HttpResponse webui = answer_of(test.router, make_request("GET", "/sdapi/v1/throws"));
  EXPECT_EQ(webui.status, 404);
  EXPECT_EQ(webui.body, R"({"detail":"Sampler not found"})");
  const HttpResponse unknown = answer_of(test.router, make_request("POST", "/sdapi/v1/none"));
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.body, R"({"detail":"Not Found"})");
}

// Every route with no token, a wrong one, one that may only read, and the owner's.
TEST(Router, LetsNobodyInByDefault) {
  const TestRouter test;
  const auto status = [&](const Route& route, const std::string& authorization) {
    std::string path = route.pattern;
    for (size_t at = path.find('{'); at != std::string::npos; at = path.find('{')) {
      path.replace(at, path.find('}') - at + 1, "x");
    }
    HttpRequest request = make_request(route.method, path);
    request.remote = route.pattern + authorization;  // failures are counted for each address
    request.headers["authorization"] = authorization;
    return answer_of(test.router, request).status;
  };
  for (const Route& route : test.router.routes()) {
    if (route.summary == "throws") continue;
    const bool open = route.access == Access::open || route.access == Access::local_api;
    const bool reads = route.access == Access::read;
    EXPECT_EQ(status(route, ""), open ? 200 : 401) << route.pattern;
    EXPECT_EQ(status(route, "Bearer wrong"), open ? 200 : 401) << route.pattern;
    EXPECT_EQ(status(route, "Bearer reader"), open || reads ? 200 : 403) << route.pattern;
    EXPECT_EQ(status(route, "Bearer secret-token"), 200) << route.pattern;
  }
}

TEST(Router, SaysWhoAsks) {
  const TestRouter test;
  HttpRequest request = make_request("GET", "/api/v1/jobs");
  request.headers["authorization"] = "Bearer reader";
  EXPECT_EQ(told(answer_of(test.router, request))["tenant"], "reader");
}

TEST(Router, RefusesHostsAndOriginsBeforeAnythingElse) {
  const TestRouter test;
  HttpRequest rebound = make_request("GET", "/health");
  rebound.headers["host"] = "evil.example";
  EXPECT_EQ(answer_of(test.router, rebound).status, 421);
  HttpRequest foreign = make_request("POST", "/api/v1/jobs");
  foreign.headers["origin"] = "http://evil.example";
  EXPECT_EQ(answer_of(test.router, foreign).status, 403);
  EXPECT_EQ(told(answer_of(test.router, foreign))["code"], "cross_site");
}

TEST(Router, AnswersOptionsAndLetsFriendsInFromTheirPages) {
  const TestRouter test;
  HttpRequest options = make_request("OPTIONS", "/api/v1/jobs");
  options.headers.erase("authorization");
  HttpResponse answer = answer_of(test.router, options);
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(header_of(answer, "Allow"), "OPTIONS, GET, POST");
  EXPECT_EQ(header_of(answer, "Access-Control-Allow-Origin"), "");
  options.headers["origin"] = "https://friend.example";
  answer = answer_of(test.router, options);
  EXPECT_EQ(header_of(answer, "Access-Control-Allow-Origin"), "https://friend.example");
  EXPECT_EQ(header_of(answer, "Access-Control-Allow-Methods"), "OPTIONS, GET, POST");
  HttpRequest call = make_request("GET", "/api/v1/jobs");
  call.headers["origin"] = "https://friend.example";
  answer = answer_of(test.router, call);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(header_of(answer, "Access-Control-Allow-Origin"), "https://friend.example");
}

TEST(Router, AdmitsABodyOnlyToWhomeverItsRouteIsOpen) {
  const TestRouter test;
  HttpRequest request = make_request("PUT", "/api/v1/assets");
  EXPECT_FALSE(test.router.admit(request));
  request.headers.erase("authorization");
  EXPECT_EQ(test.router.admit(request)->status, 401);
  HttpRequest form = make_request("POST", "/api/v1/jobs");
  EXPECT_EQ(test.router.admit(form)->status, 415);
  EXPECT_EQ(test.router.admit(make_request("POST", "/nowhere"))->status, 404);
}

TEST(Router, ChecksAWebSocketLikeItsRoute) {
  TestRouter test;
  test.add({"GET", "/api/v1/events", Access::read, "events"});
  HttpRequest request = make_request("GET", "/api/v1/events");
  EXPECT_TRUE(test.router.admits_websocket(request, "/api/v1/events"));
  EXPECT_FALSE(test.router.admits_websocket(make_request("GET", "/health"), "/api/v1/events"));
  EXPECT_TRUE(test.router.authorize(request));
  EXPECT_TRUE(request.principal.authenticated);
  request.headers["origin"] = "http://evil.example";
  EXPECT_FALSE(test.router.admits_websocket(request, "/api/v1/events"));
  request.headers["origin"] = "null";
  EXPECT_FALSE(test.router.admits_websocket(request, "/api/v1/events"));
  request.headers["origin"] = "http://localhost:7860";
  EXPECT_TRUE(test.router.admits_websocket(request, "/api/v1/events"));
  request.headers["authorization"] = "Bearer wrong";
  for (int i = 0; i < 20; ++i) test.router.admits_websocket(request, "/api/v1/events");
  EXPECT_EQ(answer_of(test.router, request).status, 401) << "a look counts for no failure";
}

TEST(Router, GuardsARealServer) {
  const TestRouter test;
  HttpOptions options;
  options.port = 0;
  options.admit = [&](const HttpRequest& request) { return test.router.admit(request); };
  HttpServer server(options, [&](HttpRequest request, Reply reply) {
    test.router.dispatch(std::move(request), std::move(reply));
  });
  server.start();
  const std::string bearer = "Authorization: Bearer secret-token\r\n";
  const std::string json = "Content-Type: application/json\r\n";
  TestClient client(server.port());
  client.request("POST /api/v1/jobs", "{}", bearer + json);
  EXPECT_EQ(client.response().status, 200);
  client.request("GET /api/v1/jobs/%2e%2e%2f%2e%2e", {}, bearer);
  EXPECT_EQ(client.response().status, 404);
  client.request("GET /api/v1/jobs/ab%20c", {}, bearer);
  EXPECT_EQ(nlohmann::json::parse(client.response().body)["captures"][0], "ab c");
  // Without a token, forty megabytes are refused at their first byte.
  client.send(
      "PUT /api/v1/assets HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40000000\r\n\r\na");
  TestResponse refused = client.response();
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.headers["www-authenticate"], "Bearer realm=\"zeroconv\"");
}

}  // namespace
}  // namespace zc
