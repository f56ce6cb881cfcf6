// SPDX-License-Identifier: Apache-2.0
#include "server/http.h"

#include <algorithm>
#include <exception>
#include <mutex>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "server/problem.h"

namespace zc {

namespace {

int scope_rank(std::string_view scope) {
  if (scope == "read") return 1;
  if (scope == "write") return 2;
  return scope == "admin" ? 3 : 0;
}

// Calls a function with the first answer; for Reply::to.
class FunctionSink : public ReplySink {
 public:
  explicit FunctionSink(std::function<void(HttpResponse)> function)
      : function_(std::move(function)) {}

  void send(HttpResponse response) override {
    std::function<void(HttpResponse)> function;
    {
      const std::lock_guard lock(mutex_);
      std::swap(function, function_);
    }
    if (function) function(std::move(response));
  }
  void on_close(std::function<void()>) override {}
  std::shared_ptr<StreamSink> stream(HttpResponse head) override;

 private:
  std::mutex mutex_;
  std::function<void(HttpResponse)> function_;
};

// Gathers what a stream is given and answers with it as a whole.
class GatheringStream : public StreamSink {
 public:
  GatheringStream(std::function<void(HttpResponse)> answer, HttpResponse head)
      : answer_(std::move(answer)), response_(std::move(head)) {}
  ~GatheringStream() override { GatheringStream::close(); }

  bool write(std::string text, bool) override {
    const std::lock_guard lock(mutex_);
    if (!answer_) return false;
    response_.body += text;
    return true;
  }
  void close() override {
    std::function<void(HttpResponse)> answer;
    std::function<void()> callback;
    {
      const std::lock_guard lock(mutex_);
      std::swap(answer, answer_);
      std::swap(callback, callback_);
    }
    if (answer) answer(std::move(response_));
    if (callback) callback();
  }
  void on_close(std::function<void()> callback) override {
    {
      const std::lock_guard lock(mutex_);
      if (answer_) {
        callback_ = std::move(callback);
        return;
      }
    }
    callback();
  }

 private:
  std::mutex mutex_;
  std::function<void(HttpResponse)> answer_;
  std::function<void()> callback_;
  HttpResponse response_;
};

std::shared_ptr<StreamSink> FunctionSink::stream(HttpResponse head) {
  std::function<void(HttpResponse)> function;
  {
    const std::lock_guard lock(mutex_);
    std::swap(function, function_);
  }
  if (!function) return nullptr;
  return std::make_shared<GatheringStream>(std::move(function), std::move(head));
}

// Each byte that belongs to no well-formed sequence becomes U+FFFD.
std::string repaired_utf8(std::string text) {
  if (is_utf8(text)) return text;
  std::string repaired;
  for (size_t at = 0; at < text.size();) {
    size_t length = 1;
    while (length <= 4 && !is_utf8(std::string_view(text).substr(at, length))) ++length;
    if (length > 4) {
      repaired += "\xEF\xBF\xBD";
      ++at;
    } else {
      repaired.append(text, at, length);
      at += length;
    }
  }
  return repaired;
}

}  // namespace

bool Principal::may(std::string_view scope) const {
  return std::any_of(scopes.begin(), scopes.end(), [&](const std::string& own) {
    return scope_rank(own) >= scope_rank(scope) && scope_rank(own) > 0;
  });
}

std::string HttpRequest::query_value(std::string_view name, std::string_view fallback) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::string(fallback);
}

std::string HttpRequest::header(std::string_view name) const {
  const auto found = headers.find(std::string(name));
  return found == headers.end() ? std::string() : found->second;
}

std::string HttpRequest::media_type() const {
  const std::string whole = header("content-type");
  std::string type(trim(std::string_view(whole).substr(0, whole.find(';'))));
  std::transform(type.begin(), type.end(), type.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return type;
}

HttpResponse json_response(int status, const nlohmann::json& value) {
  HttpResponse response;
  response.status = status;
  response.body = json_text(value);
  return response;
}

HttpResponse bytes_response(std::string bytes, std::string_view media_type) {
  static constexpr std::string_view kShown[] = {"image/png", "image/jpeg", "image/webp",
                                                "application/json"};
  HttpResponse response;
  response.body = std::move(bytes);
  if (std::find(std::begin(kShown), std::end(kShown), media_type) != std::end(kShown)) {
    response.media_type = media_type;
  } else {
    response.media_type = "application/octet-stream";
    response.headers.emplace_back("Content-Disposition", "attachment");
  }
  return response;
}

bool EventStream::write(std::string text) const {
  return sink_ != nullptr && sink_->write(std::move(text), false);
}
bool EventStream::write_waiting(std::string text) const {
  return sink_ != nullptr && sink_->write(std::move(text), true);
}
void EventStream::close() const {
  if (sink_) sink_->close();
}
void EventStream::on_close(std::function<void()> callback) const {
  if (sink_) {
    sink_->on_close(std::move(callback));
  } else {
    callback();
  }
}

Reply Reply::to(std::function<void(HttpResponse)> function) {
  return Reply(std::make_shared<FunctionSink>(std::move(function)));
}
void Reply::send(HttpResponse response) const {
  sink_->send(std::move(response));
}
void Reply::json(int status, const nlohmann::json& value) const {
  send(json_response(status, value));
}
void Reply::error(const std::exception& error) const {
  send(problem_of(error));
}
void Reply::on_close(std::function<void()> callback) const {
  sink_->on_close(std::move(callback));
}
EventStream Reply::stream(std::string_view media_type,
                          std::vector<std::pair<std::string, std::string>> headers) const {
  HttpResponse head;
  head.media_type = media_type;
  head.headers = std::move(headers);
  return EventStream(sink_->stream(std::move(head)));
}

bool WebSocket::send_text(std::string text) const {
  return sink_->send(repaired_utf8(std::move(text)), false);
}
bool WebSocket::send_binary(std::string bytes) const {
  return sink_->send(std::move(bytes), true);
}
void WebSocket::close(uint16_t code, std::string reason) const {
  sink_->close(code, std::move(reason));
}
void WebSocket::on_text(std::function<void(std::string)> callback) const {
  sink_->on_text(std::move(callback));
}
void WebSocket::on_close(std::function<void()> callback) const {
  sink_->on_close(std::move(callback));
}

}  // namespace zc
