// SPDX-License-Identifier: Apache-2.0
// What stands between "GET" and "HTTP/1.1": percent codes, paths that lead elsewhere, queries.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zc {

struct RequestTarget {
  // As HttpRequest::path: empty where no name of ours can be meant.
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;
  std::string authority;  // "host:port" of "http://host:port/path", else ""
};

// nullopt when it is malformed: bytes outside printable ASCII, a % without two hexadecimal digits,
// a query that is no UTF-8 or holds NUL, or no path. `target` is decoded once: %252e stays %2e.
std::optional<RequestTarget> parse_target(std::string_view target);

// %41 -> A, and + -> blank where `plus` says so; nullopt for a broken code.
std::optional<std::string> percent_decode(std::string_view text, bool plus);

// "a=1&b" -> {{"a", "1"}, {"b", ""}}; nullopt as above. Of a body of a form too.
std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view text);

}  // namespace zc
