// SPDX-License-Identifier: Apache-2.0
// What a route sees of HTTP: the request, and handles to answer it at once, bit by bit, or over a
// WebSocket.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace zc {

// Who asks.
struct Principal {
  std::string tenant = "local";     // whose jobs these are
  std::vector<std::string> scopes;  // of "read", "write", "admin"
  bool authenticated = false;       // credentials were shown and right; false: open access

  // True when the scopes hold `scope` or a wider one: admin includes write, write includes read.
  bool may(std::string_view scope) const;
};

struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // as it came
  // Decoded, without the query; begins with "/". Empty when the target holds what no name of ours
  // does ("..", an encoded slash, a backslash, control bytes, broken UTF-8): no route fits then.
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  std::map<std::string, std::string> headers;              // names in lower case
  std::string body;
  std::string remote;                 // address of the peer, without the port
  std::vector<std::string> captures;  // what the {x} of the route's pattern stand for, in order
  Principal principal;

  // The first value of that name, or `fallback`.
  std::string query_value(std::string_view name, std::string_view fallback = {}) const;
  // By its name in lower case; "" where there is none.
  std::string header(std::string_view name) const;
  // "application/json" of "Application/JSON; charset=utf-8"; "" without a Content-Type.
  std::string media_type() const;
};

// The server adds Content-Length, Date, Connection, nosniff and, unless they are given here, a
// Content-Security-Policy that makes the answer inert in a browser, Cross-Origin-Resource-Policy
// and `Cache-Control: no-store`.
struct HttpResponse {
  int status = 200;
  std::string media_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

// Answers with JSON.
HttpResponse json_response(int status, const nlohmann::json& value);

// Bytes that somebody gave us, or pictures: shown when they are PNG, JPEG, WebP or JSON, and
// downloaded otherwise, whatever they call themselves.
HttpResponse bytes_response(std::string bytes, std::string_view media_type);

// What stands behind an EventStream. Every call may come from any thread.
class StreamSink {
 public:
  virtual ~StreamSink() = default;
  virtual bool write(std::string text, bool wait) = 0;
  virtual void close() = 0;
  virtual void on_close(std::function<void()> callback) = 0;
};

// An answer that goes on: server-sent events, or a download too large for memory. A copyable
// handle; when the last one goes, the stream is closed.
class EventStream {
 public:
  EventStream() = default;
  explicit EventStream(std::shared_ptr<StreamSink> sink) : sink_(std::move(sink)) {}

  // Queues the text. False: the stream has ended, because it was closed, the client went away, or
  // it reads so slowly that more than HttpLimits::queued_bytes would wait for it (it is then
  // dropped).
  bool write(std::string text) const;
  // The same, but waits while more than a quarter of queued_bytes lies there, for downloads. Never
  // in the thread that the events of others come from.
  bool write_waiting(std::string text) const;
  // Sends what is queued, then ends the answer.
  void close() const;
  // Called once when the stream has ended, however that came about; at once if it has already.
  void on_close(std::function<void()> callback) const;

 private:
  std::shared_ptr<StreamSink> sink_;
};

// What stands behind a Reply.
class ReplySink {
 public:
  virtual ~ReplySink() = default;
  virtual void send(HttpResponse response) = 0;
  virtual void on_close(std::function<void()> callback) = 0;
  // Null when an answer has been given already. `head` has no body.
  virtual std::shared_ptr<StreamSink> stream(HttpResponse head) = 0;
};

// The answer to one request: a copyable handle, to be used from any thread, now or much later. The
// first answer wins, later ones do nothing. When the last handle goes without an answer, the client
// gets 500.
class Reply {
 public:
  explicit Reply(std::shared_ptr<ReplySink> sink) : sink_(std::move(sink)) {}
  // A reply that calls the function: for tests of routes, and for looking into an answer.
  static Reply to(std::function<void(HttpResponse)> function);

  void send(HttpResponse response) const;
  void json(int status, const nlohmann::json& value) const;
  // The problem of the error (server/problem.h).
  void error(const std::exception& error) const;
  // Called once if the client goes away before the answer (at once if it has already); never after
  // an answer. Runs on a thread of the handlers.
  void on_close(std::function<void()> callback) const;
  // Answers 200 with a body that is written bit by bit. Text of "text/event-stream" gets a comment
  // every 15 seconds while nothing else is written, which keeps proxies from closing it.
  EventStream stream(std::string_view media_type,
                     std::vector<std::pair<std::string, std::string>> headers = {}) const;
  const std::shared_ptr<ReplySink>& sink() const { return sink_; }

 private:
  std::shared_ptr<ReplySink> sink_;
};

// What stands behind a WebSocket. Every call may come from any thread.
class SocketSink {
 public:
  virtual ~SocketSink() = default;
  virtual bool send(std::string bytes, bool binary) = 0;
  virtual void close(uint16_t code, std::string reason) = 0;
  virtual void on_text(std::function<void(std::string)> callback) = 0;
  virtual void on_close(std::function<void()> callback) = 0;
};

// One WebSocket: a copyable handle, to be used from any thread. It stays open until one side closes
// it, also when all handles have gone.
class WebSocket {
 public:
  explicit WebSocket(std::shared_ptr<SocketSink> sink) : sink_(std::move(sink)) {}

  // Queues one message. False: the socket is closed, or the client reads so slowly that more than
  // HttpLimits::queued_bytes would wait for it (it is then dropped). Text that is no UTF-8 is
  // repaired.
  bool send_text(std::string text) const;
  bool send_binary(std::string bytes) const;
  // Sends what is queued, then closes (RFC 6455, 7.4: 1000 is a normal end, 1008 a policy).
  void close(uint16_t code = 1000, std::string reason = {}) const;
  // Messages of the client, one after the other on a thread of the handlers. Those that came before
  // the callback was set wait for it until the function that was given the socket has returned.
  void on_text(std::function<void(std::string)> callback) const;
  // Called once when the socket is closed, by whomever; at once if it is already.
  void on_close(std::function<void()> callback) const;

 private:
  std::shared_ptr<SocketSink> sink_;
};

}  // namespace zc
