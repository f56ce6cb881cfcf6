// SPDX-License-Identifier: Apache-2.0
// One WebSocket of the HTTP server: the handshake, messages both ways, and an end for those who do
// not read.
#include <deque>
#include <mutex>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "server/http_core.h"

namespace zc {

namespace {

namespace websocket = boost::beast::websocket;
using SocketAwait = boost::asio::awaitable<void>;
using SocketTcp = boost::asio::ip::tcp;
constexpr auto kSocketAwait = boost::asio::as_tuple(boost::asio::use_awaitable);
// Messages of a client that wait for its callback; then no more are read for a while.
constexpr size_t kInboxMessages = 64;

// What the handles and the I/O thread share.
class SocketState : public std::enable_shared_from_this<SocketState> {
 public:
  struct Message {
    std::string bytes;
    bool binary = false;
  };

  SocketState(std::shared_ptr<HttpCore> core, std::function<void()> wake,
              std::function<void()> drop)
      : core_(std::move(core)), wake_(std::move(wake)), drop_(std::move(drop)) {}
  ~SocketState() { clear_queue(); }

  bool send(std::string bytes, bool binary);
  void close(uint16_t code, std::string reason);
  void on_text(std::function<void(std::string)> callback);
  void on_close(std::function<void()> callback);
  void let_messages_through();  // the route has had its time to set callbacks

  // For the I/O thread.
  std::optional<Message> take();
  std::optional<websocket::close_reason> closing() const;
  void receive(std::string text);
  bool inbox_full() const;
  void end();

 private:
  void clear_queue();
  void pump(std::unique_lock<std::mutex>& lock);
  void deliver();

  std::shared_ptr<HttpCore> core_;
  std::function<void()> wake_;
  std::function<void()> drop_;

  mutable std::mutex mutex_;
  std::deque<Message> queue_;
  int64_t queued_bytes_ = 0;
  bool closing_ = false;
  bool ended_ = false;
  websocket::close_reason reason_;
  std::function<void(std::string)> on_text_;
  std::function<void()> on_close_;
  std::deque<std::string> inbox_;
  bool ready_ = false;
  bool delivering_ = false;
};

// With the mutex held, or by the destructor.
void SocketState::clear_queue() {
  queue_.clear();
  core_->queued_bytes -= std::exchange(queued_bytes_, 0);
}

bool SocketState::send(std::string bytes, bool binary) {
  bool too_slow = false;
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || closing_) return false;
    const auto size = static_cast<int64_t>(bytes.size());
    too_slow = core_->too_slow(queued_bytes_, size);
    if (too_slow) {
      ended_ = true;
      clear_queue();
    } else {
      queued_bytes_ += size;
      core_->queued_bytes += size;
      queue_.push_back({std::move(bytes), binary});
    }
  }
  too_slow ? drop_() : wake_();
  return !too_slow;
}

void SocketState::close(uint16_t code, std::string reason) {
  {
    const std::lock_guard lock(mutex_);
    if (closing_ || ended_) return;
    closing_ = true;
    reason.resize(std::min<size_t>(reason.size(), 120));  // a control frame holds no more
    reason_ = websocket::close_reason(static_cast<websocket::close_code>(code), reason);
  }
  wake_();
}

void SocketState::on_text(std::function<void(std::string)> callback) {
  std::unique_lock lock(mutex_);
  if (ended_) return;
  on_text_ = std::move(callback);
  pump(lock);
}

void SocketState::on_close(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (!ended_) {
      on_close_ = std::move(callback);
      return;
    }
  }
  core_->on_handlers(std::move(callback));
}

void SocketState::let_messages_through() {
  std::unique_lock lock(mutex_);
  ready_ = true;
  pump(lock);
}

// Starts the delivery of messages if there are any and nobody does it already.
void SocketState::pump(std::unique_lock<std::mutex>& lock) {
  if (!ready_ || delivering_ || inbox_.empty()) return;
  delivering_ = true;
  lock.unlock();
  core_->on_handlers([self = shared_from_this()] { self->deliver(); });
}

void SocketState::deliver() {
  for (;;) {
    std::function<void(std::string)> callback;
    std::string text;
    {
      const std::lock_guard lock(mutex_);
      if (inbox_.empty()) {
        delivering_ = false;
        break;
      }
      text = std::move(inbox_.front());
      inbox_.pop_front();
      callback = on_text_;
    }
    try {
      if (callback) callback(std::move(text));
    } catch (const std::exception&) {
      close(1011, "an error inside the server");
    }
  }
  wake_();  // there is room in the inbox again
}

std::optional<SocketState::Message> SocketState::take() {
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) return std::nullopt;
  std::optional<Message> message = std::move(queue_.front());
  queue_.pop_front();
  queued_bytes_ -= static_cast<int64_t>(message->bytes.size());
  core_->queued_bytes -= static_cast<int64_t>(message->bytes.size());
  return message;
}

std::optional<websocket::close_reason> SocketState::closing() const {
  const std::lock_guard lock(mutex_);
  return closing_ ? std::optional(reason_) : std::nullopt;
}

void SocketState::receive(std::string text) {
  std::unique_lock lock(mutex_);
  inbox_.push_back(std::move(text));
  pump(lock);
}

bool SocketState::inbox_full() const {
  const std::lock_guard lock(mutex_);
  return inbox_.size() >= kInboxMessages;
}

void SocketState::end() {
  std::function<void()> callback;
  std::function<void(std::string)> forgotten;  // may hold a handle of this very socket
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    clear_queue();
    std::swap(callback, on_close_);
    std::swap(forgotten, on_text_);
  }
  if (callback) core_->on_handlers(std::move(callback));
}

class SocketHandle final : public SocketSink {
 public:
  explicit SocketHandle(std::shared_ptr<SocketState> state) : state_(std::move(state)) {}
  bool send(std::string bytes, bool binary) override {
    return state_->send(std::move(bytes), binary);
  }
  void close(uint16_t code, std::string reason) override { state_->close(code, std::move(reason)); }
  void on_text(std::function<void(std::string)> callback) override {
    state_->on_text(std::move(callback));
  }
  void on_close(std::function<void()> callback) override { state_->on_close(std::move(callback)); }

 private:
  std::shared_ptr<SocketState> state_;
};

// On the I/O thread: one coroutine that reads and one that writes.
class SocketSession final : public HttpConnection,
                            public std::enable_shared_from_this<SocketSession> {
 public:
  SocketSession(std::shared_ptr<HttpCore> core, AcceptedSocket accepted, HttpRequest request);

  SocketAwait run();
  void finish() override { state_->close(websocket::close_code::going_away, "the server stops"); }
  void drop() override;

 private:
  bool prepare();
  void hand_to_route();
  SocketAwait read();
  SocketAwait write();
  SocketAwait wait(boost::asio::steady_timer& timer, bool& woken);
  void wake();
  std::function<void()> poster(void (SocketSession::*function)());

  std::shared_ptr<HttpCore> core_;
  websocket::stream<SocketTcp::socket> stream_;
  HttpRequest request_;
  boost::beast::http::request<boost::beast::http::empty_body> upgrade_;
  std::shared_ptr<SocketState> state_;
  // A timer that never comes, cancelled to wake whoever waits for it.
  boost::asio::steady_timer reader_timer_;
  boost::asio::steady_timer writer_timer_;
  bool reader_woken_ = false;
  bool writer_woken_ = false;
  bool reading_ = true;
  bool writing_ = true;
};

SocketSession::SocketSession(std::shared_ptr<HttpCore> core, AcceptedSocket accepted,
                             HttpRequest request)
    : core_(std::move(core)),
      stream_(SocketTcp::socket(*core_->io, accepted.ipv6 ? SocketTcp::v6() : SocketTcp::v4(),
                                accepted.descriptor)),
      request_(std::move(request)),
      reader_timer_(*core_->io),
      writer_timer_(*core_->io) {
  remote = std::move(accepted.remote);
  phase = Phase::busy;
}

std::function<void()> SocketSession::poster(void (SocketSession::*function)()) {
  return [core = core_, weak = weak_from_this(), function] {
    core->on_io([weak, function] {
      if (const auto self = weak.lock()) ((*self).*function)();
    });
  };
}

void SocketSession::wake() {
  reader_woken_ = writer_woken_ = true;
  reader_timer_.cancel();
  writer_timer_.cancel();
}

void SocketSession::drop() {
  boost::system::error_code ignored;
  stream_.next_layer().close(ignored);
  state_->end();
  reading_ = false;
  wake();
}

SocketAwait SocketSession::wait(boost::asio::steady_timer& timer, bool& woken) {
  while (!woken) {
    timer.expires_at(HttpClock::time_point::max());
    co_await timer.async_wait(kSocketAwait);
  }
  woken = false;
}

// Beast's options and the request in Beast's form. False when a header is beyond what Beast takes.
bool SocketSession::prepare() {
  const HttpLimits& limits = core_->options.limits;
  websocket::stream_base::timeout timeouts{};
  timeouts.handshake_timeout = http_seconds(limits.header_seconds);
  // Beast pings after half of this time, and hangs up after all of it.
  timeouts.idle_timeout = http_seconds(2 * limits.ping_seconds);
  timeouts.keep_alive_pings = true;
  stream_.set_option(timeouts);
  stream_.read_message_max(static_cast<size_t>(limits.websocket_message_bytes));
  stream_.auto_fragment(false);
  // Nothing can be said any more when the client's goodbye is there, though the socket lives on.
  stream_.control_callback([state = state_](websocket::frame_type kind, std::string_view) {
    if (kind == websocket::frame_type::close) state->end();
  });
  upgrade_.method(boost::beast::http::verb::get);
  upgrade_.target(request_.target);
  upgrade_.version(11);
  for (const auto& [name, value] : request_.headers) {
    if (value.size() > 0xFFFF) return false;
    upgrade_.insert(name, value);
  }
  return true;
}

void SocketSession::hand_to_route() {
  const auto request = std::make_shared<HttpRequest>(std::move(request_));
  core_->on_handlers([core = core_, request, state = state_] {
    const WebSocket handle(std::make_shared<SocketHandle>(state));
    try {
      core->websocket(std::move(*request), handle);
    } catch (const std::exception&) {
      handle.close(1011, "an error inside the server");
    }
    state->let_messages_through();
  });
}

SocketAwait SocketSession::read() {
  boost::beast::flat_buffer buffer;
  while (reading_) {
    while (reading_ && state_->inbox_full()) co_await wait(reader_timer_, reader_woken_);
    const auto [error, size] = co_await stream_.async_read(buffer, kSocketAwait);
    if (error) break;
    const auto bytes = buffer.cdata();
    // Nothing of ours is told in binary messages, so they are not passed on.
    if (stream_.got_text()) {
      state_->receive(std::string(static_cast<const char*>(bytes.data()), bytes.size()));
    }
    buffer.consume(size);
  }
  reading_ = false;
}

SocketAwait SocketSession::write() {
  while (reading_) {
    const std::optional<SocketState::Message> message = state_->take();
    if (message) {
      stream_.binary(message->binary);
      set_phase(Phase::sending);
      const auto [error, size] =
          co_await stream_.async_write(boost::asio::buffer(message->bytes), kSocketAwait);
      set_phase(Phase::busy);
      if (error) break;
      continue;
    }
    const auto reason = state_->closing();
    if (reason) {
      co_await stream_.async_close(*reason, kSocketAwait);
      break;
    }
    co_await wait(writer_timer_, writer_woken_);
  }
  writing_ = false;
  wake();
}

SocketAwait SocketSession::run() {
  const ListedConnection listed(core_, *this);
  state_ = std::make_shared<SocketState>(core_, poster(&SocketSession::wake),
                                         poster(&SocketSession::drop));
  try {
    if (prepare()) {
      const auto [error] = co_await stream_.async_accept(upgrade_, kSocketAwait);
      if (!error) {
        hand_to_route();
        if (core_->stopping) finish();
        boost::asio::co_spawn(
            *core_->io, [self = shared_from_this()]() -> SocketAwait { co_await self->write(); },
            [self = shared_from_this()](std::exception_ptr failed) {
              if (failed) self->drop();
              self->writing_ = false;
              self->wake();
            });
        co_await read();
        state_->end();
        wake();
        while (writing_) co_await wait(reader_timer_, reader_woken_);
      }
    }
  } catch (const std::exception&) {
    // No memory for a message: this socket ends, the others go on.
  }
  state_->end();
  boost::system::error_code ignored;
  stream_.next_layer().close(ignored);
}

}  // namespace

void serve_websocket(const std::shared_ptr<HttpCore>& core, AcceptedSocket socket,
                     HttpRequest request) {
  const auto session = std::make_shared<SocketSession>(core, std::move(socket), std::move(request));
  boost::asio::co_spawn(
      *core->io, [session]() -> SocketAwait { co_await session->run(); }, boost::asio::detached);
}

}  // namespace zc
