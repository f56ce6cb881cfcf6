// SPDX-License-Identifier: Apache-2.0
#include "server/json_body.h"

#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "server/problem.h"

namespace zc {

namespace {

ProblemError bad_json(std::string detail, std::string field = {}) {
  return ProblemError(400, "bad_json", std::move(detail), std::move(field));
}

// Sees every value while the library builds the document, which it does without recursion.
class StrictReader {
 public:
  explicit StrictReader(const JsonLimits& limits) : limits_(limits) {}

  bool operator()(int depth, nlohmann::json::parse_event_t event, const nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    const bool begins = event == Event::object_start || event == Event::array_start;
    if (begins && depth >= limits_.depth) {
      throw bad_json(
          fmt::format("arrays and objects lie deeper than {} in each other", limits_.depth));
    }
    if ((begins || event == Event::value) && ++values_ > limits_.values) {
      throw bad_json(fmt::format("more than {} values", limits_.values));
    }
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if (event == Event::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second) {
        throw bad_json(fmt::format("the key {} comes twice in one object", printable(key, 80)),
                       printable(key, 80));
      }
    }
    return true;
  }

 private:
  JsonLimits limits_;
  int64_t values_ = 0;
  std::vector<std::set<std::string>> keys_;  // of the objects that are open
};

}  // namespace

nlohmann::json parse_strict_json(std::string_view text, const JsonLimits& limits) {
  StrictReader reader(limits);
  try {
    return nlohmann::json::parse(
        text.begin(), text.end(),
        [&](int depth, nlohmann::json::parse_event_t event, const nlohmann::json& parsed) {
          return reader(depth, event, parsed);
        });
  } catch (const nlohmann::json::parse_error& error) {
    std::string_view reason = error.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ..."
    const size_t colon = reason.find(": ");
    if (colon != std::string_view::npos) reason.remove_prefix(colon + 2);
    throw bad_json(fmt::format("no JSON from byte {} on: {}", error.byte, printable(reason)));
  } catch (const nlohmann::json::out_of_range&) {
    throw bad_json("a number is too large for a double");
  }
}

nlohmann::json json_body(const HttpRequest& request, const JsonLimits& limits) {
  if (trim(request.body).empty()) return nlohmann::json::object();
  nlohmann::json body = parse_strict_json(request.body, limits);
  if (!body.is_object()) {
    throw ProblemError(
        422, "invalid_value",
        fmt::format("the body is of type {}; an object is wanted", body.type_name()));
  }
  return body;
}

}  // namespace zc
