// SPDX-License-Identifier: Apache-2.0
#include "server/picture_metadata.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <new>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "image/base64.h"
#include "image/png_text.h"
#include "pipelines/choices.h"
#include "pipelines/request.h"
#include "server/json_body.h"
#include "server/metadata_readers.h"

namespace zc {
namespace {

using nlohmann::json;

constexpr size_t kMostShownText = 64 << 10;
constexpr size_t kMostNotes = 20;
constexpr size_t kMostControls = 32;

// Kinds of control by a part of a file's or a module's name; the first that fits.
constexpr std::array<std::pair<std::string_view, std::string_view>, 26> kKindOfName = {
    {{"lineart_anime", "lineart_anime"},
     {"lineart", "lineart"},
     {"canny", "canny"},
     {"mlsd", "mlsd"},
     {"normalbae", "normalbae"},
     {"normal_bae", "normalbae"},
     {"normal", "normal"},
     {"depth", "depth"},
     {"softedge", "softedge"},
     {"pidinet", "softedge"},
     {"teed", "softedge"},
     {"hed", "hed"},
     {"scribble", "scribble"},
     {"sketch", "scribble"},
     {"openpose", "openpose"},
     {"dw_pose", "openpose"},
     {"dwpose", "openpose"},
     {"pose", "openpose"},
     {"shuffle", "shuffle"},
     {"tile", "tile"},
     {"inpaint", "inpaint"},
     {"ip2p", "ip2p"},
     {"instruct", "ip2p"},
     {"segmentation", "seg"},
     {"seg", "seg"},
     {"invert", "lineart"}}};

void add_note(PictureMetadata& found, std::string note) {
  if (found.notes.size() < kMostNotes) found.notes.push_back(std::move(note));
}

// Outside of strings, NaN and Infinity become null.
std::string without_nan(std::string_view text) {
  std::string result;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    if (in_string && text[i] == '\\') {
      result += rest.substr(0, 2);
      ++i;
      continue;
    }
    if (text[i] == '"') in_string = !in_string;
    const size_t word = in_string                       ? 0
                        : rest.starts_with("-Infinity") ? 9
                        : rest.starts_with("Infinity")  ? 8
                        : rest.starts_with("NaN")       ? 3
                                                        : 0;
    if (word == 0) {
      result += text[i];
    } else {
      result += "null";
      i += word - 1;
    }
  }
  return result;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return result;
}

std::string kind_of_name(const std::string& name) {
  const std::string wanted = lower(name);
  for (const auto& [part, kind] : kKindOfName) {
    if (wanted.find(part) != std::string::npos) return std::string(kind);
  }
  return "";
}

const std::string* find_text(const std::vector<PictureText>& texts, std::string_view key) {
  for (const PictureText& text : texts) {
    if (text.key == key) return &text.value;
  }
  return nullptr;
}

std::string text_or_empty(const std::vector<PictureText>& texts, std::string_view key) {
  const std::string* text = find_text(texts, key);
  return text == nullptr ? "" : *text;
}

// ComfyUI puts its graphs into EXIF as "prompt:{...}" and "workflow:{...}", in whatever tags.
std::string graph_in_exif(const std::vector<PictureText>& texts, std::string_view name) {
  for (const PictureText& text : texts) {
    if (lower(text.value.substr(0, name.size())) != name) continue;
    const std::string_view rest = std::string_view(text.value).substr(name.size());
    if (rest.starts_with(':')) return std::string(trim(rest.substr(1)));
  }
  return "";
}

bool read_comfy_texts(const std::vector<PictureText>& texts, PictureMetadata& found) {
  std::string prompt = text_or_empty(texts, "prompt");
  std::string workflow = text_or_empty(texts, "workflow");
  if (prompt.empty()) prompt = graph_in_exif(texts, "prompt");
  if (workflow.empty()) workflow = graph_in_exif(texts, "workflow");
  return read_comfy_metadata(prompt, workflow, found);
}

bool written_by_fooocus(const std::vector<PictureText>& texts) {
  return find_text(texts, "fooocus_scheme") != nullptr ||
         text_or_empty(texts, "Software").starts_with("Fooocus");
}

bool read_parameters(const std::vector<PictureText>& texts, PictureMetadata& found) {
  for (const std::string_view key : {kParametersKey, std::string_view("UserComment")}) {
    const std::string* text = find_text(texts, key);
    if (text == nullptr || trim(*text).empty()) continue;
    found.text = *text;
    if (trim(*text).starts_with('{') && read_fooocus_metadata(*text, found)) return true;
    // Cameras write all kinds of comments.
    const bool sure = key == kParametersKey || text->find("Steps: ") != std::string::npos;
    if (!sure || !read_a1111_metadata(*text, found)) continue;
    if (written_by_fooocus(texts)) found.source = "fooocus";
    return true;
  }
  found.text.clear();
  return false;
}

bool read_invoke_texts(const std::vector<PictureText>& texts, PictureMetadata& found) {
  for (const std::string_view key : {"invokeai_metadata", "sd-metadata"}) {
    const std::string* text = find_text(texts, key);
    if (text == nullptr || !read_invoke_metadata(*text, found)) continue;
    found.text = *text;
    return true;
  }
  return false;
}

void cut_text(std::string& text) {
  if (text.size() <= kMostShownText) return;
  size_t size = kMostShownText;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  text.resize(size);
}

}  // namespace

std::optional<json> metadata_object(std::string_view text) {
  constexpr JsonLimits kLimits{.depth = 64, .values = 500000};
  text = trim(text);
  if (!text.starts_with('{')) return std::nullopt;
  for (const bool repaired : {false, true}) {
    try {
      json value = parse_strict_json(repaired ? without_nan(text) : std::string(text), kLimits);
      if (value.is_object()) return value;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception&) {
      // Tried once more, or not told.
    }
  }
  return std::nullopt;
}

void set_metadata_field(PictureMetadata& found, const char* name, const json& value) {
  try {
    GenerateRequest scratch;
    options_from_json(scratch, {{name, value}});
    found.request[name] = value;
  } catch (const Error& error) {
    add_note(found, fmt::format("{} was not taken over: {}", name, error.text()));
  }
}

void set_metadata_number(PictureMetadata& found, const char* name, std::string_view text) {
  text = trim(text);
  if (text.empty()) return;
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    add_note(found,
             fmt::format("{} was not taken over: `{}` is no number", name, printable(text, 60)));
    return;
  }
  const bool whole = std::trunc(value) == value && std::abs(value) < 9.1e15;
  set_metadata_field(found, name, whole ? json(static_cast<int64_t>(value)) : json(value));
}

void set_metadata_sampler(PictureMetadata& found, const std::string& sampler,
                          const std::string& curve) {
  if (sampler.empty()) return;
  const std::string plain = lower(curve);
  const bool shaped = plain == "karras" || plain == "exponential" || plain == "beta";
  std::optional<std::string> name;
  if (shaped) name = known_sampler(sampler + "_" + plain);
  if (!name) name = known_sampler(sampler);
  if (name) return set_metadata_field(found, "sampler", *name);
  add_note(found, fmt::format("the sampler {} is none of ours", printable(sampler, 60)));
}

void set_metadata_size(PictureMetadata& found, std::string_view text) {
  std::array<int64_t, 2> sides{};
  size_t count = 0;
  for (size_t at = 0; at < text.size() && count < sides.size();) {
    const auto [end, failure] =
        std::from_chars(text.data() + at, text.data() + text.size(), sides[count]);
    if (failure != std::errc{}) {
      ++at;
      continue;
    }
    ++count;
    at = static_cast<size_t>(end - text.data());
  }
  if (count != sides.size()) return;
  set_metadata_field(found, "width", sides[0]);
  set_metadata_field(found, "height", sides[1]);
}

void add_metadata_control(PictureMetadata& found, const std::string& hint, json unit) {
  const std::string kind = kind_of_name(hint);
  if (kind.empty()) {
    return add_note(found, fmt::format("a ControlNet was not taken over: `{}` tells no kind",
                                       printable(hint, 80)));
  }
  unit["kind"] = kind;
  unit["image"] = "";
  if (!found.request.contains("controls")) found.request["controls"] = json::array();
  json& controls = found.request["controls"];
  if (controls.size() >= kMostControls) return;
  try {
    GenerateRequest scratch;
    options_from_json(scratch, {{"controls", json::array({unit})}});
    controls.push_back(std::move(unit));
  } catch (const Error& error) {
    add_note(found, fmt::format("the {} control was not taken over: {}", kind, error.what()));
  }
}

void take_foreign_defaults(PictureMetadata& found) {
  set_metadata_field(found, "a_prompt", "");
  set_metadata_field(found, "n_prompt", "");
  set_metadata_field(found, "noise", "cpu");
}

bool read_zeroconv_metadata(const std::string& text, PictureMetadata& found) {
  const auto record = metadata_object(text);
  if (!record || !record->contains("request")) return false;
  try {
    static_cast<void>(request_from_json(record->at("request")));
  } catch (const Error& error) {
    add_note(found,
             fmt::format("the record of a newer zeroconv was not taken over: {}", error.what()));
    return false;
  }
  found.source = "zeroconv";
  found.request = record->at("request");
  const auto maps = record->find("maps");
  if (maps == record->end() || !maps->is_array()) return true;
  for (const json& map : *maps) {
    try {
      found.maps.push_back(map.is_string() ? base64_decode(map.get<std::string>(), "map") : "");
    } catch (const Error&) {
      found.maps.emplace_back();
    }
  }
  return true;
}

PictureMetadata read_picture_metadata(const std::vector<PictureText>& texts) {
  PictureMetadata found;
  const std::string own = text_or_empty(texts, kZeroconvKey);
  const bool ours = !own.empty() && read_zeroconv_metadata(own, found);
  if (ours) found.text = text_or_empty(texts, kParametersKey);
  const bool told = ours || read_invoke_texts(texts, found) || read_parameters(texts, found) ||
                    read_comfy_texts(texts, found);
  if (!told) found.request = json::object();
  cut_text(found.text);
  return found;
}

PictureMetadata read_picture_metadata(std::span<const uint8_t> file) {
  return read_picture_metadata(read_picture_texts(file));
}

}  // namespace zc
