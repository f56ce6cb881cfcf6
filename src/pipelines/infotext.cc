// SPDX-License-Identifier: Apache-2.0
#include "pipelines/infotext.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "image/base64.h"
#include "image/codec.h"
#include "sampling/samplers.h"

namespace zc {
namespace {

using nlohmann::json;

constexpr int kRecordVersion = 1;

// A value with commas, colons or line breaks is written as a JSON string, as the web UI does.
std::string quoted(const std::string& value) {
  return value.find_first_of(",:\n") == std::string::npos ? value : json_text(json(value));
}

std::string mode_label(ControlMode mode) {
  switch (mode) {
    case ControlMode::balanced:
      return "Balanced";
    case ControlMode::prompt:
      return "My prompt is more important";
    case ControlMode::control:
      return "ControlNet is more important";
  }
  return "";
}

std::string resize_label(ControlResize resize) {
  if (resize == ControlResize::just) return "Just Resize";
  return resize == ControlResize::fill ? "Resize and Fill" : "Crop and Resize";
}

std::string upscaler_label(HiresUpscaler upscaler) {
  switch (upscaler) {
    case HiresUpscaler::latent:
      return "Latent";
    case HiresUpscaler::lanczos:
      return "Lanczos";
    case HiresUpscaler::nearest:
      return "Nearest";
  }
  return "";
}

const ModelStamp* find_stamp(const PictureRecord& record, std::string_view kind) {
  const auto found = std::find_if(record.models.begin(), record.models.end(),
                                  [&](const ModelStamp& m) { return m.kind == kind; });
  return found == record.models.end() ? nullptr : &*found;
}

std::string unit_text(const PictureRecord& record, const ControlUnit& unit) {
  const ModelStamp* model = find_stamp(record, unit.kind);
  std::string text = fmt::format(
      "Module: {}, Model: {}, Weight: {}", unit.map ? "none" : unit.kind,
      model == nullptr ? unit.kind
                       : fmt::format("{} [{}]", model->name, model->fingerprint.substr(0, 8)),
      unit.weight);
  text += fmt::format(", Resize Mode: {}, Processor Res: {}", resize_label(unit.resize),
                      std::min(record.request.width, record.request.height));
  for (const std::string& parameter : unit.parameters) {
    const auto equals = parameter.find('=');
    const std::string name = parameter.substr(0, equals);
    const std::string label = name == "low" ? "Threshold A" : name == "high" ? "Threshold B" : name;
    text +=
        fmt::format(", {}: {}", label, parameter.substr(std::min(parameter.size(), equals + 1)));
  }
  return text +
         fmt::format(
             ", Guidance Start: {}, Guidance End: {}, Pixel Perfect: False, Control Mode: {}",
             unit.start, unit.end, mode_label(unit.mode));
}

json stamp_json(const ModelStamp& stamp) {
  return {{"kind", stamp.kind}, {"name", stamp.name}, {"fingerprint", stamp.fingerprint}};
}

std::string map_text(const Image& map) {
  return base64_encode(encode_png(map, {.level = 9, .texts = {}}));
}

json maps_json(const std::vector<Image>& maps) {
  json texts = json::array();
  for (const Image& map : maps) texts.push_back(map_text(map));
  return texts;
}

// A place for each unit; null where it has no mask.
json masks_json(const PictureRecord& record) {
  json masks = json::array();
  for (size_t i = 0; i < record.request.controls.size(); ++i) {
    const auto mask = record.masks.find(i);
    masks.push_back(mask == record.masks.end() ? json(nullptr) : json(map_text(mask->second)));
  }
  return masks;
}

json record_json(const PictureRecord& record) {
  json models = json::array(), receipts = json::array();
  for (const ModelStamp& stamp : record.models) models.push_back(stamp_json(stamp));
  for (const UnitReceipt& receipt : record.receipts) receipts.push_back(to_json(receipt));
  json object = {{"record", kRecordVersion},
                 {"program", program_version()},
                 {"request", options_to_json(record.request)},
                 {"index", record.index},
                 {"models", models},
                 {"maps", maps_json(record.maps)},
                 {"receipt", receipts}};
  if (!record.precision.empty()) object["precision"] = record.precision;
  if (!record.masks.empty()) object["masks"] = masks_json(record);
  if (!record.hires_maps.empty()) object["hires_maps"] = maps_json(record.hires_maps);
  return object;
}

// "Key: value, Key: "quoted, value"" -> fields.
std::map<std::string, std::string, std::less<>> parse_fields(std::string_view line) {
  std::map<std::string, std::string, std::less<>> fields;
  while (!line.empty()) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) break;
    const std::string key(trim(line.substr(0, colon)));
    line = line.substr(colon + 1);
    while (line.starts_with(' ')) line.remove_prefix(1);
    size_t end = 0;
    if (line.starts_with('"')) {
      for (end = 1; end < line.size() && line[end] != '"'; ++end) end += line[end] == '\\' ? 1 : 0;
      end = std::min(line.size(), end + 1);
      const json value = parse_json(line.substr(0, end));
      fields[key] = value.is_string() ? value.get<std::string>() : std::string(line.substr(0, end));
      end = std::min(line.find(',', end), line.size());
    } else {
      end = std::min(line.find(','), line.size());
      fields[key] = trim(line.substr(0, end));
    }
    line.remove_prefix(std::min(line.size(), end + 1));
  }
  return fields;
}

Image recorded_image(const json& text, const std::string& key) {
  return decode_image(base64_decode(text.get<std::string>(), key), key);
}

void check_recorded_count(size_t count, size_t wanted, const std::string& key) {
  if (count == wanted) return;
  throw Error(ErrorKind::bad_file, key, "their number is not that of the control units");
}

// What only some records have.
void read_recorded_extras(const json& record, Replay& replay) {
  const size_t units = replay.request.controls.size();
  const json none = json::array();
  const json& masks = record.contains("masks") ? record.at("masks") : none;
  if (!masks.empty()) check_recorded_count(masks.size(), units, "masks");
  for (size_t i = 0; i < masks.size(); ++i) {
    if (!masks.at(i).is_null()) replay.masks[i] = recorded_image(masks.at(i), "masks");
  }
  for (size_t i = 0; i < units; ++i) {
    if (!replay.request.controls[i].mask.empty() && !replay.masks.contains(i))
      throw Error(ErrorKind::bad_file, "masks", "that of a control unit is missing");
  }
  if (!replay.request.hires.on()) return;
  for (const json& map : record.contains("hires_maps") ? record.at("hires_maps") : none)
    replay.hires_maps.push_back(recorded_image(map, "hires_maps"));
  check_recorded_count(replay.hires_maps.size(), units, "hires_maps");
}

Replay replay_from_json(const json& record) {
  if (record.at("record").get<int>() != kRecordVersion) {
    throw Error(ErrorKind::unsupported, "record", "was written by a newer version of this program");
  }
  Replay replay;
  replay.request = request_from_json(record.at("request"));
  replay.index = record.at("index").get<int64_t>();
  if (replay.index < 0 || replay.index >= replay.request.batch) {
    throw Error(ErrorKind::bad_file, "index",
                fmt::format("is {} in a batch of {}", replay.index, replay.request.batch));
  }
  for (const json& stamp : record.at("models")) {
    replay.models.push_back({stamp.at("kind").get<std::string>(),
                             stamp.at("name").get<std::string>(),
                             stamp.at("fingerprint").get<std::string>()});
  }
  for (const json& map : record.at("maps")) replay.maps.push_back(recorded_image(map, "maps"));
  check_recorded_count(replay.maps.size(), replay.request.controls.size(), "maps");
  read_recorded_extras(record, replay);
  return replay;
}

// Names and order as in the web UI, where the strength is that of the second pass if there is one.
std::string extras_text(const PictureRecord& record) {
  const GenerateRequest& r = record.request;
  std::string text;
  if (r.variation_strength > 0) {
    text += fmt::format(", Variation seed: {}, Variation seed strength: {}",
                        r.variation_seed.value_or(0) + record.index, r.variation_strength);
  }
  if (r.clip_skip != 1) text += fmt::format(", Clip skip: {}", r.clip_skip);
  if (r.skip.any()) {
    text += fmt::format(", Skipped: {}", quoted(json_text(options_to_json(r.skip))));
  }
  if (r.hires.on()) {
    text += fmt::format(
        ", Denoising strength: {}, Hires upscale: {}, Hires steps: {}, Hires upscaler: {}",
        r.hires.denoise, r.hires.scale, r.hires.steps, upscaler_label(r.hires.upscaler));
  } else if (!r.init.empty()) {
    text += fmt::format(", Denoising strength: {}", r.denoise);
  }
  return text;
}

}  // namespace

std::string program_version() {
  return "zeroconv " ZC_VERSION;
}

std::string infotext(const PictureRecord& record) {
  const GenerateRequest& r = record.request;
  std::string text = full_prompt(r) + "\n";
  if (const std::string negative = full_negative(r); !negative.empty())
    text += "Negative prompt: " + negative + "\n";
  text += fmt::format("Steps: {}, Sampler: {}, CFG scale: {}, Seed: {}, Size: {}x{}", r.steps,
                      quoted(sampler_label(r.sampler)), r.cfg.value(),
                      seed_of_picture(r, record.index), r.width, r.height);
  if (const ModelStamp* base = find_stamp(record, "base")) {
    text += fmt::format(", Model hash: {}, Model: {}", base->fingerprint.substr(0, 10),
                        quoted(base->name));
  }
  if (r.eta != 0) text += fmt::format(", Eta: {}", r.eta);
  text += extras_text(record);
  if (!r.mask.empty()) text += fmt::format(", Mask blur: {}", r.mask_blur);
  if (r.guess) text += ", Guess mode: True";
  for (size_t i = 0; i < r.controls.size(); ++i) {
    text +=
        fmt::format(", ControlNet {}: {}", i, json_text(json(unit_text(record, r.controls[i]))));
  }
  return text + ", Version: " + program_version();
}

Infotext parse_infotext(std::string_view text) {
  Infotext info;
  const std::vector<std::string> lines = split(trim(text), '\n');
  size_t count = lines.size();
  if (count > 0) {
    // The last line holds the fields if it has several, as in the web UI.
    auto fields = parse_fields(lines.back());
    if (fields.contains("Steps") || fields.size() >= 3) {
      info.fields = std::move(fields);
      --count;
    }
  }
  constexpr std::string_view kNegative = "Negative prompt:";
  bool in_negative = false;
  for (size_t i = 0; i < count; ++i) {
    std::string_view line = trim(lines[i]);
    if (line.starts_with(kNegative)) {
      in_negative = true;
      line = trim(line.substr(kNegative.size()));
    }
    std::string& target = in_negative ? info.negative : info.prompt;
    target += (target.empty() ? "" : "\n") + std::string(line);
  }
  return info;
}

PngTexts png_texts(const PictureRecord& record) {
  return {{std::string(kParametersKey), infotext(record)},
          {std::string(kZeroconvKey), json_text(record_json(record))}};
}

Replay read_replay(std::string_view png, const std::string& name) {
  const auto bytes = std::span(reinterpret_cast<const uint8_t*>(png.data()), png.size());
  const auto text = find_png_text(read_png_texts(bytes, name), kZeroconvKey);
  if (!text)
    throw Error(ErrorKind::bad_file, name,
                "carries no record of this program, so it cannot be made again from it");
  const json record = parse_json(*text);
  try {
    if (!record.is_object()) throw Error(ErrorKind::bad_file, "zeroconv", "is not JSON");
    return replay_from_json(record);
  } catch (const json::exception&) {
    throw Error(ErrorKind::bad_file, name, "its record is incomplete");
  } catch (const Error& error) {
    throw Error(error.kind() == ErrorKind::unsupported ? error.kind() : ErrorKind::bad_file, name,
                fmt::format("its record cannot be used: {} {}", error.where(), error.text()));
  }
}

}  // namespace zc
