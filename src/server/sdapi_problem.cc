// SPDX-License-Identifier: Apache-2.0
#include "server/sdapi_problem.h"

#include <array>
#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace zc {
namespace {

using nlohmann::json;

// In Problem::code: the name of an exception follows.
constexpr std::string_view kThrown = "thrown:";

// "args[0].weight" -> "args", 0, "weight".
json place_of(std::string_view field) {
  json place = json::array({"body"});
  for (const std::string& part : split(field, '.')) {
    const size_t bracket = part.find('[');
    place.push_back(part.substr(0, bracket));
    for (size_t at = bracket; at != std::string::npos; at = part.find('[', at + 1)) {
      int index = 0;
      const char* begin = part.data() + at + 1;
      if (std::from_chars(begin, part.data() + part.size(), index).ec == std::errc())
        place.push_back(index);
    }
  }
  return place;
}

std::string exception_name(const Problem& problem) {
  if (problem.code.starts_with(kThrown)) return problem.code.substr(kThrown.size());
  if (problem.code == "out_of_memory") return "OutOfMemoryError";
  return "HTTPException";
}

bool is_plain(const Problem& problem) {
  return problem.code == "not_found" && problem.detail == "Not Found";
}

}  // namespace

ProblemError webui_error(int status, const std::string& detail, std::string_view name) {
  return ProblemError(status, std::string(kThrown) + std::string(name), detail);
}

ProblemError webui_invalid(const std::string& field, const std::string& text) {
  return ProblemError(422, "invalid_value", text, field);
}

HttpResponse webui_problem(const Problem& problem) {
  if (is_plain(problem)) return json_response(404, {{"detail", "Not Found"}});
  if (problem.status == 405) return json_response(405, {{"detail", "Method Not Allowed"}});
  if (problem.status == 422 && !problem.field.empty()) {
    const json entry = {
        {"loc", place_of(problem.field)}, {"msg", problem.detail}, {"type", "value_error"}};
    return json_response(422, {{"detail", json::array({entry})}});
  }
  return json_response(problem.status, {{"error", exception_name(problem)},
                                        {"detail", problem.detail},
                                        {"body", ""},
                                        {"errors", problem.detail}});
}

HttpResponse webui_problem_of(const std::exception& error) {
  const Problem problem = problem_from(error);
  HttpResponse response = webui_problem(problem);
  response.headers.insert(response.headers.end(), problem.headers.begin(), problem.headers.end());
  return response;
}

std::string webui_field_name(std::string_view native) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 17> kNames = {{
      {"cfg", "cfg_scale"},
      {"negative", "negative_prompt"},
      {"batch", "batch_size"},
      {"sampler", "sampler_name"},
      {"denoise", "denoising_strength"},
      {"init", "init_images"},
      {"hires.scale", "hr_scale"},
      {"hires.steps", "hr_second_pass_steps"},
      {"hires.denoise", "denoising_strength"},
      {"hires.upscaler", "hr_upscaler"},
      {"variation_seed", "subseed"},
      {"variation_strength", "subseed_strength"},
      {"model", "override_settings.sd_model_checkpoint"},
      {"clip_skip", "override_settings.CLIP_stop_at_last_layers"},
      {"noise", "override_settings.randn_source"},
      {"controls", "alwayson_scripts.controlnet.args"},
      {"controlnets", "alwayson_scripts.controlnet.args"},
  }};
  const size_t end = native.find('[');
  const std::string_view head = native.substr(0, end);
  for (const auto& [own, theirs] : kNames) {
    if (head != own) continue;
    std::string name(theirs);
    if (end != std::string_view::npos) name += native.substr(end);
    // What a unit calls otherwise.
    if (name.ends_with(".kind")) name.replace(name.size() - 4, 4, "model");
    return name;
  }
  return std::string(native);
}

}  // namespace zc
