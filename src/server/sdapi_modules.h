// SPDX-License-Identifier: Apache-2.0
// Preprocessors under the names of the web UI's ControlNet extension ("modules").
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "server/annotate_service.h"

namespace zc {

// A threshold of the extension and the annotator's parameter that it sets.
struct WebuiSlider {
  std::string_view parameter;  // "": the module has none
  std::string_view label;
  double low = 0;
  double high = 0;
  double step = 1;
  double fallback = 0;
};

struct WebuiModule {
  std::string_view name;   // "hed"
  std::string_view label;  // "softedge_hed"
  std::string_view annotator;
  std::string_view parameters;  // JSON that is always given: {"safe":true}
  std::string_view tags;        // of control_types, divided by commas
  WebuiSlider a = {};
  WebuiSlider b = {};
  bool shows_people = false;
  std::string_view kind = {};  // of ControlNet, where it is not what the annotator says
};

inline constexpr int64_t kWebuiResolution = 512;
inline constexpr int64_t kWebuiLowestResolution = 64;
inline constexpr int64_t kWebuiHighestResolution = 2048;

// By name or label in any case; null for one that is none of ours. "none" is not in this list.
const WebuiModule* find_webui_module(std::string_view name);
bool is_no_module(std::string_view name);  // "none", "None", ""

// What draws the module's maps here.
struct WebuiAnnotator {
  AnnotatorEntry entry;    // its own, or where its weights are missing the one that comes along
  std::string parameters;  // JSON
};
// a, b: thresholds; what is outside of a slider is the slider's default. Nothing when the weights
// are missing: `why_not` then says which.
std::optional<WebuiAnnotator> webui_annotator(const WebuiModule& module, double a, double b,
                                              std::span<const AnnotatorEntry> annotators,
                                              std::string& why_not);

// -1 and what the slider does not have: 512.
int64_t webui_resolution(int64_t processor_res);

// GET module_list: {"module_list":[...],"module_detail":{NAME:{"model_free","sliders"}}}; by labels
// with alias_names.
nlohmann::json webui_module_list(std::span<const AnnotatorEntry> annotators, bool alias_names);

// One entry of GET control_types.
struct WebuiControlType {
  std::string name;                         // "Canny"
  std::vector<const WebuiModule*> modules;  // that can be used, the usual one first
  std::vector<std::string> kinds;           // of the ControlNets that belong to it
};
// "All" first; only those with a module.
std::vector<WebuiControlType> webui_control_types(std::span<const AnnotatorEntry> annotators);

}  // namespace zc
