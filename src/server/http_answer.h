// SPDX-License-Identifier: Apache-2.0
// Inside of the HTTP server: where the threads of the handlers leave an answer and the I/O thread
// finds it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "server/http.h"
#include "server/http_core.h"

namespace zc {

// An answer that goes on.
class StreamState {
 public:
  // `wake` is called from any thread when there is something to do, `drop` when the client reads
  // too slowly.
  StreamState(std::shared_ptr<HttpCore> core, HttpResponse head, std::function<void()> wake,
              std::function<void()> drop);
  ~StreamState();

  bool write(std::string text, bool wait);
  void close();
  void on_close(std::function<void()> callback);

  // For the I/O thread.
  const HttpResponse& head() const { return head_; }
  std::string take();  // what waits, up to some 64 KiB
  bool closing() const;
  void end();  // nothing can be written any more

 private:
  void clear_queue();

  std::shared_ptr<HttpCore> core_;
  HttpResponse head_;
  std::function<void()> wake_;
  std::function<void()> drop_;

  mutable std::mutex mutex_;
  std::condition_variable drained_;
  std::deque<std::string> queue_;
  int64_t queued_bytes_ = 0;
  bool closing_ = false;
  bool ended_ = false;
  std::function<void()> on_close_;
};

// The answer to one request.
class AnswerState : public std::enable_shared_from_this<AnswerState> {
 public:
  AnswerState(std::shared_ptr<HttpCore> core, std::function<void()> wake,
              std::function<void()> drop);

  void send(HttpResponse response);
  std::shared_ptr<StreamState> stream(HttpResponse head);
  void on_close(std::function<void()> callback);

  // For the I/O thread.
  bool answered() const;
  std::optional<HttpResponse> take_response();
  std::shared_ptr<StreamState> take_stream();
  void client_gone();

 private:
  std::shared_ptr<HttpCore> core_;
  std::function<void()> wake_;
  std::function<void()> drop_;

  mutable std::mutex mutex_;
  bool answered_ = false;
  bool gone_ = false;
  std::optional<HttpResponse> response_;
  std::shared_ptr<StreamState> stream_;
  std::function<void()> on_close_;
};

// The handle for a route.
Reply reply_to(const std::shared_ptr<AnswerState>& state);

}  // namespace zc
