// SPDX-License-Identifier: Apache-2.0
// Fooocus (modules/meta_parser.py) and InvokeAI (invokeai_metadata, and sd-metadata before 3.0).
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "server/metadata_readers.h"

namespace zc {
namespace {

using nlohmann::json;

// Numbers in their own or as text.
void put_number(PictureMetadata& found, const char* field, const json& object, const char* key) {
  const auto value = object.find(key);
  if (value == object.end()) return;
  if (value->is_number()) set_metadata_field(found, field, *value);
  if (value->is_string()) set_metadata_number(found, field, value->get<std::string>());
}

std::string text_at(const json& object, const char* key) {
  const auto value = object.find(key);
  return value != object.end() && value->is_string() ? value->get<std::string>() : "";
}

// Versions before 2.2 did not write the steps of their presets.
int64_t steps_of_performance(const std::string& performance) {
  if (performance == "Speed") return 30;
  if (performance == "Quality") return 60;
  if (performance == "Extreme Speed") return 8;
  if (performance == "Lightning" || performance == "Hyper-SD") return 4;
  return 0;
}

// "dpmpp_2m_k" -> "dpmpp_2m" and "karras"; "k_lms" -> "lms".
std::pair<std::string, std::string> invoke_sampler(std::string name) {
  if (name.starts_with("k_")) name.erase(0, 2);
  if (!name.ends_with("_k")) return {name, ""};
  name.resize(name.size() - 2);
  return {name, "karras"};
}

void put_invoke_sampler(PictureMetadata& found, const std::string& name) {
  const auto [sampler, curve] = invoke_sampler(name);
  set_metadata_sampler(found, sampler, curve);
}

std::string invoke_model(const json& metadata) {
  const auto model = metadata.find("model");
  if (model == metadata.end()) return "";
  if (model->is_string()) return model->get<std::string>();
  if (!model->is_object()) return "";
  const std::string name = text_at(*model, "name");
  return name.empty() ? text_at(*model, "model_name") : name;
}

std::string invoke_mode(const std::string& mode) {
  if (mode == "more_prompt") return "prompt";
  return mode == "more_control" || mode == "unbalanced" ? "control" : "balanced";
}

void read_invoke_controls(const json& metadata, PictureMetadata& found) {
  const auto controls = metadata.find("controlnets");
  if (controls == metadata.end() || !controls->is_array()) return;
  for (const json& each : *controls) {
    if (!each.is_object()) continue;
    json unit = {{"mode", invoke_mode(text_at(each, "control_mode"))}};
    for (const auto& [key, field] :
         std::array<std::pair<const char*, const char*>, 3>{{{"control_weight", "weight"},
                                                             {"begin_step_percent", "start"},
                                                             {"end_step_percent", "end"}}}) {
      const auto value = each.find(key);
      if (value != each.end() && value->is_number()) unit[field] = *value;
    }
    const auto model = each.find("control_model");
    const bool named = model != each.end() && model->is_object();
    const std::string name = named ? text_at(*model, "name") : "";
    add_metadata_control(found, name.empty() && named ? text_at(*model, "model_name") : name, unit);
  }
}

// The prompt of sd-metadata is text, or a list of weighted ones.
std::string old_invoke_prompt(const json& image) {
  const auto prompt = image.find("prompt");
  if (prompt == image.end()) return "";
  if (prompt->is_string()) return prompt->get<std::string>();
  if (!prompt->is_array() || prompt->empty() || !prompt->front().is_object()) return "";
  return text_at(prompt->front(), "prompt");
}

}  // namespace

bool read_fooocus_metadata(const std::string& text, PictureMetadata& found) {
  const auto object = metadata_object(text);
  const bool ours = object && (object->contains("prompt") || object->contains("full_prompt")) &&
                    (object->contains("performance") || object->contains("styles") ||
                     object->contains("metadata_scheme"));
  if (!ours) return false;
  found.source = "fooocus";
  set_metadata_field(found, "prompt", text_at(*object, "prompt"));
  set_metadata_field(found, "negative", text_at(*object, "negative_prompt"));
  if (const int64_t steps = steps_of_performance(text_at(*object, "performance")); steps > 0)
    set_metadata_field(found, "steps", steps);
  put_number(found, "steps", *object, "steps");
  put_number(found, "cfg", *object, "guidance_scale");
  put_number(found, "seed", *object, "seed");
  set_metadata_size(found, text_at(*object, "resolution"));
  std::string sampler = text_at(*object, "sampler");
  // Where the noise is made: nothing of the sampler.
  if (sampler.ends_with("_gpu")) sampler.resize(sampler.size() - 4);
  set_metadata_sampler(found, sampler, text_at(*object, "scheduler"));
  found.model = text_at(*object, "base_model");
  take_foreign_defaults(found);
  return true;
}

bool read_invoke_metadata(const std::string& text, PictureMetadata& found) {
  const auto object = metadata_object(text);
  if (!object) return false;
  const auto image = object->find("image");
  const bool old = image != object->end() && image->is_object();
  const bool ours = old || object->contains("positive_prompt") || object->contains("scheduler");
  if (!ours) return false;
  const json& values = old ? *image : *object;
  found.source = "invokeai";
  set_metadata_field(found, "prompt",
                     old ? old_invoke_prompt(values) : text_at(values, "positive_prompt"));
  set_metadata_field(found, "negative", text_at(values, "negative_prompt"));
  for (const auto& [field, key] :
       std::array<std::pair<const char*, const char*>, 5>{{{"steps", "steps"},
                                                           {"cfg", "cfg_scale"},
                                                           {"seed", "seed"},
                                                           {"width", "width"},
                                                           {"height", "height"}}}) {
    put_number(found, field, values, key);
  }
  put_invoke_sampler(found, text_at(values, old ? "sampler" : "scheduler"));
  found.model = old ? text_at(*object, "model_weights") : invoke_model(*object);
  read_invoke_controls(*object, found);
  take_foreign_defaults(found);
  return true;
}

}  // namespace zc
