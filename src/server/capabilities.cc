// SPDX-License-Identifier: Apache-2.0
#include "server/capabilities.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "pipelines/choices.h"
#include "pipelines/infotext.h"
#include "pipelines/request.h"
#include "server/asset_upload.h"
#include "server/engine.h"
#include "server/examples.h"
#include "server/http_server.h"
#include "server/job_request.h"
#include "server/json_schema.h"

namespace zc {
namespace {

using nlohmann::json;

// What people call the kinds; one that is not here (somebody trained it) is called by its name.
constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kKindLabels = {
    {{"canny", "Edges (Canny)"},
     {"mlsd", "Straight lines (M-LSD)"},
     {"hed", "Soft edges (HED)"},
     {"softedge", "Soft edges"},
     {"scribble", "Scribble"},
     {"openpose", "Pose"},
     {"seg", "Areas (segmentation)"},
     {"depth", "Depth"},
     {"normal", "Normals"},
     {"normalbae", "Normals (Bae)"},
     {"lineart", "Line drawing"},
     {"lineart_anime", "Line drawing (anime)"},
     {"shuffle", "Content, shuffled"},
     {"tile", "Tile"},
     {"inpaint", "Inpainting"}}};

std::string kind_label(const std::string& kind) {
  for (const auto& [name, label] : kKindLabels) {
    if (name == kind) return std::string(label);
  }
  return kind;
}

struct NumberRange {
  double low = 0, high = 0;
};

// "1 to 255" of describe_options().
std::optional<NumberRange> range_of(const std::string& allowed) {
  constexpr std::string_view kTo = " to ";
  const size_t to = allowed.find(kTo);
  if (to == std::string::npos) return std::nullopt;
  const auto number = [](std::string_view text, double& value) {
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    return failure == std::errc{} && end == text.data() + text.size();
  };
  NumberRange range;
  const std::string_view text = allowed;
  if (!number(text.substr(0, to), range.low) || !number(text.substr(to + kTo.size()), range.high)) {
    return std::nullopt;
  }
  return range;
}

// Of a slider: about a hundred steps, of a round size.
double step_of(const NumberRange& range) {
  const double wanted = (range.high - range.low) / 100;
  return wanted > 0 ? std::pow(10.0, std::round(std::log10(wanted))) : 0.01;
}

json number_text(const std::string& text) {
  json value = parse_json(text);
  return value.is_number() ? value : json(nullptr);
}

void put_number_range(json& parameter, const OptionHelp& option, bool whole) {
  parameter["type"] = whole ? "int" : "float";
  parameter["default"] = number_text(option.default_text);
  const auto range = range_of(option.allowed);
  if (!range) return;
  const auto as_number = [whole](double value) {
    return whole ? json(static_cast<int64_t>(value)) : json(value);
  };
  parameter["min"] = as_number(range->low);
  parameter["max"] = as_number(range->high);
  parameter["step"] = whole ? json(1) : json(step_of(*range));
}

json annotator_json(const AnnotatorEntry& entry) {
  json parameters = json::array();
  for (const OptionHelp& option : entry.parameters) parameters.push_back(parameter_json(option));
  return {{"name", entry.name},           {"label", entry.label},
          {"available", entry.available}, {"weights_needed", entry.weights_needed},
          {"why_not", entry.why_not},     {"parameters", parameters}};
}

// Whether any usable model is for that kind.
bool has_control_model(const Catalogue& catalogue, const std::string& kind) {
  const std::vector<ModelEntry> models = catalogue.list();
  return std::any_of(models.begin(), models.end(), [&](const ModelEntry& entry) {
    return entry.kind == "controlnet" && entry.control_kind == kind && entry.problem.empty();
  });
}

json kind_json(const std::string& kind, const Catalogue& catalogue) {
  const bool available = has_control_model(catalogue, kind);
  return {{"kind", kind},
          {"label", kind_label(kind)},
          {"available", available},
          {"why_not", available ? std::string()
                                : fmt::format("there is no ControlNet for {}: put its file into "
                                              "the models' folder",
                                              kind)},
          {"annotators", json::array()}};
}

json& kind_in(json& kinds, const std::string& kind, const Catalogue& catalogue) {
  for (json& each : kinds) {
    if (each["kind"] == kind) return each;
  }
  kinds.push_back(kind_json(kind, catalogue));
  return kinds.back();
}

json samplers_json() {
  json samplers = json::array();
  for (const SamplerChoice& choice : sampler_choices())
    samplers.push_back({{"name", choice.name}, {"label", choice.label}});
  return samplers;
}

json segment_palette_json() {
  json classes = json::array();
  for (const SegmentClass& c : segment_classes())
    classes.push_back({{"index", c.index}, {"name", c.name}, {"rgb", c.rgb}});
  return classes;
}

int64_t memory_bytes() {
  return static_cast<int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGE_SIZE);
}

json models_of(const Catalogue& catalogue) {
  json models = json::array();
  for (const ModelEntry& entry : catalogue.list()) models.push_back(model_json(entry));
  return models;
}

}  // namespace

json parameter_json(const OptionHelp& option) {
  json parameter = {{"name", option.name}, {"help", option.help}};
  if (option.is_switch) {
    parameter["type"] = "bool";
    parameter["default"] = option.default_text == "true";
  } else if (option.type == "integer" || option.type == "number") {
    put_number_range(parameter, option, option.type == "integer");
  } else {
    parameter["type"] = option.allowed.empty() ? "text" : "choice";
    parameter["default"] = option.default_text;
    if (!option.allowed.empty()) {
      json choices = json::array();
      for (const std::string& choice : split(option.allowed, ','))
        choices.push_back(std::string(trim(choice)));
      parameter["choices"] = choices;
    }
  }
  return parameter;
}

json control_kinds_json(const std::vector<AnnotatorEntry>& annotators, const Catalogue& catalogue) {
  json kinds = json::array();
  for (const AnnotatorEntry& entry : annotators)
    kind_in(kinds, entry.control_kind, catalogue)["annotators"].push_back(annotator_json(entry));
  // Kinds that somebody trained have a ControlNet and no annotator: their maps are given.
  for (const ModelEntry& entry : catalogue.list()) {
    if (entry.kind == "controlnet" && !entry.control_kind.empty())
      kind_in(kinds, entry.control_kind, catalogue);
  }
  return kinds;
}

json limits_json() {
  const JobLimits jobs;
  const AssetLimits assets;
  return {{"max_layers", jobs.max_layers},
          {"max_side", jobs.max_side},
          {"max_batch", jobs.max_batch},
          {"max_steps", jobs.max_steps},
          {"max_prompt_bytes", jobs.max_prompt_bytes},
          {"max_picture_bytes", assets.picture_bytes},
          {"max_pixels", assets.pixels},
          {"max_upload_bytes", HttpLimits{}.body_bytes}};
}

json generate_request_schema() {
  const JobLimits limits;
  json schema = schema_of<GenerateRequest>({.paths_are_assets = true});
  json& fields = schema["properties"];
  for (const char* side : {"width", "height"}) {
    fields[side]["maximum"] = limits.max_side;
    fields[side]["multipleOf"] = 8;
  }
  fields["steps"]["maximum"] = limits.max_steps;
  fields["batch"]["maximum"] = limits.max_batch;
  fields["controls"]["maxItems"] = limits.max_layers;
  fields["controls"]["items"]["title"] = "ControlUnit";
  fields["model"]["description"] = "id of a base model of /api/v1/models";
  fields["controlnets"]["description"] = "ControlNets by id, as canny=ID; unset: those that fit";
  json names = json::array();
  for (const SamplerChoice& choice : sampler_choices()) names.push_back(choice.name);
  fields["sampler"]["enum"] = names;
  schema["title"] = "GenerateRequest";
  return schema;
}

json capabilities_json(ServerParts& parts) {
  return {{"version", program_version()},
          {"device", parts.engine.device()},
          {"threads", std::max(1u, std::thread::hardware_concurrency())},
          {"memory_bytes", memory_bytes()},
          {"models", models_of(parts.catalogue)},
          {"control_kinds", control_kinds_json(parts.annotate.annotators(), parts.catalogue)},
          {"request_schema", generate_request_schema()},
          {"samplers", samplers_json()},
          {"limits", limits_json()},
          {"examples", examples_json(parts.store, parts.catalogue)},
          {"palettes", {{"seg", segment_palette_json()}}}};
}

}  // namespace zc
