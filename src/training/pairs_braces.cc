// SPDX-License-Identifier: Apache-2.0
// The names of webdataset shards from a pattern with braces.
#include <fmt/format.h>

#include <charconv>

#include "base/error.h"
#include "base/text.h"
#include "training/pairs_stored.h"

namespace zc {
namespace {

constexpr size_t kMaxShards = 100'000;

[[noreturn]] void refuse_braces(const std::string& pattern, const std::string& reason) {
  throw Error(
      ErrorKind::bad_request, "--data",
      fmt::format("`{}` {}; wanted for example a-{{000..146}}.tar", printable(pattern), reason));
}

// Commas that stand in no braces.
std::vector<std::string> split_outside_braces(const std::string& text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : text) {
    depth += c == '{' ? 1 : c == '}' ? -1 : 0;
    if (c == ',' && depth == 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

uint64_t number_of(std::string_view text, const std::string& pattern) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    refuse_braces(pattern, fmt::format("holds `{}`, which is no number", printable(text)));
  return number;
}

// What stands between two braces, as the list that it means.
std::vector<std::string> alternatives(const std::string& inside, const std::string& pattern) {
  const size_t dots = inside.find("..");
  if (dots == std::string::npos) return split(inside, ',');
  const std::string low = inside.substr(0, dots), high = inside.substr(dots + 2);
  const uint64_t first = number_of(low, pattern), last = number_of(high, pattern);
  if (last < first || last - first >= kMaxShards)
    refuse_braces(pattern, fmt::format("counts from {} to {}", low, high));
  const size_t digits = low.size() > 1 && low[0] == '0' ? low.size() : 1;
  std::vector<std::string> numbers;
  for (uint64_t i = first; i <= last; ++i) numbers.push_back(fmt::format("{:0{}}", i, digits));
  return numbers;
}

void expand(const std::string& pattern, std::vector<std::string>& names) {
  const size_t open = pattern.find('{');
  if (open == std::string::npos) {
    if (pattern.find('}') != std::string::npos) refuse_braces(pattern, "lacks a `{`");
    if (names.size() >= kMaxShards) refuse_braces(pattern, "names more than 100000 shards");
    names.push_back(pattern);
    return;
  }
  const size_t close = pattern.find('}', open);
  if (close == std::string::npos) refuse_braces(pattern, "lacks a `}`");
  for (const std::string& part :
       alternatives(pattern.substr(open + 1, close - open - 1), pattern)) {
    expand(pattern.substr(0, open) + part + pattern.substr(close + 1), names);
  }
}

}  // namespace

std::vector<std::string> expanded_braces(const std::string& pattern) {
  std::vector<std::string> names;
  for (const std::string& part : split_outside_braces(pattern)) expand(part, names);
  return names;
}

}  // namespace zc
