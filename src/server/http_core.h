// SPDX-License-Identifier: Apache-2.0
// Inside of the HTTP server: what its connections share. No Boost header, so that each of the files
// that need one sees only its own part.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "server/http.h"
#include "server/http_server.h"

namespace boost::asio {
class io_context;
class thread_pool;
}  // namespace boost::asio

namespace zc {

using HttpClock = std::chrono::steady_clock;

inline HttpClock::duration http_seconds(double seconds) {
  return std::chrono::duration_cast<HttpClock::duration>(std::chrono::duration<double>(seconds));
}

// A connection as the server's list knows it. Touched by the I/O thread only.
class HttpConnection {
 public:
  // sending: what is written does not go out, since the client reads nothing.
  enum class Phase { waiting, head, body, busy, sending };

  virtual ~HttpConnection() = default;
  // The server stops: end as soon as what has been begun is answered.
  virtual void finish() = 0;
  // End now.
  virtual void drop() = 0;

  void set_phase(Phase new_phase) {
    phase = new_phase;
    since = HttpClock::now();
  }

  std::string remote;
  Phase phase = Phase::waiting;
  HttpClock::time_point since = HttpClock::now();  // of the phase
  int64_t body_bytes = 0;                          // in memory, of the request at hand
  int64_t answer_bytes = 0;                        // in memory, of the answer that is being sent
};

struct HttpCore {
  HttpCore(HttpOptions the_options, std::function<void(HttpRequest, Reply)> the_handler,
           std::function<bool(const HttpRequest&)> wants,
           std::function<void(HttpRequest, WebSocket)> sockets);
  ~HttpCore();

  // These two may be called from any thread, also long after the server has stopped; they then do
  // nothing. What a handler throws must not leave it.
  void on_io(std::function<void()> work);
  void on_handlers(std::function<void()> work);

  // Whether a reader for whom `queued` bytes wait is too slow to be given `more`: beyond its own
  // limit, or beyond its share while all together are beyond theirs.
  bool too_slow(int64_t queued, int64_t more) const;

  const HttpOptions options;
  const std::function<void(HttpRequest, Reply)> handler;
  const std::function<bool(const HttpRequest&)> wants_websocket;
  const std::function<void(HttpRequest, WebSocket)> websocket;

  // Of all event streams and WebSockets, waiting for their readers.
  std::atomic<int64_t> queued_bytes = 0;

  std::mutex mutex;  // guards the pointers below against the end of the server
  std::unique_ptr<boost::asio::io_context> io;
  std::unique_ptr<boost::asio::thread_pool> handlers;

  // Of the I/O thread.
  std::set<HttpConnection*> connections;
  int64_t body_bytes = 0;    // of all connections
  int64_t answer_bytes = 0;  // likewise
  bool stopping = false;
};

// Counts the bytes of an answer while it is being sent. If all answers together are too large then,
// those go whose clients have read nothing for a while.
class HeldAnswer {
 public:
  HeldAnswer(HttpCore& core, HttpConnection& connection, size_t bytes);
  ~HeldAnswer();
  HeldAnswer(const HeldAnswer&) = delete;
  HeldAnswer& operator=(const HeldAnswer&) = delete;

 private:
  HttpCore& core_;
  HttpConnection& connection_;
};

// Is in the server's list as long as it lives.
class ListedConnection {
 public:
  ListedConnection(std::shared_ptr<HttpCore> core, HttpConnection& connection)
      : core_(std::move(core)), connection_(connection) {
    core_->connections.insert(&connection_);
  }
  ~ListedConnection() {
    core_->connections.erase(&connection_);
    core_->body_bytes -= connection_.body_bytes;
  }
  ListedConnection(const ListedConnection&) = delete;
  ListedConnection& operator=(const ListedConnection&) = delete;

 private:
  std::shared_ptr<HttpCore> core_;
  HttpConnection& connection_;
};

// A connected socket, which the function takes over.
struct AcceptedSocket {
  int descriptor = -1;
  bool ipv6 = false;
  std::string remote;
};

// On the I/O thread: serve requests until the client or a limit ends it. http_connection.cc.
void serve_connection(const std::shared_ptr<HttpCore>& core, AcceptedSocket socket);

// On the I/O thread: answer the request for an upgrade and go on with messages. http_websocket.cc.
void serve_websocket(const std::shared_ptr<HttpCore>& core, AcceptedSocket socket,
                     HttpRequest request);

}  // namespace zc
