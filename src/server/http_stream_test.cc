// SPDX-License-Identifier: Apache-2.0
// Answers that go on: server-sent events, downloads and WebSockets, over real sockets.
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/http_server.h"
#include "server/test_client.h"

namespace zc {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);

HttpOptions stream_options(HttpLimits limits = {}) {
  HttpOptions options;
  options.port = 0;
  options.limits = limits;
  return options;
}

// A server whose every GET becomes a stream, handed out to the test.
struct StreamServer {
  explicit StreamServer(HttpLimits limits = {}, std::string media_type = "text/event-stream")
      : server(stream_options(limits), [this, media_type](const HttpRequest&, const Reply& reply) {
          streams.set_value(reply.stream(media_type, {{"X-Kind", "test"}}));
        }) {
    server.start();
  }
  EventStream next() {
    EventStream stream = streams.get_future().get();
    streams = {};
    return stream;
  }
  std::promise<EventStream> streams;
  HttpServer server;
};

TEST(EventStreams, ArriveBitByBitAndLeaveTheConnectionUsable) {
  StreamServer host;
  TestClient client(host.server.port());
  for (int round = 0; round < 2; ++round) {
    client.request("GET /events");
    EventStream stream = host.next();
    TestResponse head = client.head();
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.headers["content-type"], "text/event-stream");
    EXPECT_EQ(head.headers["x-kind"], "test");
    EXPECT_TRUE(stream.write("data: 1\n\n"));
    EXPECT_EQ(client.chunk(), "data: 1\n\n");
    EXPECT_TRUE(stream.write("data: 2\n\n"));
    EXPECT_EQ(client.chunk(), "data: 2\n\n");
    stream.write("last");
    stream.close();
    EXPECT_FALSE(stream.write("too late"));
    EXPECT_EQ(client.chunk(), "last");
    EXPECT_EQ(client.chunk(), "");
  }
}

TEST(EventStreams, EndWithTheirLastHandle) {
  StreamServer host;
  TestClient client(host.server.port());
  client.request("GET /events");
  {
    const EventStream stream = host.next();
    stream.write("a");
  }
  EXPECT_EQ(client.response().body, "a");
}

TEST(EventStreams, EndTheConnectionOfOldClients) {
  StreamServer host;
  TestClient client(host.server.port());
  client.send("GET /events HTTP/1.0\r\n\r\n");
  {
    const EventStream stream = host.next();
    stream.write("ab");
    stream.write("cd");
  }
  EXPECT_EQ(client.response().body, "abcd");
}

TEST(EventStreams, KeepTalkingWhileNothingHappens) {
  HttpLimits limits;
  limits.ping_seconds = 0.005;
  StreamServer host(limits);
  TestClient client(host.server.port());
  client.request("GET /events");
  const EventStream stream = host.next();
  client.head();
  EXPECT_EQ(client.chunk(), ":\n\n");
  EXPECT_EQ(client.chunk(), ":\n\n");
}

TEST(EventStreams, NoticeThatTheClientLeaves) {
  StreamServer host;
  TestClient client(host.server.port());
  client.request("GET /events");
  const EventStream stream = host.next();
  client.head();
  std::promise<void> closed;
  stream.on_close([&] { closed.set_value(); });
  client.disconnect();
  ASSERT_EQ(closed.get_future().wait_for(kPatience), std::future_status::ready);
  EXPECT_FALSE(stream.write("x"));
  std::promise<void> at_once;
  stream.on_close([&] { at_once.set_value(); });
  EXPECT_EQ(at_once.get_future().wait_for(kPatience), std::future_status::ready);
}

TEST(EventStreams, DropAReaderWhoIsTooSlow) {
  HttpLimits limits;
  limits.queued_bytes = 256 * 1024;
  StreamServer host(limits);
  TestClient client(host.server.port(), 4096);
  client.request("GET /events");
  const EventStream stream = host.next();
  std::promise<void> closed;
  stream.on_close([&] { closed.set_value(); });
  // The kernel holds some megabytes for the client before anything is queued here.
  const std::string event(64 * 1024, 'a');
  int written = 0;
  while (written < 1000 && stream.write(event)) ++written;
  EXPECT_LT(written, 1000);
  EXPECT_EQ(closed.get_future().wait_for(kPatience), std::future_status::ready);
}

// The first look at the stream may come after its end.
TEST(EventStreams, DropAReaderWhoIsTooSlowFromTheFirstByte) {
  HttpLimits limits;
  limits.queued_bytes = 1024;
  for (int round = 0; round < 20; ++round) {
    std::promise<void> closed;
    HttpServer server(stream_options(limits), [&](const HttpRequest&, const Reply& reply) {
      const EventStream stream = reply.stream("text/event-stream");
      stream.on_close([&] { closed.set_value(); });
      while (stream.write(std::string(1000, 'a'))) {
      }
    });
    server.start();
    TestClient client(server.port(), 4096);
    client.request("GET /events");
    EXPECT_EQ(closed.get_future().wait_for(kPatience), std::future_status::ready);
  }
}

TEST(EventStreams, LetADownloadWaitForItsReader) {
  HttpLimits limits;
  limits.queued_bytes = 64 * 1024;
  StreamServer host(limits, "application/zip");
  TestClient client(host.server.port(), 4096);
  client.request("GET /zip");
  std::thread writer([stream = host.next()] {
    for (int i = 0; i < 300; ++i) stream.write_waiting(std::string(40'000, static_cast<char>(i)));
  });
  const std::string body = client.response().body;
  writer.join();
  ASSERT_EQ(body.size(), 300U * 40'000U);
  EXPECT_EQ(body[299 * 40'000], static_cast<char>(299));
}

TEST(EventStreams, EndADownloadWhoseReaderLeaves) {
  HttpLimits limits;
  limits.queued_bytes = 64 * 1024;
  StreamServer host(limits, "application/zip");
  TestClient client(host.server.port(), 4096);
  client.request("GET /zip");
  std::promise<void> ended;
  std::thread writer([stream = host.next(), &ended] {
    while (stream.write_waiting(std::string(40'000, 'a'))) {
    }
    ended.set_value();
  });
  client.head();
  client.disconnect();
  EXPECT_EQ(ended.get_future().wait_for(kPatience), std::future_status::ready);
  writer.join();
}

TEST(EventStreams, EndWhenTheServerStops) {
  StreamServer host;
  TestClient client(host.server.port());
  client.request("GET /events");
  const EventStream stream = host.next();
  stream.write("a");
  client.head();
  EXPECT_EQ(client.chunk(), "a");
  host.server.stop();
  EXPECT_EQ(client.chunk(), "") << "a proper end";
  EXPECT_FALSE(stream.write("b"));
}

// A server with a WebSocket at /events, handed out to the test.
struct SocketServer {
  explicit SocketServer(HttpLimits limits = {})
      : server(
            stream_options(limits),
            [](const HttpRequest&, const Reply& reply) { reply.json(404, {}); },
            [](const HttpRequest& request) {
              return request.path == "/events" && request.header("origin") != "http://evil";
            },
            [this](HttpRequest request, const WebSocket& socket) {
              if (prepare) prepare(socket);
              query = request.query_value("q");
              sockets.set_value(socket);
            }) {
    server.start();
  }
  WebSocket next() { return sockets.get_future().get(); }

  std::function<void(WebSocket)> prepare;
  std::string query;
  std::promise<WebSocket> sockets;
  HttpServer server;
};

TEST(WebSockets, CarryTextAndBytesBothWays) {
  SocketServer host;
  std::promise<std::string> told;
  host.prepare = [&](const WebSocket& socket) {
    socket.on_text([&](const std::string& text) { told.set_value(text); });
  };
  TestClient client(host.server.port());
  TestResponse answer = client.upgrade("/events?q=1");
  EXPECT_EQ(answer.status, 101);
  EXPECT_EQ(answer.headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  client.send_frame(1, "hello");
  EXPECT_EQ(told.get_future().get(), "hello");
  const WebSocket socket = host.next();
  EXPECT_EQ(host.query, "1");
  EXPECT_TRUE(socket.send_text("{\"type\":\"preview\"}"));
  EXPECT_TRUE(socket.send_binary(std::string("\0\1\xFF", 3)));
  EXPECT_EQ(client.frame().payload, "{\"type\":\"preview\"}");
  const TestClient::Frame bytes = client.frame();
  EXPECT_EQ(bytes.opcode, 2);
  EXPECT_EQ(bytes.payload, std::string("\0\1\xFF", 3));
}

TEST(WebSockets, AreRefusedWhereTheyAreNotWanted) {
  SocketServer host;
  TestClient elsewhere(host.server.port());
  EXPECT_EQ(elsewhere.upgrade("/other").status, 404);
  TestClient evil(host.server.port());
  EXPECT_EQ(evil.upgrade("/events", "Origin: http://evil\r\n").status, 404);
}

TEST(WebSockets, DeliverMessagesInTheirOrder) {
  SocketServer host;
  std::vector<std::string> told;
  std::promise<void> all;
  host.prepare = [&](const WebSocket& socket) {
    socket.on_text([&](const std::string& text) {
      told.push_back(text);
      if (told.size() == 300) all.set_value();
    });
  };
  TestClient client(host.server.port());
  client.upgrade("/events");
  for (int i = 0; i < 300; ++i) client.send_frame(1, std::to_string(i));
  ASSERT_EQ(all.get_future().wait_for(kPatience), std::future_status::ready);
  for (int i = 0; i < 300; ++i) EXPECT_EQ(told[static_cast<size_t>(i)], std::to_string(i));
}

TEST(WebSockets, RepairTextThatIsNoUtf8) {
  SocketServer host;
  TestClient client(host.server.port());
  client.upgrade("/events");
  host.next().send_text("a\xFF\xC3\xA9\xC3");
  EXPECT_EQ(client.frame().payload, "a\xEF\xBF\xBD\xC3\xA9\xEF\xBF\xBD");
}

TEST(WebSockets, AreClosedByEitherSide) {
  SocketServer host;
  TestClient client(host.server.port());
  client.upgrade("/events");
  const WebSocket socket = host.next();
  std::promise<void> closed;
  socket.on_close([&] { closed.set_value(); });
  socket.send_text("last");
  socket.close(1008, "no more");
  EXPECT_EQ(client.frame().payload, "last");
  const TestClient::Frame goodbye = client.frame();
  EXPECT_EQ(goodbye.opcode, 8);
  EXPECT_EQ(goodbye.payload, std::string("\x03\xF0") + "no more");
  client.send_frame(8, goodbye.payload);
  EXPECT_TRUE(client.closed());
  client.disconnect();
  EXPECT_EQ(closed.get_future().wait_for(kPatience), std::future_status::ready);
  EXPECT_FALSE(socket.send_text("x"));

  SocketServer other;
  TestClient leaver(other.server.port());
  leaver.upgrade("/events");
  std::promise<void> left;
  other.next().on_close([&] { left.set_value(); });
  leaver.send_frame(8, "\x03\xE8");
  EXPECT_EQ(leaver.frame().opcode, 8);
  EXPECT_TRUE(leaver.closed());
  EXPECT_EQ(left.get_future().wait_for(kPatience), std::future_status::ready);
}

TEST(WebSockets, NoticeThatTheClientIsGone) {
  SocketServer host;
  TestClient client(host.server.port());
  client.upgrade("/events");
  const WebSocket socket = host.next();
  std::promise<void> closed;
  socket.on_close([&] { closed.set_value(); });
  client.reset();
  EXPECT_EQ(closed.get_future().wait_for(kPatience), std::future_status::ready);
}

TEST(WebSockets, AreEndedWhenTheClientIsSilent) {
  HttpLimits limits;
  limits.ping_seconds = 0.02;
  SocketServer host(limits);
  TestClient client(host.server.port());
  client.upgrade("/events");
  const WebSocket socket = host.next();
  std::promise<void> closed;
  socket.on_close([&] { closed.set_value(); });
  EXPECT_EQ(client.frame().opcode, 9) << "a ping, which this client does not answer";
  EXPECT_EQ(closed.get_future().wait_for(kPatience), std::future_status::ready);
}

TEST(WebSockets, DropAReaderWhoIsTooSlow) {
  HttpLimits limits;
  limits.queued_bytes = 256 * 1024;
  SocketServer host(limits);
  TestClient client(host.server.port(), 4096);
  client.upgrade("/events");
  const WebSocket socket = host.next();
  std::promise<void> closed;
  socket.on_close([&] { closed.set_value(); });
  const std::string message(64 * 1024, 'a');
  int written = 0;
  while (written < 1000 && socket.send_binary(message)) ++written;
  EXPECT_LT(written, 1000);
  EXPECT_EQ(closed.get_future().wait_for(kPatience), std::future_status::ready);
}

TEST(WebSockets, RefuseMessagesBeyondTheLimitAndFramesThatAreNone) {
  HttpLimits limits;
  limits.websocket_message_bytes = 1000;
  const auto close_code = [&](const std::function<void(TestClient&)>& misbehave) {
    SocketServer host(limits);
    TestClient client(host.server.port());
    client.upgrade("/events");
    const WebSocket socket = host.next();
    misbehave(client);
    const TestClient::Frame frame = client.frame();
    EXPECT_EQ(frame.opcode, 8);
    return static_cast<unsigned char>(frame.payload.at(0)) << 8 |
           static_cast<unsigned char>(frame.payload.at(1));
  };
  EXPECT_EQ(close_code([](TestClient& client) { client.send_frame(1, std::string(2000, 'a')); }),
            1009);
  EXPECT_EQ(close_code([](TestClient& client) { client.send_frame(1, "a", false); }), 1002);
  EXPECT_EQ(close_code([](TestClient& client) { client.send_frame(3, "a"); }), 1002);
  EXPECT_EQ(close_code([](TestClient& client) { client.send_frame(1, "\xFF"); }), 1007);
}

TEST(WebSockets, AreToldWhenTheServerStops) {
  SocketServer host;
  TestClient client(host.server.port());
  client.upgrade("/events");
  const WebSocket socket = host.next();
  std::thread answering([&] {
    const TestClient::Frame goodbye = client.frame();
    EXPECT_EQ(goodbye.payload.substr(0, 2), "\x03\xE9");  // 1001, going away
    client.send_frame(8, goodbye.payload);
    EXPECT_TRUE(client.closed());
    client.disconnect();
  });
  host.server.stop(1000);
  answering.join();
  EXPECT_FALSE(socket.send_text("x"));
}

TEST(WebSockets, MayBeHeldByTheirOwnCallbacks) {
  SocketServer host;
  host.prepare = [](const WebSocket& socket) {
    socket.on_text([socket](const std::string& text) { socket.send_text("re: " + text); });
    socket.on_close([socket] { socket.close(); });
  };
  TestClient client(host.server.port());
  client.upgrade("/events");
  client.send_frame(1, "a");
  EXPECT_EQ(client.frame().payload, "re: a");
}

}  // namespace
}  // namespace zc
