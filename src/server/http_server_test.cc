// SPDX-License-Identifier: Apache-2.0
// The HTTP server over real sockets: answers, limits, deadlines, clients that leave, and the end.
#include "server/http_server.h"

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/error_of.h"
#include "server/problem.h"
#include "server/test_client.h"

namespace zc {
namespace {

HttpOptions any_port(HttpLimits limits = {}) {
  HttpOptions options;
  options.port = 0;
  options.limits = limits;
  return options;
}

// Tells what came: method, path, body.
void echo(const HttpRequest& request, const Reply& reply) {
  reply.json(200, {{"method", request.method},
                   {"path", request.path},
                   {"body", request.body},
                   {"remote", request.remote}});
}

struct EchoServer {
  explicit EchoServer(HttpLimits limits = {}) : server(any_port(limits), echo) { server.start(); }
  HttpServer server;
};

TEST(HttpServer, AnswersSeveralRequestsOfOneConnection) {
  const EchoServer echo_server;
  TestClient client(echo_server.server.port());
  for (const std::string body : {"one", "two", "three"}) {
    client.request("POST /x", body);
    const TestResponse response = client.response();
    EXPECT_EQ(response.status, 200);
    const auto told = nlohmann::json::parse(response.body);
    EXPECT_EQ(told["body"], body);
    EXPECT_EQ(told["path"], "/x");
    EXPECT_EQ(told["remote"], "127.0.0.1");
  }
}

TEST(HttpServer, AnswersRequestsThatAreSentAheadInTheirOrder) {
  const EchoServer echo_server;
  TestClient client(echo_server.server.port());
  std::string all;
  for (int i = 0; i < 20; ++i) {
    all += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab";
  }
  client.send(all);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(nlohmann::json::parse(client.response().body)["path"], "/" + std::to_string(i));
  }
}

TEST(HttpServer, MakesAnswersInertForBrowsersUnlessTheySayOtherwise) {
  HttpServer server(any_port(), [](const HttpRequest&, const Reply& reply) {
    HttpResponse response;
    response.headers = {{"Cache-Control", "max-age=1"}, {"X-Name", "a\r\nX-Evil: 1"}};
    reply.send(response);
  });
  server.start();
  TestClient client(server.port());
  client.request("GET /");
  TestResponse response = client.response();
  EXPECT_EQ(response.headers["content-type"], "application/json");
  EXPECT_EQ(response.headers["x-content-type-options"], "nosniff");
  EXPECT_NE(response.headers["content-security-policy"].find("sandbox"), std::string::npos);
  EXPECT_EQ(response.headers["cross-origin-resource-policy"], "same-origin");
  EXPECT_EQ(response.headers["cache-control"], "max-age=1");
  EXPECT_EQ(response.headers["x-name"], "a  X-Evil: 1");
  EXPECT_FALSE(response.headers.contains("x-evil"));
}

TEST(HttpServer, AnswersHeadWithoutABodyAndOldClientsWithAnEnd) {
  const EchoServer echo_server;
  TestClient head(echo_server.server.port());
  head.request("HEAD /x");
  TestResponse response = head.response(true);
  EXPECT_GT(std::stoi(response.headers["content-length"]), 10);
  head.request("GET /y");
  EXPECT_EQ(nlohmann::json::parse(head.response().body)["path"], "/y");

  TestClient old(echo_server.server.port());
  old.send("GET /z HTTP/1.0\r\n\r\n");
  response = old.response();
  EXPECT_EQ(response.headers["connection"], "close");
  EXPECT_TRUE(old.closed());
}

TEST(HttpServer, SaysContinueBeforeABodyThatWaitsForIt) {
  const EchoServer echo_server;
  TestClient client(echo_server.server.port());
  client.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.response().status, 100);
  client.send("abc");
  EXPECT_EQ(nlohmann::json::parse(client.response().body)["body"], "abc");
}

TEST(HttpServer, TakesBodiesOfManyMegabytesAndGivesThemBack) {
  HttpServer server(any_port(), [](HttpRequest request, const Reply& reply) {
    HttpResponse response;
    response.body = std::move(request.body);
    reply.send(std::move(response));
  });
  server.start();
  TestClient client(server.port());
  std::string body(8'000'000, '\0');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 >> 3);
  client.request("POST /x", body);
  EXPECT_EQ(client.response().body, body);
}

// What is answered to these bytes, and that the connection ends then.
int refused_status(uint16_t port, const std::string& bytes) {
  TestClient client(port);
  client.send(bytes);
  const TestResponse response = client.response();
  EXPECT_EQ(response.headers.at("content-type"), "application/problem+json");
  EXPECT_EQ(response.headers.at("connection"), "close");
  EXPECT_EQ(nlohmann::json::parse(response.body)["status"], response.status);
  client.finish_sending();
  EXPECT_TRUE(client.closed());
  return response.status;
}

TEST(HttpServer, RefusesTheMalformedAndClosesTheConnection) {
  const EchoServer echo_server;
  const uint16_t port = echo_server.server.port();
  EXPECT_EQ(refused_status(port, "nonsense\r\n\r\n"), 400);
  EXPECT_EQ(refused_status(port,
                           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n"),
            400);
  EXPECT_EQ(refused_status(port,
                           "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                           "-2\r\n"),
            400);
  EXPECT_EQ(refused_status(port, "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(refused_status(port, "GET /" + std::string(9000, 'a')), 414);
  EXPECT_EQ(refused_status(port, "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(40000, 'a')),
            431);
}

TEST(HttpServer, RefusesADeclaredBodyBeforeReadingIt) {
  HttpLimits limits;
  limits.body_bytes = 1000;
  const EchoServer echo_server(limits);
  EXPECT_EQ(refused_status(echo_server.server.port(),
                           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n"),
            413);
  // Also to a client that sends all of it before it reads.
  TestClient client(echo_server.server.port());
  client.request("POST /", std::string(300'000, 'a'));
  EXPECT_EQ(client.response().status, 413);
}

TEST(HttpServer, EndsHeadersThatAreLate) {
  HttpLimits limits;
  limits.header_seconds = 0.02;
  const EchoServer echo_server(limits);
  EXPECT_EQ(refused_status(echo_server.server.port(), "GET / HTTP/1.1\r\nHost: h\r\n"), 408);
}

TEST(HttpServer, EndsBodiesThatAreSlow) {
  HttpLimits limits;
  limits.grace_seconds = 0.02;
  const EchoServer slow(limits);
  EXPECT_EQ(refused_status(slow.server.port(),
                           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc"),
            408);
  // As fast as you like, but not for ever.
  limits.grace_seconds = 5;
  limits.body_seconds = 0.02;
  const EchoServer late(limits);
  EXPECT_EQ(refused_status(late.server.port(),
                           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc"),
            408);
}

TEST(HttpServer, ClosesIdleConnectionsWithoutAWord) {
  HttpLimits limits;
  limits.idle_seconds = 0.01;
  const EchoServer echo_server(limits);
  TestClient client(echo_server.server.port());
  client.request("GET /");
  EXPECT_EQ(client.response().status, 200);
  EXPECT_TRUE(client.closed());
}

TEST(HttpServer, CutsOffAnAnswerThatNobodyReads) {
  HttpLimits limits;
  limits.grace_seconds = 0.02;
  limits.bytes_per_second = 1'000'000'000;
  std::promise<void> sent;
  HttpServer server(any_port(limits), [&](const HttpRequest&, const Reply& reply) {
    HttpResponse response;
    response.body.assign(20'000'000, 'a');
    reply.send(std::move(response));
    sent.set_value();
  });
  server.start();
  TestClient client(server.port(), 4096);
  client.request("GET /");
  sent.get_future().wait();
  server.stop(1000);  // returns when the connection has ended
  EXPECT_THROW(client.response(), std::runtime_error) << "the whole answer came";
}

TEST(HttpServer, BoundsTheBodiesOfAllRequestsTogether) {
  HttpLimits limits;
  limits.all_body_bytes = 1000;
  const EchoServer echo_server(limits);
  EXPECT_EQ(refused_status(echo_server.server.port(),
                           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000\r\n\r\n" +
                               std::string(2000, 'a')),
            503);
  TestClient client(echo_server.server.port());
  for (int i = 0; i < 5; ++i) {  // what is answered no longer counts
    client.request("POST /", std::string(900, 'a'));
    EXPECT_EQ(client.response().status, 200);
  }
}

TEST(HttpServer, LetsSomebodyWhoWaitsGoWhenThereAreTooManyConnections) {
  HttpLimits limits;
  limits.connections_per_address = 3;
  const EchoServer echo_server(limits);
  TestClient first(echo_server.server.port());
  first.send("GET / HT");
  std::vector<std::unique_ptr<TestClient>> later;
  for (int i = 0; i < 5; ++i) {
    later.push_back(std::make_unique<TestClient>(echo_server.server.port()));
    later.back()->request("GET /");
    EXPECT_EQ(later.back()->response().status, 200);
  }
  EXPECT_TRUE(first.closed());
}

TEST(HttpServer, TurnsConnectionsAwayWhileAllOthersAreAtWork) {
  HttpLimits limits;
  limits.connections_per_address = 2;
  std::promise<void> both;
  std::promise<void> all;
  std::vector<Reply> replies;  // touched by the handlers alone until all have come
  std::mutex mutex;
  HttpServer server(any_port(limits), [&](const HttpRequest&, const Reply& reply) {
    const std::lock_guard lock(mutex);
    replies.push_back(reply);
    if (replies.size() == 2) both.set_value();
    if (replies.size() == 3) all.set_value();
  });
  server.start();
  TestClient one(server.port());
  TestClient two(server.port());
  one.request("GET /");
  two.request("GET /");
  both.get_future().wait();
  TestClient three(server.port());
  TestResponse response = three.response();
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.headers["retry-after"], "5");
  TestClient elsewhere(server.port(), 0, "127.0.0.2");  // another address has room
  elsewhere.request("GET /");
  all.get_future().wait();
  for (const Reply& reply : replies) reply.json(200, {});
  EXPECT_EQ(one.response().status, 200);
  EXPECT_EQ(two.response().status, 200);
  EXPECT_EQ(elsewhere.response().status, 200);
  server.stop(0);
}

TEST(HttpServer, AsksBeforeABodyIsRead) {
  HttpOptions options = any_port();
  options.admit = [](const HttpRequest& request) -> std::optional<HttpResponse> {
    if (request.path == "/full") return problem(429, "queue_full", "come later");
    if (request.path == "/broken") throw ProblemError(500, "x", "y");
    return std::nullopt;
  };
  HttpServer server(options, echo);
  server.start();
  EXPECT_EQ(refused_status(server.port(),
                           "POST /full HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n"),
            429);
  TestClient client(server.port());
  client.request("POST /x", "abc");
  EXPECT_EQ(client.response().status, 200);
  TestClient broken(server.port());
  broken.send("POST /broken HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n");
  EXPECT_TRUE(broken.closed());
}

TEST(HttpServer, TurnsWhatAHandlerThrowsIntoAProblem) {
  HttpServer server(any_port(), [](const HttpRequest& request, const Reply& reply) {
    if (request.path == "/error") throw Error(ErrorKind::not_found, "model", "there is none");
    if (request.path == "/bug") throw std::runtime_error("line one\nat 0x1234 in f()");
    if (request.path == "/odd") throw 3;
    reply.json(200, {});
    reply.json(500, {});  // too late
  });
  server.start();
  TestClient client(server.port());
  client.request("GET /error");
  TestResponse response = client.response();
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(nlohmann::json::parse(response.body)["field"], "model");
  client.request("GET /bug");
  response = client.response();
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body.find("0x1234"), std::string::npos);
  client.request("GET /odd");
  EXPECT_EQ(client.response().status, 500);
  client.request("GET /fine");
  EXPECT_EQ(client.response().status, 200);
}

TEST(HttpServer, AnswersForAHandlerThatForgot) {
  HttpServer server(any_port(), [](const HttpRequest&, const Reply&) {});
  server.start();
  TestClient client(server.port());
  client.request("GET /");
  EXPECT_EQ(client.response().status, 500);
}

TEST(HttpServer, AnswersOthersWhileManyRequestsWait) {
  std::vector<Reply> waiting;
  std::mutex mutex;
  std::promise<void> all_there;
  HttpLimits limits;
  limits.connections_per_address = 100;
  HttpServer server(any_port(limits), [&](const HttpRequest& request, const Reply& reply) {
    if (request.path != "/slow") return reply.json(200, {});
    const std::lock_guard lock(mutex);
    waiting.push_back(reply);
    if (waiting.size() == 60) all_there.set_value();
  });
  server.start();
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 60; ++i) {
    clients.push_back(std::make_unique<TestClient>(server.port()));
    clients.back()->request("POST /slow", "{}");
  }
  all_there.get_future().wait();
  TestClient quick(server.port());
  quick.request("GET /quick");
  EXPECT_EQ(quick.response().status, 200);
  for (const Reply& reply : waiting) reply.json(201, {});
  for (const auto& client : clients) EXPECT_EQ(client->response().status, 201);
}

// Closes a client in one way or another while its request is being worked on.
void expect_departure_is_noticed(const std::function<void(TestClient&)>& leave) {
  std::promise<void> started;
  std::promise<void> left;
  std::optional<Reply> kept;
  HttpServer server(any_port(), [&](const HttpRequest&, const Reply& reply) {
    kept = reply;
    reply.on_close([&] { left.set_value(); });
    started.set_value();
  });
  server.start();
  TestClient client(server.port());
  client.request("POST /", "{}");
  started.get_future().wait();
  leave(client);
  EXPECT_EQ(left.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  std::promise<void> at_once;
  kept->on_close([&] { at_once.set_value(); });  // it has left already
  at_once.get_future().wait();
  kept->json(200, {});  // reaches nobody, and harms nobody
  kept.reset();
}

TEST(HttpServer, NoticesThatTheClientClosesWhileAHandlerWorks) {
  expect_departure_is_noticed([](TestClient& client) { client.disconnect(); });
}

TEST(HttpServer, NoticesThatTheClientResetsWhileAHandlerWorks) {
  expect_departure_is_noticed([](TestClient& client) { client.reset(); });
}

TEST(HttpServer, NoticesThatTheClientLeavesBehindAnotherRequest) {
  expect_departure_is_noticed([](TestClient& client) {
    client.request("GET /next");
    client.disconnect();
  });
}

TEST(HttpServer, StillAnswersAClientThatHasOnlyFinishedSending) {
  const EchoServer echo_server;
  TestClient client(echo_server.server.port());
  client.request("GET /x");
  client.finish_sending();
  EXPECT_EQ(client.response().status, 200);
  EXPECT_TRUE(client.closed());
}

TEST(HttpServer, GivesAnswersThatAreBeingMadeTimeWhenItStops) {
  std::promise<void> started;
  std::optional<Reply> kept;
  auto server =
      std::make_unique<HttpServer>(any_port(), [&](const HttpRequest&, const Reply& reply) {
        kept = reply;
        started.set_value();
      });
  server->start();
  TestClient idle(server->port());
  TestClient client(server->port());
  client.request("GET /");
  started.get_future().wait();
  std::thread stopping([&] { server->stop(10); });
  EXPECT_TRUE(idle.closed());  // so it is stopping
  kept->json(200, {});
  EXPECT_EQ(client.response().headers["connection"], "close");
  stopping.join();
  kept.reset();
}

TEST(HttpServer, CallsOffWhatIsNotAnsweredInTimeWhenItStops) {
  std::promise<void> started;
  std::atomic<bool> called_off = false;
  std::optional<Reply> kept;
  HttpServer server(any_port(), [&](const HttpRequest&, const Reply& reply) {
    kept = reply;
    reply.on_close([&] { called_off = true; });
    started.set_value();
  });
  server.start();
  TestClient client(server.port());
  client.request("GET /");
  started.get_future().wait();
  server.stop(0);
  EXPECT_TRUE(called_off);
  EXPECT_TRUE(client.closed());
  kept->json(200, {});  // the server is gone
}

TEST(HttpServer, SaysWhenItCannotListen) {
  const EchoServer first;
  HttpOptions options = any_port();
  options.port = first.server.port();
  HttpServer second(options, echo);
  const Error error = error_of([&] { second.start(); });
  EXPECT_EQ(error.kind(), ErrorKind::io);
  EXPECT_EQ(error.where(), "127.0.0.1:" + std::to_string(options.port));
  options.host = "no such host";
  HttpServer third(options, echo);
  EXPECT_EQ(error_of([&] { third.start(); }).where(), "host");
}

TEST(HttpServer, ListensOnIpv6AndNamesTheAddressOfThePeerAlike) {
  HttpOptions options = any_port();
  options.host = "::";
  HttpServer server(options, echo);
  try {
    server.start();
  } catch (const Error&) {
    GTEST_SKIP() << "this machine has no IPv6";
  }
  TestClient client(server.port());
  client.request("GET /");
  EXPECT_EQ(nlohmann::json::parse(client.response().body)["remote"], "127.0.0.1");
}

TEST(HttpServer, SurvivesClientsThatComeAndGoInEveryWay) {
  const EchoServer echo_server;
  const uint16_t port = echo_server.server.port();
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([port, thread] {
      for (int i = 0; i < 25; ++i) {
        TestClient client(port);
        const std::string request = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
        client.send(request.substr(0, static_cast<size_t>((i * 7 + thread * 13) % 60)));
        if (i % 3 == 0) client.reset();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  TestClient client(port);
  client.request("GET /");
  EXPECT_EQ(client.response().status, 200);
}

}  // namespace
}  // namespace zc
