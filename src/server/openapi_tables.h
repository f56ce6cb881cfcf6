// SPDX-License-Identifier: Apache-2.0
// Inside of openapi: what each route of the native API takes and gives.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace zc {

struct QueryDoc {
  std::string_view name;
  std::string_view type;  // of JSON Schema
  std::string_view help;
};

struct RouteDoc {
  std::string_view method;
  std::string_view pattern;
  std::string_view request;   // a schema's name; "bytes": raw or multipart; "": no body
  int status = 200;           // when it goes well
  std::string_view response;  // a schema's name, or a media type; "": no body
  std::vector<QueryDoc> query = {};
  std::vector<int> problems = {};  // besides those that every route may answer with
  std::string_view note = {};      // what the summary leaves out
};
std::span<const RouteDoc> route_docs();

// "Job", "JobBody", ... of the whole API.
nlohmann::json schemas_of_answers();
nlohmann::json schemas_of_requests();

}  // namespace zc
