// SPDX-License-Identifier: Apache-2.0
// The API described for programs and people: made of the router's table and the option lists.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "server/router.h"

namespace zc {

// OpenAPI 3.1. Of routes of the native API with the schemas of what goes in and out; of all others
// what the table says.
nlohmann::json openapi_document(const Router& router);

// The routes below /api/v1 that have no description, and the descriptions that have no route, as
// "GET /api/v1/x": none of them is as it should be.
std::vector<std::string> openapi_gaps(const Router& router);

// One page for people, without scripts.
std::string api_page(const nlohmann::json& document);

// The document of a server without models, for docs/api.md: `zeroconv serve --print-openapi`.
std::string printed_openapi();

}  // namespace zc
