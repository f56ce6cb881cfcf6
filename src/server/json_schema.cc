// SPDX-License-Identifier: Apache-2.0
#include "server/json_schema.h"

#include <limits>
#include <string>
#include <type_traits>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace zc {
namespace {

using nlohmann::json;

template <class T>
struct SchemaValue {
  using Type = T;
  static constexpr bool is_list = false, is_optional = false;
};
template <class T>
struct SchemaValue<std::vector<T>> {
  using Type = T;
  static constexpr bool is_list = true, is_optional = false;
};
template <class T>
struct SchemaValue<std::optional<T>> {
  using Type = T;
  static constexpr bool is_list = false, is_optional = true;
};

// 0 and 1 as integers, 0.5 as it is.
json bound(double value) {
  const auto whole = static_cast<int64_t>(value);
  return static_cast<double>(whole) == value ? json(whole) : json(value);
}

template <class T>
json value_schema(const Constraint& constraint, const SchemaOptions& options) {
  json schema;
  if constexpr (std::is_same_v<T, bool>) {
    schema["type"] = "boolean";
  } else if constexpr (std::is_arithmetic_v<T>) {
    schema["type"] = std::is_integral_v<T> ? "integer" : "number";
    if (const auto* range = std::get_if<Range>(&constraint)) {
      schema["minimum"] = bound(range->low);
      schema["maximum"] = bound(range->high);
    }
  } else {
    schema["type"] = "string";
    if (const auto* names = std::get_if<OneOf>(&constraint)) schema["enum"] = names->names;
    if (std::is_same_v<T, std::filesystem::path> && options.paths_are_assets)
      schema["pattern"] = "^(asset:[0-9a-f]{64})?$";
  }
  return schema;
}

template <class T>
json target_schema(const OptionField& field, const SchemaOptions& options) {
  using Value = SchemaValue<T>;
  json schema = value_schema<typename Value::Type>(field.constraint, options);
  if (Value::is_list) return {{"type", "array"}, {"items", schema}};
  if (Value::is_optional) {
    schema["type"] = json::array({schema["type"], "null"});
    if (schema.contains("enum")) schema["enum"].push_back(nullptr);
  }
  return schema;
}

json field_schema(const OptionField& field, const SchemaOptions& options) {
  if (const auto* choice = std::get_if<OptionField::Enumeration>(&field.target))
    return {{"type", "string"}, {"enum", choice->names}};
  if (const auto* group = std::get_if<OptionField::Struct>(&field.target))
    return schema_of_fields(*group, options);
  if (const auto* list = std::get_if<OptionField::StructList>(&field.target)) {
    // An element shows its fields only when there is one.
    const size_t size = list->size();
    list->resize(size + 1);
    json items = schema_of_fields(list->element(size), options);
    list->resize(size);
    return {{"type", "array"}, {"items", std::move(items)}};
  }
  return std::visit(
      [&](const auto& target) -> json {
        using T = std::remove_cvref_t<decltype(target)>;
        if constexpr (std::is_pointer_v<T>)
          return target_schema<std::remove_pointer_t<T>>(field, options);
        else
          return nullptr;
      },
      field.target);
}

}  // namespace

json schema_of_fields(std::span<const OptionField> fields, const SchemaOptions& options) {
  json properties = json::object();
  const json defaults = fields_to_json(fields);
  for (const OptionField& field : fields) {
    json schema = field_schema(field, options);
    if (!std::holds_alternative<OptionField::Struct>(field.target))
      schema["default"] = defaults[field.name];
    schema["description"] = field.help;
    properties[field.name] = std::move(schema);
  }
  return {
      {"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
}

void add_free_fields(json& schema, std::span<const FreeField> fields) {
  for (const FreeField& field : fields) {
    json of_field = parse_json(field.schema);
    // A sibling of $ref is allowed since 2019-09.
    of_field["description"] = field.help;
    schema["properties"][std::string(field.name)] = std::move(of_field);
  }
}

}  // namespace zc
