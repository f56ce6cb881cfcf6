// SPDX-License-Identifier: Apache-2.0
// The JSON of a request, read strictly.
#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "server/http.h"

namespace zc {

struct JsonLimits {
  int64_t depth = 32;       // arrays and objects inside each other
  int64_t values = 100000;  // of all kinds
};

// Throws ProblemError 400 bad_json, which names the offset: no JSON, no UTF-8, NaN, a key twice in
// one object, too deep, too many values.
nlohmann::json parse_strict_json(std::string_view text, const JsonLimits& limits = {});

// The body as an object; an empty body is an empty object. Throws as above, and 422 invalid_value
// for another type.
nlohmann::json json_body(const HttpRequest& request, const JsonLimits& limits = {});

}  // namespace zc
