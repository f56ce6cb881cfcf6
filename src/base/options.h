// SPDX-License-Identifier: Apache-2.0
// Options as plain structs: one list of fields from which JSON, command line, PNG text, help and
// docs are made.
//
//   struct SampleOptions {
//     int64_t steps = 20;
//     std::string sampler = "ddim";
//   };
//   template <OptionsOf<SampleOptions> O, class Visitor>
//   void for_each_field(O& o, Visitor&& visit) {
//     visit("steps", o.steps, Range{1, 1000}, "denoising steps");
//     visit("sampler", o.sampler, one_of(sampler_names()), "sampler");
//   }
//
// A field is a bool, an integer, a floating-point number, text, a path, a vector or std::optional
// of those, an enumeration whose spellings `enumerator_names(E)` returns, another struct with a
// for_each_field, or a vector of such structs.
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace zc {

// Lets one for_each_field serve the struct and the const struct, and no other one.
template <class T, class Struct>
concept OptionsOf = std::same_as<std::remove_const_t<T>, Struct>;

// Smallest and largest allowed number, both included; of a list, each element.
struct Range {
  double low = 0;
  double high = 0;
};

// The allowed spellings of a text; of a list, each element.
struct OneOf {
  std::vector<std::string> names;
};
template <class Names>
OneOf one_of(const Names& names) {
  OneOf allowed;
  for (const auto& name : names) allowed.names.emplace_back(name);
  return allowed;
}
inline OneOf one_of(std::initializer_list<std::string_view> names) {
  return one_of(std::span(names.begin(), names.size()));
}

using Constraint = std::variant<std::monostate, Range, OneOf>;

// One field of a live struct, its type erased. Borrows the struct.
struct OptionField {
  struct Enumeration {
    std::vector<std::string> names;
    std::function<size_t()> get;
    std::function<void(size_t)> set;
  };
  struct StructList {
    std::function<size_t()> size;
    std::function<void(size_t)> resize;
    std::function<std::vector<OptionField>(size_t)> element;
  };
  using Struct = std::vector<OptionField>;
  using Target = std::variant<
      bool*, int32_t*, int64_t*, uint64_t*, float*, double*, std::string*, std::filesystem::path*,
      std::optional<bool>*, std::optional<int32_t>*, std::optional<int64_t>*,
      std::optional<uint64_t>*, std::optional<float>*, std::optional<double>*,
      std::optional<std::string>*, std::optional<std::filesystem::path>*, std::vector<int32_t>*,
      std::vector<int64_t>*, std::vector<float>*, std::vector<double>*, std::vector<std::string>*,
      std::vector<std::filesystem::path>*, Enumeration, Struct, StructList>;

  std::string name;
  Target target;
  Constraint constraint;
  std::string help;
};

namespace options_internal {

struct AcceptAll {
  template <class... Args>
  void operator()(Args&&...) const {}
};
template <class T>
concept HasFields = std::is_class_v<T> && requires(T& t) { for_each_field(t, AcceptAll{}); };
template <class T>
struct IsStructVector : std::false_type {};
template <HasFields T>
struct IsStructVector<std::vector<T>> : std::true_type {};

template <class T>
OptionField::Target make_target(T& value);

struct Collector {
  std::vector<OptionField>& fields;
  template <class T>
  void operator()(std::string_view name, T& value, Constraint constraint,
                  std::string_view help) const {
    fields.push_back(
        {std::string(name), make_target(value), std::move(constraint), std::string(help)});
  }
  template <class T>
  void operator()(std::string_view name, T& value, std::string_view help) const {
    (*this)(name, value, Constraint{}, help);
  }
};

}  // namespace options_internal

// The fields of `options` in the order of its list. Pointers into `options`: it must outlive them
// and not move.
template <class O>
std::vector<OptionField> option_fields(O& options) {
  std::vector<OptionField> fields;
  for_each_field(options, options_internal::Collector{fields});
  return fields;
}

namespace options_internal {

template <class T>
OptionField::Target make_target(T& value) {
  if constexpr (std::is_enum_v<T>) {
    OptionField::Enumeration choice;
    for (const auto& name : enumerator_names(T{})) choice.names.emplace_back(name);
    choice.get = [&value] { return static_cast<size_t>(value); };
    choice.set = [&value](size_t index) { value = static_cast<T>(index); };
    return choice;
  } else if constexpr (HasFields<T>) {
    return option_fields(value);
  } else if constexpr (IsStructVector<T>::value) {
    return OptionField::StructList{[&value] { return value.size(); },
                                   [&value](size_t size) { value.resize(size); },
                                   [&value](size_t i) { return option_fields(value.at(i)); }};
  } else {
    return &value;
  }
}

}  // namespace options_internal

// What help texts and option tables show of one field.
struct OptionHelp {
  std::string name;     // structs inside structs: "hires.scale"
  std::string type;     // "integer", "number", "text", "yes or no", "path", "list of ..."
  std::string allowed;  // "1 to 1000", "ddim, euler", or ""
  std::string default_text;
  std::string help;
  bool is_switch = false;  // a bool: the command line may give it without a value
};

// Functions on the erased list; the templates below are what callers use. `where` names the request
// or file.
nlohmann::json fields_to_json(std::span<const OptionField> fields);
void fields_from_json(std::span<const OptionField> fields, const nlohmann::json& object,
                      std::string_view where);
void set_field_from_text(std::span<const OptionField> fields, std::string_view name,
                         std::string_view text, std::string_view where);
void check_fields(std::span<const OptionField> fields, std::string_view where);
std::vector<OptionHelp> describe_fields(std::span<const OptionField> fields);

// An nlohmann::json object; `auto`, since the callers alone pay for its header.
template <class O>
auto options_to_json(const O& options) {
  O copy = options;
  return fields_to_json(option_fields(copy));
}

// Sets the fields that `object` holds and leaves the others. Throws bad_request naming the field:
// unknown (with the nearest known one), of another type, or outside its constraint; `options` is
// then unchanged.
template <class O>
void options_from_json(O& options, const nlohmann::json& object, std::string_view where = {}) {
  O changed = options;
  fields_from_json(option_fields(changed), object, where);
  options = std::move(changed);
}

// Sets one field from text, as "low=100" of the command line brings it; lists are separated by
// commas. Throws as above.
template <class O>
void set_option(O& options, std::string_view name, std::string_view text,
                std::string_view where = {}) {
  set_field_from_text(option_fields(options), name, text, where);
}

// Throws bad_request for the first field outside its constraint.
template <class O>
void check_options(const O& options, std::string_view where = {}) {
  O copy = options;
  check_fields(option_fields(copy), where);
}

// Name, type, default and meaning of each field, with the defaults of O{}.
template <class O>
std::vector<OptionHelp> describe_options() {
  O defaults{};
  return describe_fields(option_fields(defaults));
}

// A table for the docs: option, default, allowed, meaning.
std::string options_markdown(std::span<const OptionHelp> options);
// Lines for --help: "  --steps INTEGER (20)  denoising steps [1 to 1000]".
std::string options_help_text(std::span<const OptionHelp> options);
// "cfg_scale" -> "--cfg-scale".
std::string option_flag(std::string_view name);

}  // namespace zc
