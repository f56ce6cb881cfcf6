// SPDX-License-Identifier: Apache-2.0
// The HTTP server: connections, limits and deadlines (TLS is left to a proxy). One thread does all
// reading and writing; handlers run on threads of their own and may answer whenever they like.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/options.h"
#include "server/http.h"

namespace zc {

// What a client may cost. Beyond a limit it gets the answer beside it, and the connection ends.
struct HttpLimits {
  int64_t request_line_bytes = 8 * 1024;    // 414
  int64_t header_bytes = 32 * 1024;         // 431
  int64_t headers = 100;                    // 431
  double header_seconds = 10;               // 408, counted from the first byte
  double idle_seconds = 60;                 // between two requests; closed without an answer
  int64_t body_bytes = 64ll * 1024 * 1024;  // 413, before anything is read where it was declared
  double body_seconds = 60;                 // 408
  double grace_seconds = 5;                 // after that a body or an answer must keep up with ...
  int64_t bytes_per_second = 16 * 1024;     // ... this rate on average (408; an answer is cut off)
  int64_t all_body_bytes = 1024ll * 1024 * 1024;  // of all requests together: 503
  int64_t all_answer_bytes = 64 * 1024 * 1024;    // beyond it those go whose clients read nothing
  // 503, unless one can go instead that waits, or whose client reads nothing.
  int64_t connections = 256;
  int64_t connections_per_address = 32;         // likewise
  int64_t queued_bytes = 4 * 1024 * 1024;       // of one event stream or WebSocket: dropped
  int64_t all_queued_bytes = 32 * 1024 * 1024;  // of all of them: those above their share go
  int64_t websocket_message_bytes = 64 * 1024;  // from the client: closed with 1009
  double ping_seconds = 15;  // event streams and WebSockets are spoken to that often
};

template <OptionsOf<HttpLimits> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("request_line_bytes", o.request_line_bytes, Range{64, 1 << 20},
        "longest request line (414)");
  visit("header_bytes", o.header_bytes, Range{256, 1 << 24}, "all headers together (431)");
  visit("headers", o.headers, Range{1, 10000}, "number of headers (431)");
  visit("header_seconds", o.header_seconds, Range{0.001, 3600},
        "until the headers are complete (408)");
  visit("idle_seconds", o.idle_seconds, Range{0.001, 86400}, "an idle connection is kept");
  visit("body_bytes", o.body_bytes, Range{0, 1e12}, "largest body of a request (413)");
  visit("body_seconds", o.body_seconds, Range{0.001, 86400}, "until the body is complete (408)");
  visit("grace_seconds", o.grace_seconds, Range{0.001, 3600},
        "before the slowest rate is asked for");
  visit("bytes_per_second", o.bytes_per_second, Range{1, 1e12},
        "slowest rate of a body or of an answer (408)");
  visit("all_body_bytes", o.all_body_bytes, Range{0, 1e15},
        "bodies of all requests in memory together (503)");
  visit("all_answer_bytes", o.all_answer_bytes, Range{0, 1e15},
        "answers in memory together; beyond it those are cut off whose clients read nothing");
  visit("connections", o.connections, Range{1, 100000}, "connections at a time (503)");
  visit("connections_per_address", o.connections_per_address, Range{1, 100000},
        "connections of one address at a time (503)");
  visit("queued_bytes", o.queued_bytes, Range{1024, 1e12},
        "waiting for a slow reader of events, which is then dropped");
  visit("all_queued_bytes", o.all_queued_bytes, Range{1024, 1e15},
        "waiting for all readers of events; beyond it those go for whom more than an equal share "
        "waits");
  visit("websocket_message_bytes", o.websocket_message_bytes, Range{125, 1e9},
        "longest message of a client over a WebSocket");
  visit("ping_seconds", o.ping_seconds, Range{0.001, 3600},
        "between two signs of life to those who listen to events");
}

struct HttpOptions {
  std::string host = "127.0.0.1";  // an address, or a name that stands for one
  uint16_t port = 7860;            // 0: any free one
  HttpLimits limits;
  int handler_threads = 4;
  // Asked on a thread of the handlers when the head of a request with a body is there, before the
  // body is read: an answer here means that it never is (no token, queue full).
  std::function<std::optional<HttpResponse>(const HttpRequest&)> admit;
};

class HttpServer {
 public:
  // `handler` answers a request, on a thread of the handlers; what it throws becomes a problem.
  // A request for an upgrade of which `wants_websocket` says true becomes a WebSocket and goes to
  // `websocket`; any other one is answered by `handler`. `wants_websocket` must check the origin
  // (Router::admits does).
  HttpServer(HttpOptions options, std::function<void(HttpRequest, Reply)> handler,
             std::function<bool(const HttpRequest&)> wants_websocket = {},
             std::function<void(HttpRequest, WebSocket)> websocket = {});
  // Stops if that was not done.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Listens, and returns when connections are accepted. Throws io, naming the address, when it
  // cannot be listened on.
  void start();
  // The port that is listened on; 0 before start().
  uint16_t port() const;
  // Takes no new connections, ends those that wait, gives answers that are being worked on
  // `seconds` to be sent (their on_close is called then), says goodbye to WebSockets, and returns
  // when all handlers have returned. Not from a handler.
  void stop(double seconds = 5);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zc
