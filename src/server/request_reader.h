// SPDX-License-Identifier: Apache-2.0
// One request out of bytes as they arrive, with every limit and every refusal. Knows no socket.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "server/http.h"
#include "server/http_server.h"
#include "server/problem.h"

namespace zc {

class RequestReader {
 public:
  explicit RequestReader(const HttpLimits& limits);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  // Takes what it can of the bytes and returns how many; the caller keeps the others and comes back
  // with more behind them. Stops behind the head once, and behind the request.
  size_t put(std::string_view bytes);

  // What to answer instead, then to close; nothing is taken any more.
  const std::optional<Problem>& refusal() const;
  bool head_done() const;
  bool done() const;

  // Without `remote`; the body is there when done().
  HttpRequest& request();
  // The following make sense after the head.
  bool has_body() const;
  bool keep_alive() const;        // the client would send another request
  bool expects_continue() const;  // and waits for "100 Continue" before it sends the body
  bool wants_upgrade() const;     // to a WebSocket
  bool http_1_0() const;

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace zc
