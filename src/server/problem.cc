// SPDX-License-Identifier: Apache-2.0
#include "server/problem.h"

#include <new>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace zc {

namespace {

struct KindAnswer {
  ErrorKind kind;
  int status;
  const char* code;
};

// The one table from errors to answers.
constexpr KindAnswer kKindAnswers[] = {
    {ErrorKind::bad_request, 422, "invalid_value"},
    {ErrorKind::bad_file, 422, "bad_file"},
    {ErrorKind::not_found, 404, "not_found"},
    {ErrorKind::unsupported, 422, "unsupported"},
    {ErrorKind::out_of_memory, 503, "out_of_memory"},
    {ErrorKind::cancelled, 409, "cancelled"},
    {ErrorKind::io, 500, "io"},
    {ErrorKind::unavailable, 503, "unavailable"},
    {ErrorKind::bug, 500, "bug"},
};

struct StatusTitle {
  int status;
  const char* title;
};
constexpr StatusTitle kStatusTitles[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

Problem problem_of_kind(const Error& error) {
  Problem result;
  for (const KindAnswer& answer : kKindAnswers) {
    if (answer.kind != error.kind()) continue;
    result.status = answer.status;
    result.code = answer.code;
  }
  result.field = error.where();
  result.detail = error.text();
  if (error.kind() == ErrorKind::unavailable) {
    if (error.where() == "queue") {
      result.status = 429;
      result.code = "queue_full";
    }
    result.headers.emplace_back("Retry-After", "10");
  }
  // The text of the system's ENOSPC, which base/files.cc and SQLite pass on.
  if (error.kind() == ErrorKind::io && (error.text().find("No space left") != std::string::npos ||
                                        error.text().find("disk is full") != std::string::npos)) {
    result.status = 507;
    result.code = "storage_full";
  }
  return result;
}

// Other libraries append their stacks after the first line.
std::string first_line(std::string_view text) {
  return printable(text.substr(0, text.find('\n')));
}

}  // namespace

Problem make_problem(int status, std::string code, std::string detail, std::string retry_after) {
  Problem problem;
  problem.status = status;
  problem.code = std::move(code);
  problem.detail = std::move(detail);
  if (!retry_after.empty()) problem.headers.emplace_back("Retry-After", std::move(retry_after));
  return problem;
}

ProblemError::ProblemError(Problem problem)
    : std::runtime_error(problem.detail), problem_(std::move(problem)) {}

ProblemError::ProblemError(int status, std::string code, std::string detail, std::string field)
    : ProblemError(Problem{.status = status,
                           .code = std::move(code),
                           .detail = std::move(detail),
                           .field = std::move(field),
                           .headers = {}}) {}

Problem problem_from(const std::exception& error) {
  if (const auto* own = dynamic_cast<const ProblemError*>(&error)) return own->problem();
  if (const auto* own = dynamic_cast<const Error*>(&error)) return problem_of_kind(*own);
  Problem result;
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    result.status = 503;
    result.code = "out_of_memory";
    result.detail = "the server has no memory left for this; try a smaller request, or later";
    result.headers.emplace_back("Retry-After", "10");
  } else if (dynamic_cast<const nlohmann::json::exception*>(&error) != nullptr) {
    // A route took a field for another type than it is.
    result.status = 422;
    result.code = "invalid_value";
    result.detail =
        "a field of the body is missing or of another type: " + first_line(error.what());
  } else {
    result.status = 500;
    result.code = "bug";
    result.detail = "an error inside the server: " + first_line(error.what());
  }
  return result;
}

HttpResponse problem_response(const Problem& problem) {
  nlohmann::json body = {{"type", "about:blank"},    {"title", status_title(problem.status)},
                         {"status", problem.status}, {"code", problem.code},
                         {"error", problem.code},    {"detail", problem.detail},
                         {"field", problem.field}};
  HttpResponse response = json_response(problem.status, body);
  response.media_type = "application/problem+json";
  response.headers = problem.headers;
  return response;
}

HttpResponse problem(int status, std::string_view code, std::string_view detail,
                     std::string_view field) {
  return problem_response({.status = status,
                           .code = std::string(code),
                           .detail = std::string(detail),
                           .field = std::string(field),
                           .headers = {}});
}

HttpResponse problem_of(const std::exception& error) {
  return problem_response(problem_from(error));
}

std::string_view status_title(int status) {
  for (const StatusTitle& entry : kStatusTitles) {
    if (entry.status == status) return entry.title;
  }
  return status < 400 ? "OK" : "Error";
}

}  // namespace zc
