// SPDX-License-Identifier: Apache-2.0
// The web UI's `parameters`: prompt, "Negative prompt: ...", then one line of fields
// (modules/infotext_utils.py).
#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "server/metadata_readers.h"

namespace zc {
namespace {

using nlohmann::json;

// A letter of any script: what Python's \w takes of UTF-8, as far as keys go.
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_key_letter(char c) {
  return is_word(c) || c == ' ' || c == '-' || c == '/';
}

// At `at`: a word letter, key letters, a colon. Returns the place of the colon.
size_t colon_of_key(std::string_view line, size_t at) {
  size_t end = at;
  while (end < line.size() && is_key_letter(line[end])) ++end;
  const bool fits = end < line.size() && line[end] == ':' && end - at >= 2;
  return fits ? end : std::string_view::npos;
}

// Behind the closing quote of `"..."` at `at`; npos where it does not close.
size_t end_of_quoted(std::string_view line, size_t at) {
  for (size_t i = at + 1; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == '"') {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

std::string unquoted(std::string_view value) {
  const json parsed = value.starts_with('"') ? parse_json(value) : json();
  return parsed.is_string() ? parsed.get<std::string>() : std::string(trim(value));
}

std::string field_of(const InfotextLine& line, std::string_view key) {
  for (const auto& [name, value] : line.fields) {
    if (name == key) return value;
  }
  return "";
}

// "Threshold A" of canny, and so on: the module's own names for our parameters.
void put_parameters(const InfotextLine& unit, const std::string& module, json& control) {
  json parameters = json::array();
  const auto put = [&](const char* name, const char* field) {
    const std::string value = field_of(unit, field);
    if (!value.empty() && value != "-1") parameters.push_back(std::string(name) + "=" + value);
  };
  if (module == "canny") {
    put("low", "Threshold A");
    put("high", "Threshold B");
  } else if (module == "mlsd") {
    put("value", "Threshold A");
    put("distance", "Threshold B");
  }
  if (!parameters.empty()) control["parameters"] = parameters;
}

std::string mode_of_label(const std::string& label) {
  if (label.find("prompt") != std::string::npos) return "prompt";
  return label.find("ControlNet") != std::string::npos ? "control" : "balanced";
}

// "" for a label that we do not know.
std::string resize_of_label(const std::string& label) {
  if (label.starts_with("Just")) return "just";
  if (label.starts_with("Crop")) return "crop";
  return label.starts_with("Resize and Fill") ? "fill" : "";
}

void read_control(const std::string& text, PictureMetadata& found) {
  const InfotextLine unit = scan_infotext_line(text);
  const std::string module = field_of(unit, "Module");
  json control = json::object();
  const auto number = [&](const char* name, const char* field) {
    const json value = parse_json(field_of(unit, field));
    if (value.is_number()) control[name] = value;
  };
  number("weight", "Weight");
  number("start", "Guidance Start");
  number("end", "Guidance End");
  if (const std::string mode = field_of(unit, "Control Mode"); !mode.empty())
    control["mode"] = mode_of_label(mode);
  if (const std::string resize = resize_of_label(field_of(unit, "Resize Mode")); !resize.empty())
    control["resize"] = resize;
  if (module == "none" || module == "None") control["map"] = true;
  put_parameters(unit, module, control);
  const bool told = !module.empty() && module != "none" && module != "None";
  add_metadata_control(found, told ? module : field_of(unit, "Model"), control);
}

// The second pass; its strength of denoising stands where that of a start picture would.
void read_hires(const InfotextLine& line, PictureMetadata& found) {
  json hires = json::object();
  const auto take = [&](const char* name, const char* field) {
    const json value = parse_json(field_of(line, field));
    if (value.is_number()) hires[name] = value;
  };
  take("scale", "Hires upscale");
  if (hires.empty())
    return set_metadata_number(found, "denoise", field_of(line, "Denoising strength"));
  take("steps", "Hires steps");
  take("denoise", "Denoising strength");
  const std::string upscaler = field_of(line, "Hires upscaler");
  if (upscaler.starts_with("Latent")) hires["upscaler"] = "latent";
  if (upscaler == "Lanczos") hires["upscaler"] = "lanczos";
  if (upscaler == "Nearest") hires["upscaler"] = "nearest";
  set_metadata_field(found, "hires", hires);
}

void read_fields(const InfotextLine& line, PictureMetadata& found) {
  const auto number = [&](const char* name, const char* field) {
    set_metadata_number(found, name, field_of(line, field));
  };
  number("steps", "Steps");
  number("cfg", "CFG scale");
  number("seed", "Seed");
  number("clip_skip", "Clip skip");
  number("variation_seed", "Variation seed");
  number("variation_strength", "Variation seed strength");
  read_hires(line, found);
  number("mask_blur", "Mask blur");
  number("eta", "Eta");
  set_metadata_sampler(found, field_of(line, "Sampler"), field_of(line, "Schedule type"));
  set_metadata_size(found, field_of(line, "Size"));
  found.model = field_of(line, "Model");
  for (const auto& [name, value] : line.fields) {
    if (name.starts_with("ControlNet")) read_control(value, found);
  }
  // Missing means the GPU's generator there.
  const std::string generator = field_of(line, "RNG");
  set_metadata_field(found, "profile", "a1111");
  set_metadata_field(found, "noise", generator == "CPU" ? "cpu" : "cuda");
}

}  // namespace

InfotextLine scan_infotext_line(std::string_view line) {
  InfotextLine result;
  size_t at = 0;
  while (at < line.size()) {
    if (line[at] == ',' || line[at] == ' ') {
      ++at;
      continue;
    }
    const size_t colon = is_word(line[at]) ? colon_of_key(line, at) : std::string_view::npos;
    if (colon == std::string_view::npos) {
      // A bare word, as "Tiling", or something else: up to the next comma.
      const size_t end = std::min(line.find(',', at), line.size());
      const std::string word(trim(line.substr(at, end - at)));
      if (!word.empty() && is_word(word[0])) result.fields.emplace_back(word, word);
      at = end;
      continue;
    }
    const std::string key(trim(line.substr(at, colon - at)));
    size_t begin = colon + 1;
    while (begin < line.size() && line[begin] == ' ') ++begin;
    size_t end = std::min(line.find(',', begin), line.size());
    if (begin < line.size() && line[begin] == '"') {
      const size_t quoted = end_of_quoted(line, begin);
      const bool alone = quoted == line.size() || (quoted < line.size() && line[quoted] == ',');
      if (alone) end = quoted;
    }
    result.fields.emplace_back(key, unquoted(line.substr(begin, end - begin)));
    ++result.matches;
    at = end;
  }
  return result;
}

bool read_a1111_metadata(const std::string& text, PictureMetadata& found) {
  constexpr int kFewestFields = 3;
  constexpr std::string_view kNegative = "Negative prompt:";
  std::vector<std::string> lines = split(trim(text), '\n');
  if (lines.empty() || trim(text).empty()) return false;
  const InfotextLine last = scan_infotext_line(trim(lines.back()));
  const bool has_fields = last.matches >= kFewestFields;
  if (has_fields) lines.pop_back();
  std::string prompt, negative;
  bool in_negative = false;
  for (const std::string& each : lines) {
    std::string_view line = trim(each);
    if (line.starts_with(kNegative)) {
      in_negative = true;
      line = trim(line.substr(kNegative.size()));
    }
    std::string& target = in_negative ? negative : prompt;
    target += (target.empty() ? "" : "\n") + std::string(line);
  }
  found.source = "a1111";
  set_metadata_field(found, "prompt", prompt);
  set_metadata_field(found, "negative", negative);
  if (has_fields) read_fields(last, found);
  return true;
}

}  // namespace zc
