// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <array>

namespace zc {

std::string_view error_kind_name(ErrorKind kind) {
  constexpr std::array<std::string_view, 9> kNames = {"bad_request", "bad_file",      "not_found",
                                                      "unsupported", "out_of_memory", "cancelled",
                                                      "io",          "unavailable",   "bug"};
  return kNames[static_cast<size_t>(kind)];
}

Error::Error(ErrorKind kind, std::string where, const std::string& text)
    : std::runtime_error(where.empty() ? text : where + ": " + text),
      kind_(kind),
      where_(std::move(where)),
      text_(text) {}

void throw_bug(const char* condition, const char* file, int line) {
  throw Error(ErrorKind::bug, std::string(file) + ":" + std::to_string(line),
              std::string("internal check failed: ") + condition);
}

}  // namespace zc
