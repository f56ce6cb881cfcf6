// SPDX-License-Identifier: Apache-2.0
// Bodies of the web UI's API: any field may be missing or null, unknown ones are passed over.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace zc {

enum class WebuiType { text, integer, number, flag, list, object, any };

struct WebuiField {
  std::string_view name;
  WebuiType type = WebuiType::text;
  std::string_view fallback = "null";  // JSON, for a field that is missing or null
  double low = 0;                      // of numbers, both included, where low < high
  double high = 0;
};

// The fields of the table, each with the body's value or its default. Whole numbers in text or as
// 20.0, and 0 and 1 for flags, are taken as the web UI takes them. Throws webui_invalid() naming
// `where`.FIELD for a value of another type or out of range; `where` may be "".
nlohmann::json webui_fields(std::span<const WebuiField> fields, const nlohmann::json& body,
                            const std::string& where = {});

// Values of what webui_fields() gave: null is "", 0 or false.
std::string webui_text(const nlohmann::json& fields, std::string_view name);
int64_t webui_integer(const nlohmann::json& fields, std::string_view name);
double webui_number(const nlohmann::json& fields, std::string_view name);
bool webui_flag(const nlohmann::json& fields, std::string_view name);
bool webui_is_null(const nlohmann::json& fields, std::string_view name);

// The tables of POST /sdapi/v1/txt2img and img2img: every default of theirs stands there.
std::span<const WebuiField> webui_txt2img_fields();
std::span<const WebuiField> webui_img2img_fields();

// Sets those of the fields that the body leaves open (missing or null) to what an infotext says
// ("Steps: 20, Sampler: ..."), as the web UI does with the field `infotext`.
void fill_from_infotext(nlohmann::json& body, const std::string& infotext);

}  // namespace zc
