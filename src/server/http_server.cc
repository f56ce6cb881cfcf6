// SPDX-License-Identifier: Apache-2.0
#include "server/http_server.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/error.h"
#include "server/http_core.h"
#include "server/problem.h"
#include "server/response_head.h"

namespace zc {

namespace {

using ServerTcp = boost::asio::ip::tcp;
constexpr auto kServerAwait = boost::asio::as_tuple(boost::asio::use_awaitable);

std::string address_text(const boost::asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6())
        .to_string();
  }
  return address.to_string();
}

// Programs that the server starts must not keep its sockets.
void keep_from_children(int descriptor) {
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

// A client that reads on takes some of an answer in this time, even when the kernel's buffer is
// full.
constexpr double kReaderSeconds = 1;

// How long a connection has kept the server waiting; negative when a request is at work.
double waiting_seconds(const HttpConnection& connection, const HttpLimits& limits) {
  const double age = std::chrono::duration<double>(HttpClock::now() - connection.since).count();
  if (connection.phase == HttpConnection::Phase::busy) return -1;
  if (connection.phase == HttpConnection::Phase::sending) {
    return age - std::min(kReaderSeconds, limits.grace_seconds);
  }
  if (connection.phase != HttpConnection::Phase::body) return age;
  // A body that comes slowly waits too, however little it has brought.
  return age -
         static_cast<double>(connection.body_bytes) / static_cast<double>(limits.bytes_per_second);
}

// Of the chosen connections the one that has kept the server waiting for longest; nullptr if none
// has.
template <class Chosen>
HttpConnection* longest_waiting(const HttpCore& core, const Chosen& chosen) {
  HttpConnection* longest = nullptr;
  double seconds = 0;
  for (HttpConnection* connection : core.connections) {
    if (!chosen(*connection)) continue;
    const double waiting = waiting_seconds(*connection, core.options.limits);
    if (waiting <= seconds) continue;
    longest = connection;
    seconds = waiting;
  }
  return longest;
}

// Says 503 without waiting for anything; the socket is closed by the caller.
void turn_away(ServerTcp::socket& socket) {
  HttpResponse response = problem(503, "too_many_connections",
                                  "the server has as many connections as it can take; try later");
  response.headers.emplace_back("Retry-After", "5");
  const std::string text =
      response_head(response, {.length = response.body.size(), .keep_alive = false}) +
      response.body;
  // It fits into the socket's buffer; if not, the client does without.
  static_cast<void>(
      ::send(socket.native_handle(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
  boost::system::error_code ignored;
  socket.shutdown(ServerTcp::socket::shutdown_send, ignored);
}

}  // namespace

HttpCore::HttpCore(HttpOptions the_options, std::function<void(HttpRequest, Reply)> the_handler,
                   std::function<bool(const HttpRequest&)> wants,
                   std::function<void(HttpRequest, WebSocket)> sockets)
    : options(std::move(the_options)),
      handler(std::move(the_handler)),
      wants_websocket(std::move(wants)),
      websocket(std::move(sockets)) {}
HttpCore::~HttpCore() = default;

void HttpCore::on_io(std::function<void()> work) {
  const std::lock_guard lock(mutex);
  if (io) boost::asio::post(*io, std::move(work));
}

void HttpCore::on_handlers(std::function<void()> work) {
  const std::lock_guard lock(mutex);
  if (!handlers) return;
  boost::asio::post(*handlers, [work = std::move(work)] {
    try {
      work();
    } catch (...) {
      // A callback of a route failed. There is nobody left to tell, and the others go on.
    }
  });
}

bool HttpCore::too_slow(int64_t queued, int64_t more) const {
  const HttpLimits& limits = options.limits;
  if (queued == 0) return false;  // one message may be larger than all limits
  if (queued + more > limits.queued_bytes) return true;
  return queued_bytes + more > limits.all_queued_bytes &&
         queued + more > limits.all_queued_bytes / limits.connections;
}

HeldAnswer::HeldAnswer(HttpCore& core, HttpConnection& connection, size_t bytes)
    : core_(core), connection_(connection) {
  connection.answer_bytes = static_cast<int64_t>(bytes);
  core.answer_bytes += connection.answer_bytes;
  while (core.answer_bytes > core.options.limits.all_answer_bytes) {
    const auto unread = [&](const HttpConnection& each) {
      return each.phase == HttpConnection::Phase::sending && each.answer_bytes > 0;
    };
    HttpConnection* const longest = longest_waiting(core, unread);
    if (longest == nullptr) return;
    core.answer_bytes -= std::exchange(longest->answer_bytes, 0);
    longest->drop();
  }
}

HeldAnswer::~HeldAnswer() {
  core_.answer_bytes -= std::exchange(connection_.answer_bytes, 0);
}

struct HttpServer::Impl {
  std::shared_ptr<HttpCore> core;
  std::optional<ServerTcp::acceptor> acceptor;
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work;
  std::thread thread;
  uint16_t port = 0;

  ServerTcp::endpoint endpoint() const;
  void listen();
  boost::asio::awaitable<void> accept();
  void take(ServerTcp::socket socket);
  bool make_room(const std::string& remote);
  bool wait_for_connections(double seconds);
};

ServerTcp::endpoint HttpServer::Impl::endpoint() const {
  ServerTcp::resolver resolver(*core->io);
  boost::system::error_code error;
  const auto found = resolver.resolve(core->options.host, std::to_string(core->options.port),
                                      ServerTcp::resolver::passive, error);
  if (error || found.empty()) {
    throw Error(
        ErrorKind::bad_request, "host",
        fmt::format("{} is no address of this machine: {}", core->options.host, error.message()));
  }
  return found.begin()->endpoint();
}

void HttpServer::Impl::listen() {
  const ServerTcp::endpoint where = endpoint();
  boost::system::error_code error;
  acceptor.emplace(*core->io);
  acceptor->open(where.protocol(), error);
  if (!error) keep_from_children(acceptor->native_handle());
  if (!error) acceptor->set_option(ServerTcp::acceptor::reuse_address(true), error);
  if (!error && where.address().is_v6() && where.address().is_unspecified()) {
    acceptor->set_option(boost::asio::ip::v6_only(false), error);  // IPv4 too
  }
  if (!error) acceptor->bind(where, error);
  if (!error) acceptor->listen(boost::asio::socket_base::max_listen_connections, error);
  if (error) {
    const bool in_use = error == boost::asio::error::address_in_use;
    throw Error(ErrorKind::io, fmt::format("{}:{}", core->options.host, core->options.port),
                in_use ? "another program listens there already; choose another --port"
                       : "cannot listen there: " + error.message());
  }
  port = acceptor->local_endpoint().port();
}

// Ends a connection that keeps the server waiting for longer than the others, if there must be room
// for one of that address. False: none waits.
bool HttpServer::Impl::make_room(const std::string& remote) {
  const HttpLimits& limits = core->options.limits;
  int64_t all = 0;
  int64_t same = 0;
  for (const HttpConnection* connection : core->connections) {
    ++all;
    same += connection->remote == remote ? 1 : 0;
  }
  const bool crowd = same >= limits.connections_per_address;
  if (!crowd && all < limits.connections) return true;
  HttpConnection* const longest = longest_waiting(
      *core, [&](const HttpConnection& each) { return !crowd || each.remote == remote; });
  if (longest == nullptr) return false;
  longest->drop();
  return true;
}

void HttpServer::Impl::take(ServerTcp::socket socket) {
  boost::system::error_code error;
  const auto peer = socket.remote_endpoint(error);
  if (error) return;  // gone already
  AcceptedSocket accepted{.descriptor = -1,
                          .ipv6 = socket.local_endpoint(error).protocol() == ServerTcp::v6(),
                          .remote = address_text(peer.address())};
  if (!make_room(accepted.remote)) return turn_away(socket);
  accepted.descriptor = socket.release(error);
  keep_from_children(accepted.descriptor);
  if (!error) serve_connection(core, std::move(accepted));
}

boost::asio::awaitable<void> HttpServer::Impl::accept() {
  for (;;) {
    auto [error, socket] = co_await acceptor->async_accept(kServerAwait);
    if (core->stopping || !acceptor->is_open()) co_return;
    if (!error) {
      try {
        take(std::move(socket));
      } catch (const std::exception&) {
        // No memory: this client must come again.
      }
      continue;
    }
    // Too many open files, or a client that left in between. The listening socket stays readable.
    boost::asio::steady_timer pause(*core->io, std::chrono::milliseconds(20));
    co_await pause.async_wait(kServerAwait);
  }
}

// From another thread. False: some are still there after that time.
bool HttpServer::Impl::wait_for_connections(double seconds) {
  const HttpClock::time_point end = HttpClock::now() + http_seconds(seconds);
  struct Look {
    std::mutex mutex;
    std::condition_variable looked;
    bool done = false;
    bool empty = false;
  };
  for (;;) {
    const auto look = std::make_shared<Look>();
    core->on_io([look, core = core] {
      const std::lock_guard lock(look->mutex);
      look->empty = core->connections.empty();
      look->done = true;
      look->looked.notify_all();
    });
    std::unique_lock lock(look->mutex);
    look->looked.wait(lock, [&] { return look->done; });
    if (look->empty) return true;
    if (HttpClock::now() >= end) return false;
    lock.unlock();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

HttpServer::HttpServer(HttpOptions options, std::function<void(HttpRequest, Reply)> handler,
                       std::function<bool(const HttpRequest&)> wants_websocket,
                       std::function<void(HttpRequest, WebSocket)> websocket)
    : impl_(std::make_unique<Impl>()) {
  check_options(options.limits, "limits");
  impl_->core = std::make_shared<HttpCore>(std::move(options), std::move(handler),
                                           std::move(wants_websocket), std::move(websocket));
}

HttpServer::~HttpServer() {
  stop();
}

uint16_t HttpServer::port() const {
  return impl_->port;
}

void HttpServer::start() {
  HttpCore& core = *impl_->core;
  ZC_BUG_IF(core.io != nullptr || core.stopping);
  core.io = std::make_unique<boost::asio::io_context>(1);
  core.handlers = std::make_unique<boost::asio::thread_pool>(
      static_cast<size_t>(std::max(1, core.options.handler_threads)));
  try {
    impl_->listen();
  } catch (...) {
    impl_->acceptor.reset();
    core.handlers.reset();
    core.io.reset();
    throw;
  }
  impl_->work.emplace(core.io->get_executor());
  boost::asio::co_spawn(
      *core.io, [impl = impl_.get()] { return impl->accept(); }, boost::asio::detached);
  impl_->thread = std::thread([io = core.io.get()] {
    while (!io->stopped()) {
      try {
        io->run();
      } catch (const std::exception&) {
        // No memory for one of the connections' events; the loop goes on with the others.
      }
    }
  });
}

void HttpServer::stop(double seconds) {
  HttpCore& core = *impl_->core;
  if (!impl_->thread.joinable()) return;
  core.on_io([this, &core] {
    core.stopping = true;
    boost::system::error_code ignored;
    impl_->acceptor->close(ignored);
    // A copy: a connection that ends leaves the list.
    for (HttpConnection* connection : std::set(core.connections)) connection->finish();
  });
  if (!impl_->wait_for_connections(seconds)) {
    core.on_io([&core] {
      for (HttpConnection* connection : std::set(core.connections)) connection->drop();
    });
    impl_->wait_for_connections(1);
  }
  core.handlers->join();  // those who are at work, and the callbacks of on_close
  core.io->stop();
  impl_->thread.join();
  impl_->work.reset();
  impl_->acceptor.reset();
  // Whoever holds a Reply may use it later; it then finds nothing here.
  std::unique_ptr<boost::asio::io_context> io;
  std::unique_ptr<boost::asio::thread_pool> handlers;
  {
    const std::lock_guard lock(core.mutex);
    io = std::move(core.io);
    handlers = std::move(core.handlers);
  }
}

}  // namespace zc
