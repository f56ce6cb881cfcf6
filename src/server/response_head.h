// SPDX-License-Identifier: Apache-2.0
// The first lines of an answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/http.h"

namespace zc {

struct AnswerFraming {
  std::optional<uint64_t> length;  // of the body; absent: not known
  bool chunked = false;            // the body comes in chunks (HTTP/1.1)
  bool keep_alive = true;
};

// Status line and headers, the empty line included. Control bytes in the values of headers become
// blanks: nobody adds a line of his own.
std::string response_head(const HttpResponse& response, const AnswerFraming& framing);

// Statuses that never have a body.
bool bodiless(int status);

}  // namespace zc
