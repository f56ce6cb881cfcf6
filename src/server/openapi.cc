// SPDX-License-Identifier: Apache-2.0
#include "server/openapi.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "pipelines/infotext.h"
#include "server/openapi_tables.h"
#include "server/problem.h"

namespace zc {
namespace {

using nlohmann::json;

constexpr std::string_view kNativePrefix = "/api/v1/";

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// "/{file...}" -> "/{file}"
std::string openapi_path(std::string pattern) {
  for (size_t at = pattern.find("...}"); at != std::string::npos; at = pattern.find("...}"))
    pattern.erase(at, 3);
  return pattern;
}

// "POST /api/v1/jobs/{id}/x" -> "post_jobs_id_x"
std::string operation_id(const Route& route) {
  std::string path = route.pattern;
  if (path.starts_with(kNativePrefix)) path.erase(0, kNativePrefix.size() - 1);
  std::string id = lower_case(route.method);
  for (const std::string& part : split(path, '/')) {
    std::string word;
    for (const char c : part) {
      if (std::isalnum(static_cast<unsigned char>(c)) != 0) word += c;
      if (c == '-' || c == '_') word += '_';
    }
    if (!word.empty()) id += "_" + word;
  }
  return id;
}

std::string tag_of(const std::string& pattern) {
  if (pattern.starts_with(kNativePrefix)) {
    const std::string rest = pattern.substr(kNativePrefix.size());
    return rest.substr(0, rest.find('/'));
  }
  if (pattern.starts_with("/sdapi/")) return "AUTOMATIC1111";
  if (pattern.starts_with("/controlnet/")) return "ControlNet extension";
  if (pattern.starts_with("/v1/")) return "OpenAI images";
  return "server";
}

const RouteDoc* doc_of(const Route& route) {
  for (const RouteDoc& doc : route_docs()) {
    if (doc.method == route.method && doc.pattern == route.pattern) return &doc;
  }
  return nullptr;
}

json path_parameters(const std::string& pattern) {
  json parameters = json::array();
  for (std::string part : split(pattern, '/')) {
    if (!part.starts_with('{')) continue;
    part = part.substr(1, part.find_first_of(".}") - 1);
    parameters.push_back(
        {{"name", part}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  }
  return parameters;
}

json parameters_of(const Route& route, const RouteDoc* doc) {
  json parameters = path_parameters(route.pattern);
  if (doc == nullptr) return parameters;
  for (const QueryDoc& query : doc->query) {
    parameters.push_back({{"name", query.name},
                          {"in", "query"},
                          {"required", false},
                          {"description", query.help},
                          {"schema", {{"type", query.type}}}});
  }
  return parameters;
}

json content_of(std::string_view what) {
  const bool media_type = what.find('/') != std::string_view::npos;
  if (media_type) return {{std::string(what), {{"schema", json::object()}}}};
  return {
      {"application/json", {{"schema", {{"$ref", "#/components/schemas/" + std::string(what)}}}}}};
}

json body_of(const Route& route, const RouteDoc* doc) {
  if (doc == nullptr) {
    if (route.method != "POST" && route.method != "PUT") return nullptr;
    return {{"content", {{"application/json", {{"schema", {{"type", "object"}}}}}}}};
  }
  if (doc->request.empty()) return nullptr;
  if (doc->request != "bytes") return {{"content", content_of(doc->request)}};
  json content = json::object();
  for (const char* type :
       {"image/png", "image/jpeg", "image/webp", "application/json", "application/zip"}) {
    content[type] = {{"schema", json::object()}};
  }
  content["multipart/form-data"] = {
      {"schema",
       {{"type", "object"},
        {"properties", {{"file", {{"type", "string"}, {"format", "binary"}}}}}}}};
  return {{"required", true}, {"content", content}};
}

json problem_answer(int status) {
  return {
      {"description", status_title(status)},
      {"content",
       {{"application/problem+json", {{"schema", {{"$ref", "#/components/schemas/Problem"}}}}}}}};
}

json answers_of(const RouteDoc* doc) {
  json answers = json::object();
  const int status = doc == nullptr ? 200 : doc->status;
  json& good = answers[std::to_string(status)];
  good["description"] = status_title(status);
  if (doc != nullptr && !doc->response.empty()) good["content"] = content_of(doc->response);
  if (doc != nullptr) {
    for (const int problem : doc->problems) {
      answers[std::to_string(problem)] =
          problem == 304 ? json{{"description", status_title(problem)}} : problem_answer(problem);
    }
  }
  answers["default"] = problem_answer(400);
  answers["default"]["description"] = "What went wrong";
  return answers;
}

// What a request must show. Two of them: either is enough.
json security_of(Access access) {
  const json either = json::array({json{{"bearer", json::array()}}, json{{"cookie", json::array()}},
                                   json{{"basic", json::array()}}});
  if (access == Access::open) return json::array();
  if (access != Access::local_api) return either;
  json open_too = either;
  open_too.push_back(json::object());
  return open_too;
}

const char* access_name(Access access) {
  switch (access) {
    case Access::open:
      return "open";
    case Access::local_api:
      return "open on this machine";
    case Access::read:
      return "read";
    case Access::write:
      return "write";
    case Access::admin:
      return "admin";
  }
  return "";
}

json operation_of(const Route& route) {
  const RouteDoc* doc = doc_of(route);
  json operation = {
      {"operationId", operation_id(route)},           {"summary", route.summary},
      {"tags", json::array({tag_of(route.pattern)})}, {"security", security_of(route.access)},
      {"x-access", access_name(route.access)},        {"responses", answers_of(doc)}};
  if (doc != nullptr && !doc->note.empty()) operation["description"] = doc->note;
  if (json parameters = parameters_of(route, doc); !parameters.empty())
    operation["parameters"] = std::move(parameters);
  if (json body = body_of(route, doc); !body.is_null()) operation["requestBody"] = std::move(body);
  return operation;
}

json security_schemes() {
  return {
      {"bearer",
       {{"type", "http"},
        {"scheme", "bearer"},
        {"description", "the owner's token, or one of /api/v1/tokens"}}},
      {"basic", {{"type", "http"}, {"scheme", "basic"}, {"description", "a user of --api-auth"}}},
      {"cookie",
       {{"type", "apiKey"},
        {"in", "cookie"},
        {"name", "zeroconv_session"},
        {"description", "what POST /api/v1/session gives; its name ends with the port"}}}};
}

}  // namespace

json openapi_document(const Router& router) {
  json paths = json::object();
  for (const Route& route : router.routes())
    paths[openapi_path(route.pattern)][lower_case(route.method)] = operation_of(route);
  json schemas = schemas_of_answers();
  schemas.update(schemas_of_requests());
  return {
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "zeroconv"},
        {"version", program_version()},
        {"description",
         "Times are milliseconds since 1970, ids opaque text, pictures are named by the SHA-256 "
         "of their bytes (\"asset:SHA\" inside requests). Errors are application/problem+json "
         "with a stable `code`."},
        {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
      {"servers", json::array({json{{"url", "/"}}})},
      {"paths", paths},
      {"components", {{"schemas", schemas}, {"securitySchemes", security_schemes()}}}};
}

std::vector<std::string> openapi_gaps(const Router& router) {
  std::vector<std::string> gaps;
  for (const Route& route : router.routes()) {
    const bool native = route.pattern.starts_with(kNativePrefix);
    if ((native && doc_of(route) == nullptr) || route.summary.empty())
      gaps.push_back(route.method + " " + route.pattern);
  }
  for (const RouteDoc& doc : route_docs()) {
    const bool there =
        std::any_of(router.routes().begin(), router.routes().end(), [&](const Route& route) {
          return doc.method == route.method && doc.pattern == route.pattern;
        });
    if (!there) gaps.push_back(fmt::format("{} {}", doc.method, doc.pattern));
  }
  return gaps;
}

}  // namespace zc
