// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <nlohmann/json.hpp>

namespace zc {

nlohmann::json parse_json(std::string_view text, std::string* reason) {
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    if (reason != nullptr) *reason = error.what();
    return nlohmann::json(nlohmann::json::value_t::discarded);
  }
}

std::string json_text(const nlohmann::json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace zc
