// SPDX-License-Identifier: Apache-2.0
#include "server/http_answer.h"

#include <utility>

#include "server/problem.h"

namespace zc {

namespace {

constexpr size_t kTakenAtOnce = 64 * 1024;

// The last copy of a route's EventStream ends the stream.
class StreamHandle final : public StreamSink {
 public:
  explicit StreamHandle(std::shared_ptr<StreamState> state) : state_(std::move(state)) {}
  ~StreamHandle() override { state_->close(); }
  bool write(std::string text, bool wait) override { return state_->write(std::move(text), wait); }
  void close() override { state_->close(); }
  void on_close(std::function<void()> callback) override { state_->on_close(std::move(callback)); }

 private:
  std::shared_ptr<StreamState> state_;
};

// The last copy of a route's Reply answers if nobody has.
class ReplyHandle final : public ReplySink {
 public:
  explicit ReplyHandle(std::shared_ptr<AnswerState> state) : state_(std::move(state)) {}
  ~ReplyHandle() override {
    if (!state_->answered()) {
      state_->send(problem(500, "bug", "the server found no answer to this request"));
    }
  }
  void send(HttpResponse response) override { state_->send(std::move(response)); }
  void on_close(std::function<void()> callback) override { state_->on_close(std::move(callback)); }
  std::shared_ptr<StreamSink> stream(HttpResponse head) override {
    std::shared_ptr<StreamState> stream = state_->stream(std::move(head));
    if (!stream) return nullptr;
    return std::make_shared<StreamHandle>(std::move(stream));
  }

 private:
  std::shared_ptr<AnswerState> state_;
};

}  // namespace

Reply reply_to(const std::shared_ptr<AnswerState>& state) {
  return Reply(std::make_shared<ReplyHandle>(state));
}

StreamState::StreamState(std::shared_ptr<HttpCore> core, HttpResponse head,
                         std::function<void()> wake, std::function<void()> drop)
    : core_(std::move(core)),
      head_(std::move(head)),
      wake_(std::move(wake)),
      drop_(std::move(drop)) {}

StreamState::~StreamState() {
  clear_queue();
}

// With the mutex held, or by the destructor.
void StreamState::clear_queue() {
  queue_.clear();
  core_->queued_bytes -= std::exchange(queued_bytes_, 0);
}

bool StreamState::write(std::string text, bool wait) {
  const int64_t limit = core_->options.limits.queued_bytes;
  bool too_slow = false;
  {
    std::unique_lock lock(mutex_);
    if (wait) {
      drained_.wait(lock, [&] { return ended_ || closing_ || queued_bytes_ <= limit / 4; });
    }
    if (ended_ || closing_) return false;
    if (text.empty()) return true;
    const auto size = static_cast<int64_t>(text.size());
    too_slow = !wait && core_->too_slow(queued_bytes_, size);
    if (too_slow) {
      ended_ = true;
      clear_queue();
    } else {
      queued_bytes_ += size;
      core_->queued_bytes += size;
      queue_.push_back(std::move(text));
    }
  }
  too_slow ? drop_() : wake_();
  return !too_slow;
}

void StreamState::close() {
  {
    const std::lock_guard lock(mutex_);
    if (closing_ || ended_) return;
    closing_ = true;
  }
  drained_.notify_all();
  wake_();
}

void StreamState::on_close(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (!ended_) {
      on_close_ = std::move(callback);
      return;
    }
  }
  core_->on_handlers(std::move(callback));
}

std::string StreamState::take() {
  std::string taken;
  {
    const std::lock_guard lock(mutex_);
    while (!queue_.empty() && taken.size() < kTakenAtOnce) {
      taken += queue_.front();
      queue_.pop_front();
    }
    queued_bytes_ -= static_cast<int64_t>(taken.size());
    core_->queued_bytes -= static_cast<int64_t>(taken.size());
  }
  drained_.notify_all();
  return taken;
}

bool StreamState::closing() const {
  const std::lock_guard lock(mutex_);
  return closing_ || ended_;
}

void StreamState::end() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    clear_queue();
    std::swap(callback, on_close_);
  }
  drained_.notify_all();
  if (callback) core_->on_handlers(std::move(callback));
}

AnswerState::AnswerState(std::shared_ptr<HttpCore> core, std::function<void()> wake,
                         std::function<void()> drop)
    : core_(std::move(core)), wake_(std::move(wake)), drop_(std::move(drop)) {}

void AnswerState::send(HttpResponse response) {
  std::function<void()> forgotten;  // destroyed outside the lock: it may hold the last Reply
  {
    const std::lock_guard lock(mutex_);
    if (answered_) return;
    answered_ = true;
    response_ = std::move(response);
    std::swap(forgotten, on_close_);
  }
  wake_();
}

std::shared_ptr<StreamState> AnswerState::stream(HttpResponse head) {
  std::function<void()> forgotten;
  std::shared_ptr<StreamState> stream;
  {
    const std::lock_guard lock(mutex_);
    if (answered_) return nullptr;
    answered_ = true;
    stream_ = std::make_shared<StreamState>(core_, std::move(head), wake_, drop_);
    stream = stream_;
    if (gone_) stream->end();
    std::swap(forgotten, on_close_);
  }
  wake_();
  return stream;
}

void AnswerState::on_close(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (answered_) return;
    if (!gone_) {
      on_close_ = std::move(callback);
      return;
    }
  }
  core_->on_handlers(std::move(callback));
}

bool AnswerState::answered() const {
  const std::lock_guard lock(mutex_);
  return answered_;
}

std::optional<HttpResponse> AnswerState::take_response() {
  const std::lock_guard lock(mutex_);
  return std::exchange(response_, std::nullopt);
}

std::shared_ptr<StreamState> AnswerState::take_stream() {
  const std::lock_guard lock(mutex_);
  return std::exchange(stream_, nullptr);
}

void AnswerState::client_gone() {
  std::function<void()> callback;
  std::shared_ptr<StreamState> stream;  // begun, but not yet taken: nobody else would end it
  {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    std::swap(callback, on_close_);
    stream = stream_;
  }
  if (callback) core_->on_handlers(std::move(callback));
  if (stream) stream->end();
}

}  // namespace zc
