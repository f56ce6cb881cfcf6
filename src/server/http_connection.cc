// SPDX-License-Identifier: Apache-2.0
// One connection of the HTTP server: requests one after the other, each with its deadlines, and the
// client watched while a handler works.
#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/http_answer.h"
#include "server/http_core.h"
#include "server/problem.h"
#include "server/request_reader.h"
#include "server/response_head.h"

namespace zc {

namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
// What the kernel may hold of an answer. A reader is known to be slow only when this is full.
constexpr int kSendBuffer = 256 * 1024;
constexpr size_t kReadBytes = 32 * 1024;
// Requests that a client sends before it has the answer to the one before: more wait in the kernel.
constexpr size_t kReadAhead = 64 * 1024;

class Connection final : public HttpConnection, public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<HttpCore> core, AcceptedSocket accepted);

  awaitable<void> run();
  void finish() override;
  void drop() override;

 private:
  // Reading.
  awaitable<bool> read_head(bool first);
  awaitable<bool> admit_body();
  awaitable<bool> read_body();
  awaitable<bool> receive(HttpClock::time_point deadline);
  void feed();
  // Answering.
  awaitable<bool> answer();
  awaitable<bool> becomes_websocket();
  awaitable<bool> answer_by_handler();
  awaitable<void> wait_for_answer();
  awaitable<bool> write_answer(HttpResponse response, bool head_only, bool keep_alive);
  awaitable<bool> write_stream(std::shared_ptr<StreamState> stream, bool head_only,
                               bool keep_alive);
  awaitable<bool> write_events(StreamState& stream, bool chunked);
  awaitable<void> refuse(const Problem& problem);
  awaitable<void> refuse(HttpResponse response);
  awaitable<bool> transmit(std::string_view bytes);
  awaitable<void> linger();
  awaitable<void> run_in_handlers(std::function<void()> work);
  // Waiting.
  void arm(HttpClock::time_point deadline);
  void disarm();
  void wake();
  awaitable<bool> wait_until(HttpClock::time_point when);
  void watch();
  void look();
  std::function<void()> poster(void (Connection::*function)());

  std::shared_ptr<HttpCore> core_;
  const HttpLimits& limits_;
  const bool ipv6_;
  tcp::socket socket_;
  asio::steady_timer deadline_;
  asio::steady_timer wake_;
  std::unique_ptr<RequestReader> reader_;
  std::shared_ptr<AnswerState> answer_;
  std::shared_ptr<StreamState> stream_;
  std::string pending_;  // came, but not yet taken by the reader
  std::string chunk_;
  uint64_t armed_ = 0;  // which deadline counts
  bool timed_out_ = false;
  bool woken_ = false;
  bool readable_ = false;
  bool gone_ = false;  // the client has closed its side
  bool dropped_ = false;
};

Connection::Connection(std::shared_ptr<HttpCore> core, AcceptedSocket accepted)
    : core_(std::move(core)),
      limits_(core_->options.limits),
      ipv6_(accepted.ipv6),
      socket_(*core_->io, accepted.ipv6 ? tcp::v6() : tcp::v4(), accepted.descriptor),
      deadline_(*core_->io),
      wake_(*core_->io),
      chunk_(kReadBytes, '\0') {
  remote = std::move(accepted.remote);
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.set_option(tcp::socket::send_buffer_size(kSendBuffer), ignored);
}

void Connection::finish() {
  if (phase == Phase::waiting || phase == Phase::head) {
    drop();
  } else if (stream_) {
    stream_->close();
  }
}

void Connection::drop() {
  dropped_ = true;
  error_code ignored;
  socket_.close(ignored);
  wake();
}

// The socket's operation that waits at that time is given up. Timers that fired just when it had
// ended are told apart by their number.
void Connection::arm(HttpClock::time_point deadline) {
  timed_out_ = false;
  deadline_.expires_at(deadline);
  deadline_.async_wait([weak = weak_from_this(), number = ++armed_](const error_code& error) {
    const auto self = weak.lock();
    if (error || !self || self->armed_ != number) return;
    self->timed_out_ = true;
    error_code ignored;
    self->socket_.cancel(ignored);
  });
}

void Connection::disarm() {
  ++armed_;
  deadline_.cancel();
}

void Connection::wake() {
  woken_ = true;
  wake_.cancel();
}

// True when woken, false when it is time.
awaitable<bool> Connection::wait_until(HttpClock::time_point when) {
  while (!woken_ && HttpClock::now() < when) {
    wake_.expires_at(when);
    co_await wake_.async_wait(kAwait);
  }
  co_return std::exchange(woken_, false);
}

// Lets look() be called when the client sends something or goes.
void Connection::watch() {
  readable_ = false;
  if (gone_ || dropped_ || pending_.size() >= kReadAhead) return;
  socket_.async_wait(tcp::socket::wait_read, [weak = weak_from_this()](const error_code& error) {
    const auto self = weak.lock();
    if (error || !self) return;
    self->readable_ = true;
    self->wake();
  });
}

void Connection::look() {
  error_code error;
  const size_t size = socket_.read_some(asio::buffer(chunk_), error);
  pending_.append(chunk_, 0, size);
  gone_ = error && error != asio::error::would_block && error != asio::error::try_again;
}

// A function for other threads that calls the member on this one.
std::function<void()> Connection::poster(void (Connection::*function)()) {
  return [core = core_, weak = weak_from_this(), function] {
    core->on_io([weak, function] {
      if (const auto self = weak.lock()) ((*self).*function)();
    });
  };
}

awaitable<bool> Connection::receive(HttpClock::time_point deadline) {
  arm(deadline);
  const auto [error, size] = co_await socket_.async_read_some(asio::buffer(chunk_), kAwait);
  disarm();
  pending_.append(chunk_, 0, size);
  co_return size > 0;
}

void Connection::feed() {
  pending_.erase(0, reader_->put(pending_));
  const auto size = static_cast<int64_t>(reader_->request().body.size());
  core_->body_bytes += size - body_bytes;
  body_bytes = size;
}

awaitable<bool> Connection::read_head(bool first) {
  set_phase(Phase::waiting);
  const double patience = first ? limits_.header_seconds : limits_.idle_seconds;
  HttpClock::time_point deadline = HttpClock::now() + http_seconds(patience);
  for (;;) {
    if (!pending_.empty()) {
      if (phase == Phase::waiting) {
        set_phase(Phase::head);
        deadline = HttpClock::now() + http_seconds(limits_.header_seconds);
      }
      feed();
      if (reader_->refusal()) co_await refuse(*reader_->refusal());
      if (reader_->refusal() || reader_->head_done()) co_return !reader_->refusal();
    }
    if (core_->stopping) co_return false;
    const bool more = co_await receive(deadline);
    if (more) continue;
    if (timed_out_ && phase == Phase::head) {
      co_await refuse(make_problem(408, "timeout", "the headers were not complete in time"));
    }
    co_return false;
  }
}

// Whether the body may come at all.
awaitable<bool> Connection::admit_body() {
  if (core_->options.admit) {
    std::optional<HttpResponse> refused;
    std::function<void()> ask = [&] { refused = core_->options.admit(reader_->request()); };
    co_await run_in_handlers(std::move(ask));
    if (refused) {
      co_await refuse(std::move(*refused));
      co_return false;
    }
  }
  if (!reader_->expects_continue() || !pending_.empty()) co_return true;
  co_return co_await transmit("HTTP/1.1 100 Continue\r\n\r\n");
}

awaitable<bool> Connection::read_body() {
  set_phase(Phase::body);
  for (;;) {
    feed();
    if (reader_->refusal()) co_await refuse(*reader_->refusal());
    if (reader_->refusal() || reader_->done()) co_return !reader_->refusal();
    if (core_->body_bytes > limits_.all_body_bytes) {
      co_await refuse(make_problem(503, "busy", "too many large requests at the same time", "5"));
      co_return false;
    }
    const double earned =
        static_cast<double>(body_bytes) / static_cast<double>(limits_.bytes_per_second);
    const double allowed = std::min(limits_.body_seconds, limits_.grace_seconds + earned);
    const bool more = co_await receive(since + http_seconds(allowed));
    if (more) continue;
    if (timed_out_) {
      const std::string text =
          fmt::format("the body came at less than {} bytes a second", limits_.bytes_per_second);
      co_await refuse(make_problem(408, "timeout", text));
    }
    co_return false;
  }
}

// Work that may wait for a database. What it throws is the answer.
awaitable<void> Connection::run_in_handlers(std::function<void()> work) {
  struct Outcome {
    bool done = false;
    std::exception_ptr error;
  };
  const auto outcome = std::make_shared<Outcome>();
  const auto self = shared_from_this();  // the work borrows the request from this connection
  core_->on_handlers([self, outcome, work = std::move(work)] {
    std::exception_ptr error;
    try {
      work();
    } catch (...) {
      error = std::current_exception();
    }
    self->core_->on_io([self, outcome, error] {
      outcome->error = error;
      outcome->done = true;
      self->wake();
    });
  });
  while (!outcome->done) co_await wait_until(HttpClock::time_point::max());
  if (outcome->error) std::rethrow_exception(outcome->error);
}

awaitable<bool> Connection::becomes_websocket() {
  if (!core_->wants_websocket || !core_->websocket || !reader_->wants_upgrade()) co_return false;
  set_phase(Phase::busy);
  bool wanted = false;
  std::function<void()> ask = [&] { wanted = core_->wants_websocket(reader_->request()); };
  co_await run_in_handlers(std::move(ask));
  if (!wanted || dropped_ || core_->stopping || !pending_.empty()) co_return false;
  error_code error;
  const int descriptor = socket_.release(error);
  if (error) co_return false;
  serve_websocket(core_, {.descriptor = descriptor, .ipv6 = ipv6_, .remote = remote},
                  std::move(reader_->request()));
  co_return true;
}

// False: the connection ends.
awaitable<bool> Connection::answer() {
  reader_->request().remote = remote;
  if (core_->stopping) {
    co_await refuse(make_problem(503, "stopping", "the server is being stopped", "10"));
    co_return false;
  }
  const bool handed_over = co_await becomes_websocket();
  if (handed_over) co_return false;
  if (reader_->has_body()) {
    const bool admitted = co_await admit_body();
    if (!admitted) co_return false;
    const bool whole = co_await read_body();
    if (!whole) co_return false;
  }
  co_return co_await answer_by_handler();
}

awaitable<bool> Connection::answer_by_handler() {
  set_phase(Phase::busy);
  const bool head_only = reader_->request().method == "HEAD";
  answer_ =
      std::make_shared<AnswerState>(core_, poster(&Connection::wake), poster(&Connection::drop));
  // std::function copies what it holds, a request is not to be copied.
  const auto request = std::make_shared<HttpRequest>(std::move(reader_->request()));
  core_->on_handlers([core = core_, request, reply = reply_to(answer_)] {
    try {
      core->handler(std::move(*request), reply);
    } catch (const std::exception& error) {
      reply.error(error);
    } catch (...) {
      reply.send(problem(500, "bug", "an error of an unknown kind inside the server"));
    }
  });
  co_await wait_for_answer();
  if (dropped_) co_return false;
  core_->body_bytes -= std::exchange(body_bytes, 0);
  const bool keep_alive = reader_->keep_alive() && !gone_ && !core_->stopping;
  stream_ = answer_->take_stream();
  if (stream_) co_return co_await write_stream(stream_, head_only, keep_alive);
  std::optional<HttpResponse> response = answer_->take_response();
  co_return co_await write_answer(std::move(*response), head_only, keep_alive);
}

awaitable<void> Connection::wait_for_answer() {
  watch();
  while (!answer_->answered() && !dropped_) {
    if (readable_) {
      look();
      if (gone_) answer_->client_gone();
      watch();
    }
    co_await wait_until(HttpClock::time_point::max());
  }
  error_code ignored;
  socket_.cancel(ignored);  // the watch
  if (dropped_) answer_->client_gone();
}

awaitable<bool> Connection::write_answer(HttpResponse response, bool head_only, bool keep_alive) {
  std::string head =
      response_head(response, {.length = response.body.size(), .keep_alive = keep_alive});
  const bool with_body = !head_only && !bodiless(response.status);
  const HeldAnswer held(*core_, *this, response.body.size());
  if (with_body && response.body.size() <= kReadBytes) {
    head += response.body;  // one packet
    response.body.clear();
  }
  bool sent = co_await transmit(head);
  if (sent && with_body) sent = co_await transmit(response.body);
  co_return sent&& keep_alive;
}

awaitable<bool> Connection::write_stream(std::shared_ptr<StreamState> stream, bool head_only,
                                         bool keep_alive) {
  const bool chunked = !reader_->http_1_0();
  keep_alive = keep_alive && chunked;
  // A named string: temporaries inside co_await live too briefly in GCC 12.
  const std::string head =
      response_head(stream->head(), {.chunked = chunked, .keep_alive = keep_alive});
  bool good = co_await transmit(head);
  if (good && !head_only) {
    if (core_->stopping) stream->close();
    good = co_await write_events(*stream, chunked);
    if (good && chunked) good = co_await transmit("0\r\n\r\n");
  }
  stream->end();
  co_return good&& keep_alive;
}

// Until the stream is closed; false when the client goes first.
awaitable<bool> Connection::write_events(StreamState& stream, bool chunked) {
  const bool events = stream.head().media_type.starts_with("text/event-stream");
  HttpClock::time_point spoken = HttpClock::now();
  watch();
  while (!dropped_ && !gone_) {
    const bool last = stream.closing();  // asked before what is queued is taken
    std::string text = stream.take();
    if (text.empty() && last) break;
    if (text.empty()) {
      const auto silence =
          events ? spoken + http_seconds(limits_.ping_seconds) : HttpClock::time_point::max();
      const bool woken = co_await wait_until(silence);
      if (readable_) {
        look();
        watch();
      }
      if (woken) continue;
      text = ":\n\n";
    }
    if (chunked) text = fmt::format("{:x}\r\n{}\r\n", text.size(), text);
    const bool sent = co_await transmit(text);
    if (!sent) co_return false;
    spoken = HttpClock::now();
  }
  error_code ignored;
  socket_.cancel(ignored);
  co_return !dropped_ && !gone_;
}

awaitable<void> Connection::refuse(const Problem& problem) {
  return refuse(problem_response(problem));
}

// The answer to a request that was not read to its end; the connection ends behind it.
awaitable<void> Connection::refuse(HttpResponse response) {
  set_phase(Phase::busy);
  const bool head_only = reader_->request().method == "HEAD";
  co_await write_answer(std::move(response), head_only, false);
  co_await linger();
}

// If a socket is closed while bytes of the client wait in it, the kernel resets the connection and
// the client may never see the answer. So they are read for a while.
awaitable<void> Connection::linger() {
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  const HttpClock::time_point end =
      HttpClock::now() + http_seconds(std::min(2.0, limits_.grace_seconds));
  for (;;) {
    pending_.clear();
    const bool more = co_await receive(end);
    if (!more || HttpClock::now() >= end) co_return;
  }
}

awaitable<bool> Connection::transmit(std::string_view bytes) {
  const double allowed =
      limits_.grace_seconds + kSendBuffer / static_cast<double>(limits_.bytes_per_second);
  const Phase before = phase;
  while (!bytes.empty() && !dropped_) {
    set_phase(Phase::sending);
    arm(HttpClock::now() + http_seconds(allowed));
    const auto [error, size] =
        co_await socket_.async_write_some(asio::buffer(bytes.data(), bytes.size()), kAwait);
    disarm();
    set_phase(before);
    if (error) co_return false;
    bytes.remove_prefix(size);
  }
  co_return !dropped_;
}

awaitable<void> Connection::run() {
  const ListedConnection listed(core_, *this);
  try {
    for (bool first = true, more = true; more; first = false) {
      reader_ = std::make_unique<RequestReader>(limits_);
      more = co_await read_head(first);
      if (more) more = co_await answer();
    }
  } catch (const std::exception&) {
    // No memory for this connection, or a check of the head failed: it ends, the others go on.
  }
  if (answer_) answer_->client_gone();
  if (stream_) stream_->end();
  error_code ignored;
  socket_.close(ignored);
  disarm();
}

}  // namespace

void serve_connection(const std::shared_ptr<HttpCore>& core, AcceptedSocket socket) {
  const auto connection = std::make_shared<Connection>(core, std::move(socket));
  asio::co_spawn(
      *core->io, [connection]() -> awaitable<void> { co_await connection->run(); }, asio::detached);
}

}  // namespace zc
