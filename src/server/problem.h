// SPDX-License-Identifier: Apache-2.0
// Errors as answers: one table from ErrorKind to HTTP status, and bodies after RFC 9457.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

#include "server/http.h"

namespace zc {

struct Problem {
  int status = 500;
  std::string code;    // stable, for programs: "bad_json"
  std::string detail;  // for people: what was found, what was wanted, what to do
  std::string field;   // path of the field of the body that it is about, or ""
  std::vector<std::pair<std::string, std::string>> headers;  // "Retry-After", ...
};

// Without a field; "Retry-After" unless that is "".
Problem make_problem(int status, std::string code, std::string detail,
                     std::string retry_after = {});

// Thrown by a handler to answer with just this problem.
class ProblemError : public std::runtime_error {
 public:
  explicit ProblemError(Problem problem);
  ProblemError(int status, std::string code, std::string detail, std::string field = {});
  const Problem& problem() const { return problem_; }

 private:
  Problem problem_;
};

// bad_request 422 invalid_value, bad_file 422, not_found 404, unsupported 422, out_of_memory 503,
// cancelled 409, io 500 (507 storage_full when the disk is full), unavailable 503 (429 queue_full
// of the queue) with Retry-After, bug 500. The field is Error::where(). Of other exceptions only
// the first line is told: no addresses, no stack.
Problem problem_from(const std::exception& error);

// application/problem+json {"type","title","status","code","error","detail","field"}; `error`
// equals `code`, and `detail` is what clients of other servers read too.
HttpResponse problem_response(const Problem& problem);

HttpResponse problem(int status, std::string_view code, std::string_view detail,
                     std::string_view field = {});
HttpResponse problem_of(const std::exception& error);

// "Not Found" of 404.
std::string_view status_title(int status);

}  // namespace zc
