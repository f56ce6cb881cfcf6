// SPDX-License-Identifier: Apache-2.0
#include "server/native_request.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "server/json_body.h"

namespace zc {
namespace {

using nlohmann::json;

std::string field_path(const std::string& where, const std::string& name) {
  return where.empty() ? name : where + "." + name;
}

void refuse_unknown(const json& object, std::span<const OptionField> fields,
                    std::span<const FreeField> free, const std::string& where) {
  std::vector<std::string> known;
  for (const OptionField& field : fields) known.push_back(field.name);
  for (const FreeField& field : free) known.emplace_back(field.name);
  for (const auto& [name, value] : object.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string near = suggestion(name, known);
    const std::string all = known.empty()
                                ? " it takes no fields"
                                : fmt::format(" the fields are {}", fmt::join(known, ", "));
    throw Error(ErrorKind::bad_request, field_path(where, printable(name, 60)),
                "is not known;" + (near.empty() ? all : near));
  }
}

// Object or list, as the schema of the field says; its own reader looks closer.
void check_free_type(const FreeField& field, const json& value, const std::string& where) {
  const bool list = parse_json(field.schema).value("type", "object") == "array";
  if (list ? value.is_array() : value.is_object()) return;
  throw Error(ErrorKind::bad_request, field_path(where, std::string(field.name)),
              fmt::format("is {}, wanted {}", printable(json_text(value), 60),
                          list ? "a list" : "an object"));
}

}  // namespace

json read_body_fields(const json& object, std::span<const OptionField> fields,
                      std::span<const FreeField> free, const std::string& where) {
  if (!object.is_object()) {
    throw Error(ErrorKind::bad_request, where.empty() ? "body" : where,
                fmt::format("is {}, wanted an object", printable(json_text(object), 60)));
  }
  refuse_unknown(object, fields, free, where);
  json plain = object;
  json taken = json::object();
  for (const FreeField& field : free) {
    const std::string name(field.name);
    taken[name] = nullptr;
    const auto found = plain.find(name);
    if (found == plain.end()) continue;
    if (!found->is_null()) {
      check_free_type(field, *found, where);
      taken[name] = std::move(*found);
    }
    plain.erase(name);
  }
  fields_from_json(fields, plain, where);
  return taken;
}

json body_object(const HttpRequest& request) {
  return json_body(request);
}

std::optional<bool> query_flag(const HttpRequest& request, std::string_view name) {
  const std::string text = request.query_value(name);
  if (text.empty()) return std::nullopt;
  if (text == "1" || text == "true" || text == "yes") return true;
  if (text == "0" || text == "false" || text == "no") return false;
  throw Error(ErrorKind::bad_request, std::string(name),
              fmt::format("is `{}`, wanted true or false", printable(text, 60)));
}

int64_t query_number(const HttpRequest& request, std::string_view name, int64_t fallback,
                     Range range) {
  const std::string text = request.query_value(name);
  if (text.empty()) return fallback;
  int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool fits = failure == std::errc{} && end == text.data() + text.size() &&
                    static_cast<double>(value) >= range.low &&
                    static_cast<double>(value) <= range.high;
  if (fits) return value;
  throw Error(ErrorKind::bad_request, std::string(name),
              fmt::format("is `{}`, wanted {} to {}", printable(text, 60), range.low, range.high));
}

std::string sha_of(std::string_view text, const std::string& field) {
  constexpr std::string_view kPrefix = "asset:";
  const std::string_view sha = text.starts_with(kPrefix) ? text.substr(kPrefix.size()) : text;
  const bool fits = sha.size() == 64 && std::all_of(sha.begin(), sha.end(), [](char c) {
                      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                    });
  if (fits) return std::string(sha);
  throw Error(ErrorKind::bad_request, field,
              fmt::format("is `{}`, wanted the sha of an asset", printable(text, 80)));
}

}  // namespace zc
