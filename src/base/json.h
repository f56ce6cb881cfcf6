// SPDX-License-Identifier: Apache-2.0
// JSON to text and back. Here and not in each file, because the library's templates cost the
// compiler seconds each time.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace zc {

// A discarded value when the text is no JSON; `reason` then says why and where.
nlohmann::json parse_json(std::string_view text, std::string* reason = nullptr);

// On one line, or with that many spaces for each level. Bytes that are no UTF-8 become U+FFFD.
std::string json_text(const nlohmann::json& value, int indent = -1);

}  // namespace zc
