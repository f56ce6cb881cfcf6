// SPDX-License-Identifier: Apache-2.0
// Option lists as JSON Schema: the same list that reads a request describes it.
#pragma once

#include <span>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/options.h"

namespace zc {

struct SchemaOptions {
  // Fields that are paths on the command line are "asset:SHA" or "" in the API.
  bool paths_are_assets = false;
};

// {"type":"object","properties":{...},"additionalProperties":false} (JSON Schema 2020-12, as
// OpenAPI 3.1 uses it), with defaults, ranges, choices and the help texts.
nlohmann::json schema_of_fields(std::span<const OptionField> fields,
                                const SchemaOptions& options = {});

template <class O>
auto schema_of(const SchemaOptions& options = {}) {
  O defaults{};
  return schema_of_fields(option_fields(defaults), options);
}

// A member of a body that is no option: JSON of a shape of its own.
struct FreeField {
  std::string_view name;
  std::string_view schema;  // JSON text
  std::string_view help;
};

// Adds them to the schema of an object.
void add_free_fields(nlohmann::json& schema, std::span<const FreeField> fields);

}  // namespace zc
