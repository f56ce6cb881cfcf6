// SPDX-License-Identifier: Apache-2.0
#include "server/sdapi_modules.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"

namespace zc {
namespace {

using nlohmann::json;

// Names, labels and sliders as in the extension (scripts/supported_preprocessor.py and
// annotator of version 1.1); what is missing here has no annotator of ours.
constexpr std::array kModules = {
    WebuiModule{"canny",
                "canny",
                "canny",
                "{}",
                "Canny",
                {"low", "Low Threshold", 1, 255, 1, 100},
                {"high", "High Threshold", 1, 255, 1, 200}},
    WebuiModule{"hed", "softedge_hed", "hed", "{}", "SoftEdge"},
    WebuiModule{"hed_safe", "softedge_hedsafe", "hed", R"({"safe":true})", "SoftEdge"},
    WebuiModule{"pidinet", "softedge_pidinet", "pidinet", "{}", "SoftEdge"},
    WebuiModule{"pidinet_safe", "softedge_pidisafe", "pidinet", R"({"safe":true})", "SoftEdge"},
    WebuiModule{"te_hed", "softedge_teed", "teed", "{}", "SoftEdge"},
    WebuiModule{"mlsd",
                "mlsd",
                "mlsd",
                "{}",
                "MLSD",
                {"value", "MLSD Value Threshold", 0.01, 2, 0.01, 0.1},
                {"distance", "MLSD Distance Threshold", 0.01, 20, 0.01, 0.1}},
    WebuiModule{"depth", "depth_midas", "depth", "{}", "Depth"},
    WebuiModule{"depth_zoe", "depth_zoe", "depth_zoe", "{}", "Depth"},
    WebuiModule{"depth_anything_v2", "depth_anything_v2", "depth_anything_v2", "{}", "Depth"},
    WebuiModule{"normal_map",
                "normal_midas",
                "normal",
                "{}",
                "NormalMap",
                {"bg_threshold", "Normal Background Threshold", 0, 1, 0.01, 0.4}},
    WebuiModule{"normal_bae", "normal_bae", "normalbae", "{}", "NormalMap"},
    WebuiModule{"openpose",
                "openpose",
                "openpose",
                R"({"rules":"webui","hand":false,"face":false})",
                "OpenPose",
                {},
                {},
                true},
    WebuiModule{"openpose_hand",
                "openpose_hand",
                "openpose",
                R"({"rules":"webui","hand":true,"face":false})",
                "OpenPose",
                {},
                {},
                true},
    WebuiModule{"openpose_face",
                "openpose_face",
                "openpose",
                R"({"rules":"webui","hand":false,"face":true})",
                "OpenPose",
                {},
                {},
                true},
    WebuiModule{"openpose_faceonly",
                "openpose_faceonly",
                "openpose",
                R"({"rules":"webui","body":false,"hand":false,"face":true})",
                "OpenPose",
                {},
                {},
                true},
    WebuiModule{"openpose_full",
                "openpose_full",
                "openpose",
                R"({"rules":"webui","hand":true,"face":true})",
                "OpenPose",
                {},
                {},
                true},
    WebuiModule{"dw_openpose_full", "dw_openpose_full", "dwpose", "{}", "OpenPose", {}, {}, true},
    WebuiModule{"segmentation", "seg_ufade20k", "seg", "{}", "Segmentation"},
    WebuiModule{"scribble_hed", "scribble_hed", "scribble", "{}", "Scribble"},
    WebuiModule{"pidinet_scribble", "scribble_pidinet", "scribble_pidinet", "{}", "Scribble"},
    WebuiModule{"scribble_xdog",
                "scribble_xdog",
                "scribble_xdog",
                "{}",
                "Scribble",
                {"xdog_threshold", "XDoG Threshold", 1, 64, 1, 32}},
    WebuiModule{"lineart", "lineart_realistic", "lineart", "{}", "Lineart"},
    WebuiModule{"lineart_coarse", "lineart_coarse", "lineart_coarse", "{}", "Lineart"},
    WebuiModule{"lineart_anime", "lineart_anime", "lineart_anime", "{}", "Lineart"},
    WebuiModule{"invert",
                "invert (from white bg & black line)",
                "invert",
                "{}",
                "Canny,Lineart,Scribble,MLSD,SoftEdge",
                {},
                {},
                false,
                "scribble"},
    WebuiModule{"threshold",
                "threshold",
                "threshold",
                "{}",
                "Scribble",
                {"binarization_threshold", "Binarization Threshold", 0, 255, 1, 127}},
    WebuiModule{"tile_resample",
                "tile_resample",
                "tile_resample",
                "{}",
                "Tile",
                {"down_sampling_rate", "Down Sampling Rate", 1, 8, 0.01, 1}},
    WebuiModule{"blur_gaussian",
                "blur_gaussian",
                "blur_gaussian",
                "{}",
                "Tile",
                {"sigma", "Sigma", 0.01, 64, 0.01, 9},
                {},
                false,
                "tile"},
    WebuiModule{"shuffle", "shuffle", "shuffle", "{}", "Shuffle"},
    WebuiModule{"recolor_luminance",
                "recolor_luminance",
                "recolor_luminance",
                "{}",
                "Recolor",
                {"gamma_correction", "Gamma Correction", 0.1, 2, 0.001, 1}},
    WebuiModule{"recolor_intensity",
                "recolor_intensity",
                "recolor_intensity",
                "{}",
                "Recolor",
                {"gamma_correction", "Gamma Correction", 0.1, 2, 0.001, 1}},
};

struct TypeRow {
  std::string_view name;
  std::string_view usual;  // name of the module that is chosen at first; "": none
  std::string_view kinds;  // divided by blanks
};
constexpr std::array kTypeRows = {
    TypeRow{"Canny", "canny", "canny"},
    TypeRow{"Depth", "depth", "depth"},
    TypeRow{"NormalMap", "normal_map", "normal normalbae"},
    TypeRow{"OpenPose", "openpose_full", "openpose"},
    TypeRow{"MLSD", "mlsd", "mlsd"},
    TypeRow{"Lineart", "lineart", "lineart lineart_anime"},
    TypeRow{"SoftEdge", "hed", "hed softedge"},
    TypeRow{"Scribble", "scribble_hed", "scribble"},
    TypeRow{"Segmentation", "segmentation", "seg"},
    TypeRow{"Tile", "tile_resample", "tile blur"},
    TypeRow{"Shuffle", "shuffle", "shuffle"},
    TypeRow{"InstructP2P", "", "ip2p"},
    TypeRow{"Recolor", "recolor_luminance", "recolor"},
};

bool equal_names(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

const AnnotatorEntry* entry_named(std::span<const AnnotatorEntry> entries, std::string_view name) {
  for (const AnnotatorEntry& entry : entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

// The one that comes with the program draws that kind of map too.
const AnnotatorEntry* usable_entry(const WebuiModule& module,
                                   std::span<const AnnotatorEntry> entries) {
  const AnnotatorEntry* own = entry_named(entries, module.annotator);
  if (own != nullptr && own->available) return own;
  const AnnotatorEntry* toy = entry_named(entries, fmt::format("toy_{}", module.annotator));
  return toy != nullptr && toy->available ? toy : nullptr;
}

void put_threshold(json& parameters, const WebuiSlider& slider, double value) {
  if (slider.parameter.empty()) return;
  const bool fits = value >= slider.low && value <= slider.high;
  parameters[std::string(slider.parameter)] = fits ? value : slider.fallback;
}

json slider_json(const WebuiSlider& slider) {
  return {{"name", std::string(slider.label)},
          {"value", slider.fallback},
          {"min", slider.low},
          {"max", slider.high},
          {"step", slider.step}};
}

json sliders_of(const WebuiModule* module) {
  json sliders = json::array();
  if (module == nullptr) return sliders;
  sliders.push_back({{"name", "Preprocessor Resolution"},
                     {"value", kWebuiResolution},
                     {"min", kWebuiLowestResolution},
                     {"max", kWebuiHighestResolution},
                     {"step", 8}});
  for (const WebuiSlider* slider : {&module->a, &module->b}) {
    if (!slider->parameter.empty()) sliders.push_back(slider_json(*slider));
  }
  return sliders;
}

bool has_tag(const WebuiModule& module, std::string_view tag) {
  const std::vector<std::string> tags = split(module.tags, ',');
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

}  // namespace

const WebuiModule* find_webui_module(std::string_view name) {
  const std::string_view wanted = trim(name);
  for (const WebuiModule& module : kModules) {
    if (equal_names(module.name, wanted) || equal_names(module.label, wanted)) return &module;
  }
  return nullptr;
}

bool is_no_module(std::string_view name) {
  return trim(name).empty() || equal_names(trim(name), "none");
}

std::optional<WebuiAnnotator> webui_annotator(const WebuiModule& module, double a, double b,
                                              std::span<const AnnotatorEntry> annotators,
                                              std::string& why_not) {
  const AnnotatorEntry* entry = usable_entry(module, annotators);
  if (entry == nullptr) {
    const AnnotatorEntry* own = entry_named(annotators, module.annotator);
    why_not = own == nullptr ? "this program has no such annotator" : own->why_not;
    return std::nullopt;
  }
  // The networks that come along have no such parameters.
  if (entry->name != module.annotator) return WebuiAnnotator{*entry, "{}"};
  json parameters = parse_json(module.parameters);
  put_threshold(parameters, module.a, a);
  put_threshold(parameters, module.b, b);
  return WebuiAnnotator{*entry, json_text(parameters)};
}

int64_t webui_resolution(int64_t processor_res) {
  const bool fits =
      processor_res >= kWebuiLowestResolution && processor_res <= kWebuiHighestResolution;
  return fits ? processor_res : kWebuiResolution;
}

json webui_module_list(std::span<const AnnotatorEntry> annotators, bool alias_names) {
  json names = json::array({"none"});
  json details = {{"none", {{"model_free", false}, {"sliders", sliders_of(nullptr)}}}};
  for (const WebuiModule& module : kModules) {
    if (usable_entry(module, annotators) == nullptr) continue;
    const std::string name(alias_names ? module.label : module.name);
    names.push_back(name);
    details[name] = {{"model_free", false}, {"sliders", sliders_of(&module)}};
  }
  return {{"module_list", names}, {"module_detail", details}};
}

std::vector<WebuiControlType> webui_control_types(std::span<const AnnotatorEntry> annotators) {
  WebuiControlType all{.name = "All", .modules = {}, .kinds = {}};
  std::vector<WebuiControlType> types;
  for (const WebuiModule& module : kModules) {
    if (usable_entry(module, annotators) != nullptr) all.modules.push_back(&module);
  }
  for (const TypeRow& row : kTypeRows) {
    WebuiControlType type{
        .name = std::string(row.name), .modules = {}, .kinds = split(row.kinds, ' ')};
    for (const WebuiModule* module : all.modules) {
      if (!has_tag(*module, row.name)) continue;
      const auto place = module->name == row.usual ? type.modules.begin() : type.modules.end();
      type.modules.insert(place, module);
    }
    if (!type.modules.empty()) types.push_back(std::move(type));
  }
  types.insert(types.begin(), std::move(all));
  return types;
}

}  // namespace zc
