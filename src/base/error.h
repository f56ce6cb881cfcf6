// SPDX-License-Identifier: Apache-2.0
// The one error type of the project.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace zc {

enum class ErrorKind {
  bad_request,
  bad_file,
  not_found,
  unsupported,
  out_of_memory,
  cancelled,
  io,
  unavailable,  // for now: another process, a server; the same run may go well later
  bug
};

// Spelled as the enumerator.
std::string_view error_kind_name(ErrorKind kind);

// Thrown where the reason is known, caught at the door (command line, server).
// `where` is the field, key or file; `text` says what was found, what was wanted and what to do.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, std::string where, const std::string& text);

  ErrorKind kind() const { return kind_; }
  const std::string& where() const { return where_; }
  const std::string& text() const { return text_; }

 private:
  ErrorKind kind_;
  std::string where_;
  std::string text_;
};

[[noreturn]] void throw_bug(const char* condition, const char* file, int line);

}  // namespace zc

// Guards what only a mistake in our own code can cause, never what a user or a file says.
#define ZC_BUG_IF(condition)                                        \
  do {                                                              \
    if (condition) ::zc::throw_bug(#condition, __FILE__, __LINE__); \
  } while (false)
