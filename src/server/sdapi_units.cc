// SPDX-License-Identifier: Apache-2.0
#include "server/sdapi_units.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "server/annotate_service.h"
#include "server/sdapi_models.h"
#include "server/sdapi_problem.h"
#include "server/sdapi_unit_fields.h"

namespace zc {
namespace {

using nlohmann::json;

constexpr int kLongestMapSide = 2048;

// What a unit is shown: a picture, and where something was painted over it.
struct UnitPicture {
  Image image;
  std::string sha;
  std::optional<Image> drawing;  // one channel
  bool is_start = false;         // it has none of its own
};

// A mask that is neither empty nor full, as the extension looks at it.
std::optional<Image> drawing_of(const Image& mask) {
  const auto all = [&](auto&& fits) { return std::ranges::all_of(mask.pixels, fits); };
  if (all([](uint8_t p) { return p <= 5; }) || all([](uint8_t p) { return p >= 250; }))
    return std::nullopt;
  return mask;
}

Image one_channel(const Image& image, int channel) {
  Image result(image.width, image.height, 1);
  const auto channels = static_cast<size_t>(image.channels);
  for (size_t i = 0; i < result.pixels.size(); ++i)
    result.pixels[i] = image.pixels[i * channels + static_cast<size_t>(channel)];
  return result;
}

// The picture and the mask inside one of the four forms; "" where there is none.
struct PictureTexts {
  std::string image;
  std::string mask;
};
PictureTexts picture_texts(const json& value, const std::string& where) {
  const auto text = [&](const json& part, const char* name) -> std::string {
    if (part.is_null()) return "";
    if (!part.is_string()) throw webui_invalid(where + name, "wanted a picture in base64, or null");
    return part.get<std::string>();
  };
  if (value.is_null() || value.is_string()) return {text(value, ""), ""};
  if (value.is_object()) {
    return {text(value.value("image", json()), ".image"),
            text(value.value("mask", json()), ".mask")};
  }
  if (value.is_array() && !value.empty() && value.size() <= 2 && !value[0].is_object())
    return {text(value[0], "[0]"), value.size() == 2 ? text(value[1], "[1]") : ""};
  if (value.is_array() && value.size() == 1) return picture_texts(value[0], where + "[0]");
  if (value.is_array() && value.empty()) return {};
  throw webui_invalid(where,
                      "wanted one picture: text in base64, {\"image\",\"mask\"}, or a list of "
                      "those two");
}

std::optional<UnitPicture> unit_picture(const WebuiUnitFields& fields,
                                        const WebuiUnitContext& context, const std::string& where) {
  PictureTexts texts = picture_texts(fields.image, where + ".image");
  if (!fields.mask.empty()) texts.mask = fields.mask;
  UnitPicture picture;
  if (texts.image.empty()) {
    if (context.start == nullptr) return std::nullopt;
    picture.image = *context.start;
    picture.sha = context.start_sha;
    picture.is_start = true;
  } else {
    WebuiPicture given = webui_picture(texts.image, where + ".image");
    picture.sha = put_webui_bytes(context.parts.store, given.bytes);
    picture.image = std::move(given.image);
    if (picture.image.channels == 4) picture.drawing = drawing_of(one_channel(picture.image, 3));
  }
  if (!texts.mask.empty()) {
    const Image mask = webui_picture(texts.mask, where + ".mask").image;
    picture.drawing = drawing_of(one_channel(mask, 0));
  }
  return picture;
}

// external_code.py: the size at which no pixel of the detected map is scaled again.
int64_t pixel_perfect_resolution(ImageSize picture, ImageSize target, ControlResize resize) {
  const double down = static_cast<double>(target.height) / picture.height;
  const double across = static_cast<double>(target.width) / picture.width;
  const double scale =
      resize == ControlResize::fill ? std::min(down, across) : std::max(down, across);
  const auto side = std::lround(scale * std::min(picture.width, picture.height));
  return std::clamp<int64_t>(side, kWebuiLowestResolution, kWebuiHighestResolution);
}

std::string annotator_kind(const WebuiModule& module, AnnotateService& service) {
  if (!module.kind.empty()) return std::string(module.kind);
  for (const AnnotatorEntry& entry : service.annotators()) {
    if (entry.name == module.annotator) return entry.control_kind;
  }
  return std::string(module.annotator);
}

// None for "None"; throws for one that is not there.
std::optional<ModelEntry> unit_model(const WebuiUnitFields& fields,
                                     const WebuiUnitContext& context) {
  const std::string_view name = trim(fields.model);
  if (name.empty() || name == "None" || name == "none") return std::nullopt;
  std::optional<ModelEntry> entry = find_webui_controlnet(context.parts.catalogue, name);
  if (!entry) {
    throw webui_error(422,
                      fmt::format("ControlNet model '{}' not found; GET /controlnet/model_list "
                                  "lists them",
                                  printable(name, 120)));
  }
  return entry;
}

const WebuiModule* unit_module(const WebuiUnitFields& fields) {
  if (is_no_module(fields.module)) return nullptr;
  const WebuiModule* module = find_webui_module(fields.module);
  if (module == nullptr) {
    throw webui_error(422,
                      fmt::format("module '{}' not found; GET /controlnet/module_list lists them",
                                  printable(fields.module, 120)));
  }
  return module;
}

void put_region(WebuiUnit& unit, const WebuiUnitFields& fields, const WebuiUnitContext& context,
                const std::string& where) {
  if (fields.region.empty()) return;
  const WebuiPicture mask = webui_picture(fields.region, where + ".effective_region_mask");
  unit.control.mask = "asset:" + put_webui_image(context.parts.store, one_channel(mask.image, 0));
}

// The picture will be measured with the parameters that its map was made with.
void put_parameters_of(const AnnotateRequest& annotation, ControlUnit& control) {
  if (annotation.annotator != control.kind) return;
  const nlohmann::json parameters = parse_json(annotation.parameters);  // outlives the loop
  for (const auto& [name, value] : parameters.items()) {
    control.parameters.push_back(fmt::format(
        "{}={}", name, value.is_string() ? value.get<std::string>() : json_text(value)));
  }
}

void put_annotation(WebuiUnit& unit, const WebuiModule& module, const WebuiUnitFields& fields,
                    const UnitPicture& picture, const WebuiUnitContext& context) {
  const ImageSize size{picture.image.width, picture.image.height};
  const int64_t resolution = fields.pixel_perfect
                                 ? pixel_perfect_resolution(size, context.size, unit.control.resize)
                                 : webui_resolution(fields.processor_res);
  unit.annotation = webui_annotation(module, fields.threshold_a, fields.threshold_b, resolution,
                                     size, picture.sha, context.parts.annotate);
  put_parameters_of(*unit.annotation, unit.control);
}

WebuiUnit read_unit(const WebuiUnitFields& fields, size_t place, const WebuiUnitContext& context) {
  const std::string where = fmt::format("alwayson_scripts.controlnet.args[{}]", place);
  const WebuiModule* module = unit_module(fields);
  const std::optional<ModelEntry> model = unit_model(fields, context);
  const std::optional<UnitPicture> picture = unit_picture(fields, context, where);
  if (!picture) throw webui_error(422, fmt::format("ControlNet unit {} has no image", place));
  if (module == nullptr && !model)
    throw webui_error(422, fmt::format("ControlNet unit {}: neither a module nor a model", place));
  WebuiUnit unit;
  unit.place = place;
  unit.controlnet = model ? model->id : "";
  unit.shows_map = fields.save_detected_map;
  ControlUnit& control = unit.control;
  control.kind = webui_control_kind(module, model, context.parts.annotate);
  control.image = "asset:" + picture->sha;
  control.map = module == nullptr;
  control.resize = fields.resize;
  control.weight = fields.weight;
  control.start = fields.start;
  control.end = fields.end;
  control.mode = fields.mode;
  control.block_weights = fields.block_weights;
  if (picture->is_start) control.resize = context.start_resize;
  put_region(unit, fields, context, where);
  if (picture->drawing) {
    // What was drawn over the picture is the map, white on black, whatever the module.
    control.image = "asset:" + put_webui_image(context.parts.store, hwc3(*picture->drawing));
    control.map = true;
  } else if (module != nullptr) {
    put_annotation(unit, *module, fields, *picture, context);
  }
  return unit;
}

}  // namespace

AnnotateRequest webui_annotation(const WebuiModule& module, double a, double b, int64_t resolution,
                                 ImageSize picture, const std::string& sha,
                                 AnnotateService& service) {
  std::string why_not;
  const std::vector<AnnotatorEntry> annotators = service.annotators();
  const std::optional<WebuiAnnotator> annotator =
      webui_annotator(module, a, b, annotators, why_not);
  if (!annotator)
    throw webui_error(422, fmt::format("Module not available: {} {}", module.name, why_not));
  AnnotateRequest request;
  request.asset = sha;
  request.kind = annotator->entry.control_kind;
  request.annotator = annotator->entry.name;
  request.parameters = annotator->parameters;
  const auto [shorter, longer] = std::minmax(picture.width, picture.height);
  for (int side = static_cast<int>(resolution);; side -= 64) {
    // Rounding may make it half a step longer.
    if (side < kWebuiLowestResolution ||
        longer / shorter > kLongestMapSide / kWebuiLowestResolution)
      throw webui_error(422, fmt::format("a picture of {}x{} is too narrow for {}", picture.width,
                                         picture.height, module.name));
    const ImageSize size = resize_image_size(picture, side);
    if (std::max(size.width, size.height) > kLongestMapSide) continue;
    request.width = size.width;
    request.height = size.height;
    return request;
  }
}

std::string webui_control_kind(const WebuiModule* module, const std::optional<ModelEntry>& model,
                               AnnotateService& service) {
  if (model && !model->control_kind.empty()) return model->control_kind;
  if (module != nullptr) return annotator_kind(*module, service);
  throw webui_error(422,
                    fmt::format("what kind of maps the ControlNet {} wants is not known: name a "
                                "module too",
                                model ? model->id : ""));
}

std::vector<WebuiUnit> read_webui_units(const json& args, const WebuiUnitContext& context,
                                        std::vector<std::string>& comments) {
  std::vector<WebuiUnit> units;
  for (size_t i = 0; i < args.size(); ++i) {
    const WebuiUnitFields fields =
        read_webui_unit_fields(args[i], fmt::format("alwayson_scripts.controlnet.args[{}]", i));
    if (!fields.enabled) continue;
    const bool high_only = fields.hr_option.starts_with("High");
    if (high_only && !context.hires) continue;  // it would act in a pass that there is not
    if (context.hires && (high_only || fields.hr_option.starts_with("Low")))
      comments.push_back(
          fmt::format("ControlNet unit {} acts in both passes; hr_option has no effect", i));
    units.push_back(read_unit(fields, i, context));
  }
  return units;
}

void put_webui_units(GenerateRequest& request, const std::vector<WebuiUnit>& units) {
  std::vector<std::pair<std::string, std::string>> networks;  // kind and id
  for (const WebuiUnit& unit : units) {
    request.controls.push_back(unit.control);
    const std::string& kind = unit.control.kind;
    const auto known = std::find_if(networks.begin(), networks.end(),
                                    [&](const auto& each) { return each.first == kind; });
    if (known != networks.end() && known->second != unit.controlnet) {
      throw webui_error(422,
                        fmt::format("ControlNet unit {} names another model for {} maps than the "
                                    "units before it; one for each kind can be used",
                                    unit.place, kind));
    }
    if (known == networks.end()) networks.emplace_back(kind, unit.controlnet);
  }
  for (const auto& [kind, id] : networks) {
    if (!id.empty()) request.controlnets.push_back(fmt::format("{}={}", kind, id));
  }
}

}  // namespace zc
