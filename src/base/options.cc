// SPDX-License-Identifier: Apache-2.0
#include "base/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

namespace zc {
namespace {

using nlohmann::json;
using Enumeration = OptionField::Enumeration;
using Struct = OptionField::Struct;
using StructList = OptionField::StructList;

// A request cannot ask for more structs in one list than this.
constexpr size_t kMaxListLength = 4096;

template <class T>
struct Element {
  using Type = T;
  static constexpr bool is_list = false;
  static constexpr bool is_optional = false;
};
template <class T>
struct Element<std::vector<T>> {
  using Type = T;
  static constexpr bool is_list = true;
  static constexpr bool is_optional = false;
};
template <class T>
struct Element<std::optional<T>> {
  using Type = T;
  static constexpr bool is_list = false;
  static constexpr bool is_optional = true;
};

template <class T>
constexpr bool is_number = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;
template <class T>
constexpr bool is_path = std::is_same_v<T, std::filesystem::path>;

template <class T>
std::string type_name() {
  if constexpr (std::is_same_v<T, bool>)
    return "yes or no";
  else if constexpr (std::is_integral_v<T>)
    return "integer";
  else if constexpr (std::is_floating_point_v<T>)
    return "number";
  else if constexpr (is_path<T>)
    return "path";
  else
    return "text";
}

std::string join_where(std::string_view where, std::string_view name) {
  return where.empty() ? std::string(name) : fmt::format("{}.{}", where, name);
}

std::string shown(const json& value) {
  return printable(json_text(value), 60);
}

std::string shortest(double value) {
  return fmt::format("{}", value);
}

[[noreturn]] void throw_type(std::string_view where, std::string_view found,
                             std::string_view wanted) {
  throw Error(ErrorKind::bad_request, std::string(where),
              fmt::format("is {}, wanted {}", found, wanted));
}

std::vector<std::string> names_of(std::span<const OptionField> fields) {
  std::vector<std::string> names;
  for (const auto& field : fields) names.push_back(field.name);
  return names;
}

const OptionField& find_field(std::span<const OptionField> fields, std::string_view name,
                              std::string_view where) {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const OptionField& f) { return f.name == name; });
  if (found != fields.end()) return *found;
  const auto names = names_of(fields);
  std::string text = "is not known;";
  const std::string near = suggestion(name, names);
  text += near.empty() ? fmt::format(" the fields are {}", fmt::join(names, ", ")) : near;
  throw Error(ErrorKind::bad_request, join_where(where, printable(name, 60)), text);
}

// ---- constraints ----

template <class T>
void check_value(const T& value, const Constraint& constraint, std::string_view where) {
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(value)) throw_type(where, shortest(value), "a finite number");
  }
  if constexpr (is_number<T>) {
    const auto* range = std::get_if<Range>(&constraint);
    const auto number = static_cast<double>(value);
    if (range != nullptr && (number < range->low || number > range->high)) {
      throw_type(where, fmt::format("{}", value),
                 fmt::format("{} to {}", shortest(range->low), shortest(range->high)));
    }
  }
  if constexpr (std::is_same_v<T, std::string>) {
    const auto* allowed = std::get_if<OneOf>(&constraint);
    if (allowed == nullptr) return;
    if (std::find(allowed->names.begin(), allowed->names.end(), value) != allowed->names.end())
      return;
    throw_type(where, fmt::format("`{}`", printable(value, 60)),
               fmt::format("one of {};{}", fmt::join(allowed->names, ", "),
                           suggestion(value, allowed->names)));
  }
}

template <class T>
void check_target(const T& value, const Constraint& constraint, std::string_view where) {
  if constexpr (Element<T>::is_list) {
    for (size_t i = 0; i < value.size(); ++i)
      check_value(value[i], constraint, fmt::format("{}[{}]", where, i));
  } else if constexpr (Element<T>::is_optional) {
    if (value) check_value(*value, constraint, where);
  } else {
    check_value(value, constraint, where);
  }
}

// ---- from JSON ----

template <class T>
T integer_from_json(const json& value, std::string_view where) {
  if (value.is_number_unsigned() && std::in_range<T>(value.get<uint64_t>())) {
    return static_cast<T>(value.get<uint64_t>());
  }
  if (value.is_number_integer() && !value.is_number_unsigned() &&
      std::in_range<T>(value.get<int64_t>())) {
    return static_cast<T>(value.get<int64_t>());
  }
  // Some clients write whole numbers as 20.0; beyond 2^53 that would no longer be what they meant.
  if (value.is_number_float()) {
    const double number = value.get<double>();
    const bool exact = std::abs(number) <= 9007199254740992.0 && std::trunc(number) == number;
    if (exact && std::in_range<T>(static_cast<int64_t>(number))) return static_cast<T>(number);
  }
  throw_type(where, shown(value), "an integer");
}

template <class T>
T value_from_json(const json& value, std::string_view where) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_boolean()) throw_type(where, shown(value), "true or false");
    return value.get<bool>();
  } else if constexpr (std::is_integral_v<T>) {
    return integer_from_json<T>(value, where);
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!value.is_number()) throw_type(where, shown(value), "a number");
    return value.get<T>();
  } else {
    if (!value.is_string()) throw_type(where, shown(value), "text");
    const auto& text = value.get_ref<const std::string&>();
    if (is_path<T> && text.find('\0') != std::string::npos)
      throw_type(where, shown(value), "a path");
    return T(text);
  }
}

template <class T>
void target_from_json(T& target, const json& value, std::string_view where) {
  using Value = typename Element<T>::Type;
  if constexpr (Element<T>::is_list) {
    if (!value.is_array()) throw_type(where, shown(value), "a list");
    target.clear();
    for (const json& element : value) {
      target.push_back(
          value_from_json<Value>(element, fmt::format("{}[{}]", where, target.size())));
    }
  } else if constexpr (Element<T>::is_optional) {
    if (value.is_null())
      target.reset();
    else
      target = value_from_json<Value>(value, where);
  } else {
    target = value_from_json<Value>(value, where);
  }
}

void set_enumeration(const Enumeration& choice, const std::string& name, std::string_view where) {
  check_value(name, OneOf{choice.names}, where);
  const auto found = std::find(choice.names.begin(), choice.names.end(), name);
  choice.set(static_cast<size_t>(found - choice.names.begin()));
}

void list_from_json(const StructList& list, const json& value, std::string_view where) {
  if (!value.is_array()) throw_type(where, shown(value), "a list");
  if (value.size() > kMaxListLength) {
    throw_type(where, fmt::format("a list of {}", value.size()),
               fmt::format("at most {}", kMaxListLength));
  }
  // Emptied first: an element starts from its defaults, not from what stood at its place.
  list.resize(0);
  list.resize(value.size());
  for (size_t i = 0; i < value.size(); ++i) {
    fields_from_json(list.element(i), value[i], fmt::format("{}[{}]", where, i));
  }
}

void field_from_json(const OptionField& field, const json& value, const std::string& where) {
  if (const auto* choice = std::get_if<Enumeration>(&field.target)) {
    set_enumeration(*choice, value_from_json<std::string>(value, where), where);
  } else if (const auto* group = std::get_if<Struct>(&field.target)) {
    fields_from_json(*group, value, where);
  } else if (const auto* list = std::get_if<StructList>(&field.target)) {
    list_from_json(*list, value, where);
  } else {
    std::visit(
        [&](const auto& target) {
          if constexpr (std::is_pointer_v<std::remove_cvref_t<decltype(target)>>) {
            target_from_json(*target, value, where);
            check_target(*target, field.constraint, where);
          }
        },
        field.target);
  }
}

// ---- to JSON ----

template <class T>
json value_to_json(const T& value) {
  if constexpr (is_path<T>)
    return value.string();
  else if constexpr (std::is_same_v<T, float>) {
    // The shortest decimal of the float: 0.1, not 0.10000000149011612.
    return std::isfinite(value) ? json::parse(fmt::format("{}", value)) : json(nullptr);
  } else
    return value;
}

template <class T>
json target_to_json(const T& target) {
  if constexpr (Element<T>::is_list) {
    json list = json::array();
    for (const auto& element : target) list.push_back(value_to_json(element));
    return list;
  } else if constexpr (Element<T>::is_optional) {
    return target ? value_to_json(*target) : json(nullptr);
  } else {
    return value_to_json(target);
  }
}

json field_to_json(const OptionField& field) {
  if (const auto* choice = std::get_if<Enumeration>(&field.target))
    return choice->names.at(choice->get());
  if (const auto* group = std::get_if<Struct>(&field.target)) return fields_to_json(*group);
  if (const auto* list = std::get_if<StructList>(&field.target)) {
    json elements = json::array();
    for (size_t i = 0; i < list->size(); ++i) elements.push_back(fields_to_json(list->element(i)));
    return elements;
  }
  return std::visit(
      [](const auto& target) -> json {
        if constexpr (std::is_pointer_v<std::remove_cvref_t<decltype(target)>>)
          return target_to_json(*target);
        else
          return nullptr;
      },
      field.target);
}

// ---- from text ----

template <class T>
T value_from_text(std::string_view text, std::string_view where) {
  const auto quoted = [&] { return fmt::format("`{}`", printable(text, 60)); };
  if constexpr (std::is_same_v<T, bool>) {
    if (text == "true" || text == "1" || text == "yes" || text == "on") return true;
    if (text == "false" || text == "0" || text == "no" || text == "off") return false;
    throw_type(where, quoted(), "true or false");
  } else if constexpr (is_number<T>) {
    const std::string_view trimmed = trim(text);
    T number{};
    const auto [end, failure] =
        std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), number);
    if (failure != std::errc{} || end != trimmed.data() + trimmed.size()) {
      throw_type(where, quoted(), std::is_integral_v<T> ? "an integer" : "a number");
    }
    return number;
  } else {
    if (is_path<T> && text.find('\0') != std::string_view::npos)
      throw_type(where, quoted(), "a path");
    return T(text);
  }
}

template <class T>
void target_from_text(T& target, std::string_view text, std::string_view where) {
  using Value = typename Element<T>::Type;
  if constexpr (Element<T>::is_list) {
    target.clear();
    if (text.empty()) return;
    for (const auto& part : split(text, ',')) {
      target.push_back(value_from_text<Value>(part, fmt::format("{}[{}]", where, target.size())));
    }
  } else if constexpr (Element<T>::is_optional) {
    target = value_from_text<Value>(text, where);
  } else {
    target = value_from_text<Value>(text, where);
  }
}

// Text that cannot be one value, such as a nested struct, is read as JSON.
void field_from_json_text(const OptionField& field, std::string_view text,
                          const std::string& where) {
  const json value = parse_json(text);
  if (value.is_discarded()) throw_type(where, fmt::format("`{}`", printable(text, 60)), "JSON");
  field_from_json(field, value, where);
}

std::string allowed_text(const OptionField& field) {
  if (const auto* choice = std::get_if<Enumeration>(&field.target)) {
    return fmt::format("{}", fmt::join(choice->names, ", "));
  }
  if (const auto* range = std::get_if<Range>(&field.constraint)) {
    return fmt::format("{} to {}", shortest(range->low), shortest(range->high));
  }
  if (const auto* names = std::get_if<OneOf>(&field.constraint)) {
    return fmt::format("{}", fmt::join(names->names, ", "));
  }
  return "";
}

std::string field_type(const OptionField& field) {
  if (std::holds_alternative<Enumeration>(field.target)) return "text";
  if (std::holds_alternative<StructList>(field.target)) return "list of objects";
  return std::visit(
      [](const auto& target) -> std::string {
        using T = std::remove_cvref_t<decltype(target)>;
        if constexpr (std::is_pointer_v<T>) {
          using E = Element<std::remove_pointer_t<T>>;
          return (E::is_list ? "list of " : "") + type_name<typename E::Type>();
        } else {
          return "object";
        }
      },
      field.target);
}

std::string default_text(const OptionField& field) {
  const json value = field_to_json(field);
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return json_text(value);
  std::string text;
  for (const json& element : value) {
    text += (text.empty() ? "" : ",") +
            (element.is_string() ? element.get<std::string>() : json_text(element));
  }
  return text;
}

}  // namespace

json fields_to_json(std::span<const OptionField> fields) {
  json object = json::object();
  for (const auto& field : fields) object[field.name] = field_to_json(field);
  return object;
}

void fields_from_json(std::span<const OptionField> fields, const json& object,
                      std::string_view where) {
  if (!object.is_object())
    throw_type(where.empty() ? "options" : where, shown(object), "an object");
  for (const auto& [name, value] : object.items()) {
    const OptionField& field = find_field(fields, name, where);
    field_from_json(field, value, join_where(where, name));
  }
}

void set_field_from_text(std::span<const OptionField> fields, std::string_view name,
                         std::string_view text, std::string_view where) {
  const auto dot = name.find('.');
  const OptionField& field = find_field(fields, name.substr(0, dot), where);
  const std::string here = join_where(where, field.name);
  if (dot != std::string_view::npos) {
    const auto* group = std::get_if<Struct>(&field.target);
    if (group == nullptr) throw Error(ErrorKind::bad_request, here, "has no fields of its own");
    return set_field_from_text(*group, name.substr(dot + 1), text, here);
  }
  if (const auto* choice = std::get_if<Enumeration>(&field.target)) {
    return set_enumeration(*choice, std::string(text), here);
  }
  std::visit(
      [&](const auto& target) {
        if constexpr (std::is_pointer_v<std::remove_cvref_t<decltype(target)>>) {
          // The old value stays when the new one is refused.
          auto changed = *target;
          target_from_text(changed, text, here);
          check_target(changed, field.constraint, here);
          *target = std::move(changed);
        } else {
          field_from_json_text(field, text, here);
        }
      },
      field.target);
}

void check_fields(std::span<const OptionField> fields, std::string_view where) {
  for (const auto& field : fields) {
    const std::string here = join_where(where, field.name);
    if (const auto* group = std::get_if<Struct>(&field.target)) {
      check_fields(*group, here);
    } else if (const auto* list = std::get_if<StructList>(&field.target)) {
      for (size_t i = 0; i < list->size(); ++i)
        check_fields(list->element(i), fmt::format("{}[{}]", here, i));
    } else {
      std::visit(
          [&](const auto& target) {
            if constexpr (std::is_pointer_v<std::remove_cvref_t<decltype(target)>>) {
              check_target(*target, field.constraint, here);
            }
          },
          field.target);
    }
  }
}

std::vector<OptionHelp> describe_fields(std::span<const OptionField> fields) {
  std::vector<OptionHelp> described;
  for (const auto& field : fields) {
    if (const auto* group = std::get_if<Struct>(&field.target)) {
      for (OptionHelp& inner : describe_fields(*group)) {
        inner.name = field.name + "." + inner.name;
        described.push_back(std::move(inner));
      }
      continue;
    }
    described.push_back({.name = field.name,
                         .type = field_type(field),
                         .allowed = allowed_text(field),
                         .default_text = default_text(field),
                         .help = field.help,
                         .is_switch = std::holds_alternative<bool*>(field.target)});
  }
  return described;
}

std::string options_markdown(std::span<const OptionHelp> options) {
  std::string table =
      "| option | type | default | allowed | meaning |\n| --- | --- | --- | --- | --- |\n";
  for (const auto& option : options) {
    const std::string value = option.default_text.empty() ? "" : "`" + option.default_text + "`";
    table += fmt::format("| `{}` | {} | {} | {} | {} |\n", option.name, option.type, value,
                         option.allowed, option.help);
  }
  return table;
}

std::string options_help_text(std::span<const OptionHelp> options) {
  std::vector<std::string> left;
  size_t width = 0;
  for (const auto& option : options) {
    std::string type = option.type;
    std::transform(type.begin(), type.end(), type.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    left.push_back(option_flag(option.name) + (option.is_switch ? "" : " " + type));
    width = std::max(width, left.back().size());
  }
  std::string text;
  for (size_t i = 0; i < options.size(); ++i) {
    text += fmt::format("  {:<{}}  {}", left[i], width, options[i].help);
    if (!options[i].default_text.empty()) text += fmt::format(" ({})", options[i].default_text);
    if (!options[i].allowed.empty()) text += fmt::format(" [{}]", options[i].allowed);
    text += '\n';
  }
  return text;
}

std::string option_flag(std::string_view name) {
  std::string flag = "--";
  for (const char c : name) flag += c == '_' ? '-' : c;
  return flag;
}

}  // namespace zc
