// SPDX-License-Identifier: Apache-2.0
// The bodies of the native API: what each may hold, written once for reading, schema and docs.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/options.h"
#include "server/http.h"
#include "server/json_schema.h"

namespace zc {

// A body is a struct with a list of fields, and kFree: members that are JSON of another shape.
struct SessionBody {
  std::string token;
  static constexpr std::array<FreeField, 0> kFree{};
};
template <OptionsOf<SessionBody> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("token", o.token, "the owner's, as the server printed it, or one of /api/v1/tokens");
}

struct AnnotateBody {
  std::string asset;
  std::string kind = "canny";
  std::string annotator;
  int64_t width = 0;
  int64_t height = 0;
  int64_t resolution = 0;
  std::string resize = "crop";
  std::string slot;
  static constexpr std::array<FreeField, 1> kFree{
      {{"parameters", R"({"type":"object"})", "of the annotator, as capabilities list them"}}};
};
template <OptionsOf<AnnotateBody> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("asset", o.asset, "sha of the picture");
  visit("kind", o.kind, "kind of control");
  visit("annotator", o.annotator, "unset: the one of that kind");
  visit("width", o.width, Range{0, 2048}, "of the map; 0: the picture's");
  visit("height", o.height, Range{0, 2048}, "of the map; 0: the picture's");
  visit("resolution", o.resolution, Range{0, 2048},
        "short side at which the picture is looked at; 0: the map's");
  visit("resize", o.resize, one_of({"auto", "just", "crop", "fill"}),
        "how a picture of another shape becomes the map's");
  visit("slot", o.slot,
        "a newer request of the same client with the same text ends this one (409 superseded)");
}

struct PoseRenderBody {
  int64_t width = 0;
  int64_t height = 0;
  std::string rules = "v11";
  static constexpr std::array<FreeField, 1> kFree{
      {{"pose", R"({"$ref":"#/components/schemas/Pose"})", "people"}}};
};
template <OptionsOf<PoseRenderBody> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("width", o.width, Range{0, 2048}, "0: the canvas'");
  visit("height", o.height, Range{0, 2048}, "0: the canvas'");
  visit(
      "rules", o.rules, one_of({"v1", "v10", "v11", "webui"}),
      "how people are drawn: as ControlNets of version 1.0 (v1, v10) or 1.1 learned it, or as the "
      "web UI does");
}

struct JobBody {
  std::string kind = "generate";
  int64_t priority = 0;
  static constexpr std::array<FreeField, 1> kFree{
      {{"request", R"({"$ref":"#/components/schemas/GenerateRequest"})", "the picture"}}};
};
template <OptionsOf<JobBody> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("kind", o.kind, one_of({"generate", "null"}),
        "null: for load tests, where the server allows it");
  visit("priority", o.priority, Range{-100, 100}, "higher ones first");
}

struct PlanBody {
  static constexpr std::array<FreeField, 1> kFree{
      {{"request", R"({"$ref":"#/components/schemas/GenerateRequest"})", "the picture"}}};
};
template <OptionsOf<PlanBody> O, class Visitor>
void for_each_field(O&, Visitor&&) {}

struct StarBody {
  bool starred = true;
  static constexpr std::array<FreeField, 0> kFree{};
};
template <OptionsOf<StarBody> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("starred", o.starred, "true: among the favourites");
}

struct ZipBody {
  std::vector<std::string> ids;
  static constexpr std::array<FreeField, 0> kFree{};
};
template <OptionsOf<ZipBody> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("ids", o.ids, "of the pictures, at most 1000");
}

struct AssetBody {
  std::string asset;
  static constexpr std::array<FreeField, 0> kFree{};
};
template <OptionsOf<AssetBody> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("asset", o.asset, "sha of the picture");
}

struct TokenBody {
  std::string name;
  std::vector<std::string> scopes = {"read"};
  static constexpr std::array<FreeField, 0> kFree{};
};
template <OptionsOf<TokenBody> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("name", o.name, "for people");
  visit("scopes", o.scopes, one_of({"read", "write", "admin"}), "what it may do");
}

struct ResumeBody {
  int64_t steps = 0;
  static constexpr std::array<FreeField, 0> kFree{};
};
template <OptionsOf<ResumeBody> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("steps", o.steps, Range{0, 1e8}, "the last step from now on; 0: as before");
}

struct EmptyBody {
  static constexpr std::array<FreeField, 0> kFree{};
};
template <OptionsOf<EmptyBody> O, class Visitor>
void for_each_field(O&, Visitor&&) {}

// Throws bad_request naming the field for what `object` holds beside these fields (with the nearest
// known one) and for a free field of another type than its schema says. Returns the free fields; an
// absent one is null. `where`: of the object, "" for a body.
nlohmann::json read_body_fields(const nlohmann::json& object, std::span<const OptionField> fields,
                                std::span<const FreeField> free, const std::string& where);

// The body and its free fields.
template <class Body>
struct ReadBody : Body {
  nlohmann::json free;
};
template <class Body>
ReadBody<Body> read_object(const nlohmann::json& object, const std::string& where = {}) {
  ReadBody<Body> body;
  Body& fields = body;
  body.free = read_body_fields(object, option_fields(fields), Body::kFree, where);
  return body;
}

// The request's JSON (server/json_body.h), read as above.
nlohmann::json body_object(const HttpRequest& request);
template <class Body>
ReadBody<Body> read_body(const HttpRequest& request) {
  return read_object<Body>(body_object(request));
}

template <class Body>
auto schema_of_body() {
  auto schema = schema_of<Body>();
  add_free_fields(schema, Body::kFree);
  return schema;
}

// Values of a query. Throw bad_request naming the parameter.
std::optional<bool> query_flag(const HttpRequest& request, std::string_view name);  // 1, true, ...
int64_t query_number(const HttpRequest& request, std::string_view name, int64_t fallback,
                     Range range);

// A name of a blob: 64 lower-case hexadecimal digits, also behind "asset:". Throws bad_request
// naming the field.
std::string sha_of(std::string_view text, const std::string& field);

}  // namespace zc
