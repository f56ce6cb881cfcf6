// SPDX-License-Identifier: Apache-2.0
// Clients that do not read while others want their place or their memory.
#include <chrono>
#include <future>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/http_server.h"
#include "server/test_client.h"

namespace zc {
namespace {

HttpOptions crowd_options(HttpLimits limits) {
  HttpOptions options;
  options.port = 0;
  options.limits = limits;
  return options;
}

// The status of a request over a connection of its own; 0 when it was turned away before it had
// asked.
int status_of_a_newcomer(uint16_t port) {
  try {
    TestClient client(port);
    client.request("GET /");
    return client.response().status;
  } catch (const std::runtime_error&) {
    return 0;
  }
}

TEST(HttpCrowd, AClientWhoReadsNothingMakesRoomForANewcomer) {
  HttpLimits limits;
  limits.connections_per_address = 1;
  limits.grace_seconds = 0.01;
  HttpServer server(crowd_options(limits), [](const HttpRequest& request, const Reply& reply) {
    HttpResponse response;
    if (request.path == "/large") response.body.assign(20'000'000, 'a');
    reply.send(std::move(response));
  });
  server.start();
  TestClient reads_nothing(server.port(), 4096);
  reads_nothing.request("GET /large");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  int status = 0;
  while (status != 200 && std::chrono::steady_clock::now() < end)
    status = status_of_a_newcomer(server.port());
  EXPECT_EQ(status, 200);
  EXPECT_THROW(reads_nothing.response(), std::runtime_error) << "the whole answer came";
}

TEST(HttpCrowd, AnAnswerThatNobodyReadsIsCutOffWhenOthersNeedItsMemory) {
  HttpLimits limits;
  limits.all_answer_bytes = 1'000'000;
  limits.grace_seconds = 0.01;
  std::promise<void> begun;
  HttpServer server(crowd_options(limits), [&](const HttpRequest& request, const Reply& reply) {
    HttpResponse response;
    response.body.assign(20'000'000, 'a');
    reply.send(std::move(response));
    if (request.path == "/first") begun.set_value();
  });
  server.start();
  TestClient reads_nothing(server.port(), 4096);
  reads_nothing.request("GET /first");
  begun.get_future().wait();
  TestClient reads(server.port());
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  do {
    reads.request("GET /");
    EXPECT_EQ(reads.response().body.size(), 20'000'000U);
  } while (std::chrono::steady_clock::now() < end);
  EXPECT_THROW(reads_nothing.response(), std::runtime_error) << "the whole answer came";
}

TEST(HttpCrowd, AReaderAboveItsShareGoesWhenTooMuchWaitsForAllTogether) {
  HttpLimits limits;
  limits.queued_bytes = 1'000'000'000;
  limits.all_queued_bytes = 256 * 1024;
  limits.connections = 2;
  std::vector<std::promise<EventStream>> streams(2);
  size_t begun = 0;
  HttpServer server(crowd_options(limits), [&](const HttpRequest&, const Reply& reply) {
    streams.at(begun++).set_value(reply.stream("text/event-stream"));
  });
  server.start();
  TestClient slow(server.port(), 4096);
  slow.request("GET /events");
  const EventStream much = streams[0].get_future().get();
  TestClient other(server.port());
  other.request("GET /events");
  const EventStream little = streams[1].get_future().get();
  // The kernel holds some megabytes for the client before anything is queued here.
  const std::string event(64 * 1024, 'a');
  int written = 0;
  while (written < 1000 && much.write(event)) ++written;
  EXPECT_LT(written, 1000);
  EXPECT_TRUE(little.write("data: 1\n\n"));
  other.head();
  EXPECT_EQ(other.chunk(), "data: 1\n\n");
}

}  // namespace
}  // namespace zc
