// SPDX-License-Identifier: Apache-2.0
#include "server/sdapi_unit_fields.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "server/sdapi_fields.h"
#include "server/sdapi_problem.h"

namespace zc {
namespace {

using nlohmann::json;
using Type = WebuiType;

constexpr std::array kUnitFields = {
    WebuiField{"enabled", Type::flag, "true"},
    WebuiField{"module", Type::text, R"("none")"},
    WebuiField{"model", Type::text, R"("None")"},
    WebuiField{"weight", Type::number, "1.0", 0, 2},
    WebuiField{"image", Type::any},
    WebuiField{"mask", Type::any},
    WebuiField{"effective_region_mask", Type::text},
    WebuiField{"resize_mode", Type::any, R"("Crop and Resize")"},
    WebuiField{"control_mode", Type::any, R"("Balanced")"},
    WebuiField{"processor_res", Type::number, "-1"},
    WebuiField{"threshold_a", Type::number, "-1"},
    WebuiField{"threshold_b", Type::number, "-1"},
    WebuiField{"guidance_start", Type::number, "0.0", 0, 1},
    WebuiField{"guidance_end", Type::number, "1.0", 0, 1},
    WebuiField{"pixel_perfect", Type::flag, "false"},
    WebuiField{"low_vram", Type::flag, "false"},
    WebuiField{"save_detected_map", Type::flag, "true"},
    WebuiField{"advanced_weighting", Type::list},
    WebuiField{"hr_option", Type::text, R"("Both")"},
};

// Older names. Where both are given, the one that is not null counts.
constexpr std::array<std::pair<const char*, const char*>, 5> kAliases = {{
    {"input_image", "image"},
    {"mask_image", "mask"},
    {"guidance", "guidance_end"},
    {"lowvram", "low_vram"},
    {"detectmap", "save_detected_map"},
}};

json with_own_names(const json& unit) {
  json named = unit;
  const auto is_given = [&](const char* name) {
    return named.contains(name) && !named[name].is_null();
  };
  for (const auto& [alias, name] : kAliases) {
    if (is_given(alias) && !is_given(name)) named[name] = named[alias];
  }
  const auto guess = unit.find("guessmode");
  if (guess != unit.end() && *guess == true && !is_given("control_mode")) named["control_mode"] = 2;
  return named;
}

struct NamedChoice {
  std::string_view name;
  int value;
};

// A number, a number in text, or one of the names in any case; Python's "ResizeMode.RESIZE" too.
template <size_t N>
std::optional<int> choice_of(const json& value, const std::array<NamedChoice, N>& names) {
  if (value.is_number_integer()) return value.get<int>();
  if (value.is_number_float()) return static_cast<int>(value.get<double>());
  if (!value.is_string()) return std::nullopt;
  std::string lower;
  for (const char c : value.get<std::string>())
    lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (const size_t dot = lower.find('.'); dot != std::string::npos) lower.erase(0, dot + 1);
  const std::string_view wanted = trim(lower);
  for (const NamedChoice& choice : names) {
    if (choice.name == wanted) return choice.value;
  }
  if (wanted.size() == 1 && wanted[0] >= '0' && wanted[0] <= '9') return wanted[0] - '0';
  return std::nullopt;
}

constexpr std::array kResizeNames = {
    NamedChoice{"just resize", 0},
    NamedChoice{"crop and resize", 1},
    NamedChoice{"resize and fill", 2},
    NamedChoice{"scale to fit (inner fit)", 1},
    NamedChoice{"inner fit (scale to fit)", 1},
    NamedChoice{"inner fit", 1},
    NamedChoice{"envelope (outer fit)", 2},
    NamedChoice{"outer fit (shrink to fit)", 2},
    NamedChoice{"outer fit", 2},
    NamedChoice{"resize", 0},
    NamedChoice{"inner_fit", 1},
    NamedChoice{"outer_fit", 2},
};

constexpr std::array kModeNames = {
    NamedChoice{"balanced", 0},
    NamedChoice{"my prompt is more important", 1},
    NamedChoice{"controlnet is more important", 2},
    NamedChoice{"prompt", 1},
    NamedChoice{"control", 2},
    NamedChoice{"controlnet", 2},
};

ControlMode unit_mode(const json& value, const std::string& where) {
  const std::optional<int> mode = choice_of(value, kModeNames);
  if (mode && *mode >= 0 && *mode <= 2) return static_cast<ControlMode>(*mode);
  throw webui_invalid(where, fmt::format("is {}, wanted Balanced, My prompt is more important, "
                                         "ControlNet is more important, or 0, 1, 2",
                                         printable(json_text(value), 60)));
}

// "" and null mean none.
std::string picture_text(const json& value, const std::string& where) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  throw webui_invalid(where, "wanted a picture in base64, or null");
}

std::vector<double> unit_block_weights(const json& list, const std::string& where) {
  std::vector<double> weights;
  if (!list.is_array()) return weights;
  for (const json& weight : list) {
    if (!weight.is_number() || weight.get<double>() < 0 || weight.get<double>() > 2)
      throw webui_invalid(fmt::format("{}[{}]", where, weights.size()),
                          "wanted a number from 0 to 2");
    weights.push_back(weight.get<double>());
  }
  return weights;
}

}  // namespace

ControlResize webui_unit_resize(const json& value, const std::string& where) {
  const std::optional<int> mode = choice_of(value, kResizeNames);
  if (mode == 0 || mode == 3) return ControlResize::just;
  if (mode == 1) return ControlResize::crop;
  if (mode == 2) return ControlResize::fill;
  throw webui_invalid(where, fmt::format("is {}, wanted Just Resize, Crop and Resize, Resize and "
                                         "Fill, or 0, 1, 2",
                                         printable(json_text(value), 60)));
}

WebuiUnitFields read_webui_unit_fields(const json& unit, const std::string& where) {
  if (!unit.is_object()) throw webui_invalid(where, "wanted an object, as {\"module\":\"canny\"}");
  const json fields = webui_fields(kUnitFields, with_own_names(unit), where);
  WebuiUnitFields read{.enabled = webui_flag(fields, "enabled"),
                       .module = webui_text(fields, "module"),
                       .model = webui_text(fields, "model"),
                       .image = fields["image"],
                       .mask = picture_text(fields["mask"], where + ".mask"),
                       .region = webui_text(fields, "effective_region_mask"),
                       .weight = webui_number(fields, "weight"),
                       .start = webui_number(fields, "guidance_start"),
                       .end = webui_number(fields, "guidance_end"),
                       .resize = webui_unit_resize(fields["resize_mode"], where + ".resize_mode"),
                       .mode = unit_mode(fields["control_mode"], where + ".control_mode"),
                       .processor_res = static_cast<int64_t>(webui_number(fields, "processor_res")),
                       .threshold_a = webui_number(fields, "threshold_a"),
                       .threshold_b = webui_number(fields, "threshold_b"),
                       .pixel_perfect = webui_flag(fields, "pixel_perfect"),
                       .save_detected_map = webui_flag(fields, "save_detected_map"),
                       .block_weights = unit_block_weights(fields["advanced_weighting"],
                                                           where + ".advanced_weighting"),
                       .hr_option = webui_text(fields, "hr_option")};
  if (read.start > read.end)
    throw webui_invalid(where + ".guidance_start",
                        fmt::format("is {}, after guidance_end at {}", read.start, read.end));
  return read;
}

}  // namespace zc
