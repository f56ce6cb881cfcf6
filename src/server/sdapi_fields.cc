// SPDX-License-Identifier: Apache-2.0
#include "server/sdapi_fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "server/metadata_readers.h"
#include "server/sdapi_problem.h"

namespace zc {
namespace {

using nlohmann::json;
using Type = WebuiType;

constexpr double kLargestSeed = 9007199254740991;

// What both have; sizes, steps and the like are checked where the native request is.
constexpr std::array kCommonFields = {
    WebuiField{"prompt", Type::text, R"("")"},
    WebuiField{"negative_prompt", Type::text, R"("")"},
    WebuiField{"styles", Type::list, "[]"},
    WebuiField{"seed", Type::integer, "-1", -1, kLargestSeed},
    WebuiField{"subseed", Type::integer, "-1", -1, kLargestSeed},
    WebuiField{"subseed_strength", Type::number, "0", 0, 1},
    WebuiField{"seed_resize_from_h", Type::integer, "-1"},
    WebuiField{"seed_resize_from_w", Type::integer, "-1"},
    WebuiField{"sampler_name", Type::text, "null"},
    WebuiField{"sampler_index", Type::text, R"("Euler")"},
    WebuiField{"scheduler", Type::text, "null"},
    WebuiField{"batch_size", Type::integer, "1", 1, 1e6},
    WebuiField{"n_iter", Type::integer, "1", 1, 1e6},
    WebuiField{"steps", Type::integer, "50", 1, 1e6},
    WebuiField{"cfg_scale", Type::number, "7.0", 0, 1e6},
    WebuiField{"width", Type::integer, "512", 1, 1e6},
    WebuiField{"height", Type::integer, "512", 1, 1e6},
    WebuiField{"restore_faces", Type::flag, "null"},
    WebuiField{"tiling", Type::flag, "null"},
    WebuiField{"do_not_save_samples", Type::flag, "false"},
    WebuiField{"do_not_save_grid", Type::flag, "false"},
    WebuiField{"eta", Type::number, "null", 0, 1},
    WebuiField{"denoising_strength", Type::number, "0.75", 0, 1},
    WebuiField{"s_min_uncond", Type::number, "null"},
    WebuiField{"s_churn", Type::number, "null"},
    WebuiField{"s_tmax", Type::number, "null"},
    WebuiField{"s_tmin", Type::number, "null"},
    WebuiField{"s_noise", Type::number, "null"},
    WebuiField{"override_settings", Type::object, "{}"},
    WebuiField{"override_settings_restore_afterwards", Type::flag, "true"},
    WebuiField{"refiner_checkpoint", Type::text, "null"},
    WebuiField{"refiner_switch_at", Type::number, "null"},
    WebuiField{"disable_extra_networks", Type::flag, "false"},
    WebuiField{"comments", Type::object, "{}"},
    WebuiField{"force_task_id", Type::text, "null"},
    WebuiField{"infotext", Type::text, "null"},
    WebuiField{"script_name", Type::text, "null"},
    WebuiField{"script_args", Type::list, "[]"},
    WebuiField{"send_images", Type::flag, "true"},
    WebuiField{"save_images", Type::flag, "false"},
    WebuiField{"alwayson_scripts", Type::object, "{}"},
};

constexpr std::array kTextFields = {
    WebuiField{"enable_hr", Type::flag, "false"},
    WebuiField{"firstphase_width", Type::integer, "0", 0, 1e6},
    WebuiField{"firstphase_height", Type::integer, "0", 0, 1e6},
    WebuiField{"hr_scale", Type::number, "2.0", 0, 1e6},
    WebuiField{"hr_upscaler", Type::text, "null"},
    WebuiField{"hr_second_pass_steps", Type::integer, "0", 0, 1e6},
    WebuiField{"hr_resize_x", Type::integer, "0", 0, 1e6},
    WebuiField{"hr_resize_y", Type::integer, "0", 0, 1e6},
    WebuiField{"hr_checkpoint_name", Type::text, "null"},
    WebuiField{"hr_sampler_name", Type::text, "null"},
    WebuiField{"hr_scheduler", Type::text, "null"},
    WebuiField{"hr_prompt", Type::text, R"("")"},
    WebuiField{"hr_negative_prompt", Type::text, R"("")"},
    WebuiField{"firstpass_image", Type::text, "null"},
};

constexpr std::array kPictureFields = {
    WebuiField{"init_images", Type::list, "null"},
    WebuiField{"resize_mode", Type::integer, "0", 0, 3},
    WebuiField{"image_cfg_scale", Type::number, "null"},
    WebuiField{"mask", Type::text, "null"},
    WebuiField{"mask_blur", Type::number, "null", 0, 1e6},
    WebuiField{"mask_blur_x", Type::number, "4", 0, 1e6},
    WebuiField{"mask_blur_y", Type::number, "4", 0, 1e6},
    WebuiField{"mask_round", Type::flag, "true"},
    WebuiField{"inpainting_fill", Type::integer, "0", 0, 3},
    WebuiField{"inpaint_full_res", Type::flag, "true"},
    WebuiField{"inpaint_full_res_padding", Type::integer, "0", 0, 1e6},
    WebuiField{"inpainting_mask_invert", Type::integer, "0", 0, 1},
    WebuiField{"initial_noise_multiplier", Type::number, "null"},
    WebuiField{"include_init_images", Type::flag, "false"},
};

template <class More>
std::vector<WebuiField> joined_fields(const More& more) {
  std::vector<WebuiField> all(kCommonFields.begin(), kCommonFields.end());
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::optional<double> number_in_text(const json& value) {
  if (!value.is_string()) return std::nullopt;
  const std::string_view text = trim(value.get_ref<const std::string&>());
  double number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || status != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return number;
}

std::optional<double> number_of_json(const json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_boolean()) return value.get<bool>() ? 1.0 : 0.0;
  return number_in_text(value);
}

std::optional<json> whole_number(const json& value) {
  if (value.is_number_integer() && !value.is_number_unsigned()) return value;
  const std::optional<double> number = number_of_json(value);
  const bool whole = number && std::abs(*number) <= kLargestSeed && std::trunc(*number) == *number;
  return whole ? std::optional<json>(static_cast<int64_t>(*number)) : std::nullopt;
}

std::optional<json> flag_of_json(const json& value) {
  if (value.is_boolean()) return value;
  if (value.is_number() && (value == 0 || value == 1)) return json(value == 1);
  if (!value.is_string()) return std::nullopt;
  std::string text = value.get<std::string>();
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  for (const char* yes : {"true", "1", "yes", "on"}) {
    if (text == yes) return json(true);
  }
  for (const char* no : {"false", "0", "no", "off"}) {
    if (text == no) return json(false);
  }
  return std::nullopt;
}

// Nothing where the value is of another type.
std::optional<json> typed(Type type, const json& value) {
  switch (type) {
    case Type::text:
      if (value.is_string()) return value;
      return value.is_number() ? std::optional<json>(json_text(value)) : std::nullopt;
    case Type::integer:
      return whole_number(value);
    case Type::number: {
      const std::optional<double> number = number_of_json(value);
      return number && std::isfinite(*number) ? std::optional<json>(*number) : std::nullopt;
    }
    case Type::flag:
      return flag_of_json(value);
    case Type::list:
      return value.is_array() ? std::optional<json>(value) : std::nullopt;
    case Type::object:
      return value.is_object() ? std::optional<json>(value) : std::nullopt;
    case Type::any:
      return value;
  }
  return std::nullopt;
}

const char* type_for_people(Type type) {
  switch (type) {
    case Type::text:
      return "text";
    case Type::integer:
      return "a whole number";
    case Type::number:
      return "a number";
    case Type::flag:
      return "true or false";
    case Type::list:
      return "a list";
    default:
      return "an object";
  }
}

json field_value(const WebuiField& field, const json& value, const std::string& where) {
  const std::string place =
      where.empty() ? std::string(field.name) : fmt::format("{}.{}", where, field.name);
  std::optional<json> known = typed(field.type, value);
  if (!known) {
    throw webui_invalid(place, fmt::format("is {}, wanted {}", printable(json_text(value), 60),
                                           type_for_people(field.type)));
  }
  if (field.low < field.high && known->is_number()) {
    const double number = known->get<double>();
    if (number < field.low || number > field.high)
      throw webui_invalid(place,
                          fmt::format("is {}, wanted {} to {}", number, field.low, field.high));
  }
  return std::move(*known);
}

const json& member(const json& fields, std::string_view name) {
  static const json none;
  const auto found = fields.find(std::string(name));
  return found == fields.end() ? none : *found;
}

}  // namespace

json webui_fields(std::span<const WebuiField> fields, const json& body, const std::string& where) {
  json filled = json::object();
  for (const WebuiField& field : fields) {
    const json& given = member(body, field.name);
    filled[std::string(field.name)] =
        given.is_null() ? parse_json(field.fallback) : field_value(field, given, where);
  }
  return filled;
}

std::string webui_text(const json& fields, std::string_view name) {
  const json& value = member(fields, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

int64_t webui_integer(const json& fields, std::string_view name) {
  const json& value = member(fields, name);
  return value.is_number() ? value.get<int64_t>() : 0;
}

double webui_number(const json& fields, std::string_view name) {
  const json& value = member(fields, name);
  return value.is_number() ? value.get<double>() : 0;
}

bool webui_flag(const json& fields, std::string_view name) {
  const json& value = member(fields, name);
  return value.is_boolean() && value.get<bool>();
}

bool webui_is_null(const json& fields, std::string_view name) {
  return member(fields, name).is_null();
}

std::span<const WebuiField> webui_txt2img_fields() {
  static const std::vector<WebuiField> all = joined_fields(kTextFields);
  return all;
}

std::span<const WebuiField> webui_img2img_fields() {
  static const std::vector<WebuiField> all = joined_fields(kPictureFields);
  return all;
}

void fill_from_infotext(json& body, const std::string& infotext) {
  PictureMetadata read;
  if (!read_a1111_metadata(infotext, read)) return;
  constexpr std::array<std::pair<const char*, const char*>, 8> kNames = {{
      {"prompt", "prompt"},
      {"negative", "negative_prompt"},
      {"steps", "steps"},
      {"cfg", "cfg_scale"},
      {"seed", "seed"},
      {"width", "width"},
      {"height", "height"},
      {"denoise", "denoising_strength"},
  }};
  const auto fill = [&](const char* name, const json& value) {
    if (member(body, name).is_null() && !value.is_null()) body[name] = value;
  };
  for (const auto& [own, theirs] : kNames) fill(theirs, member(read.request, own));
  fill("sampler_name", member(read.request, "sampler"));
}

}  // namespace zc
