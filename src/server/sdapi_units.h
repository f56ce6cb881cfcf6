// SPDX-License-Identifier: Apache-2.0
// Units of the web UI's ControlNet extension (alwayson_scripts.controlnet.args) as ours.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "pipelines/request.h"
#include "server/annotate_service.h"
#include "server/catalogue.h"
#include "server/routes.h"
#include "server/sdapi_images.h"
#include "server/sdapi_modules.h"

namespace zc {

// What the units of one request belong to.
struct WebuiUnitContext {
  ServerParts& parts;
  ModelEntry base;
  ImageSize size;      // of the picture
  bool hires = false;  // there is a second pass
  // img2img: what a unit without a picture takes, and how it is brought to the size.
  const Image* start = nullptr;
  std::string start_sha;
  ControlResize start_resize = ControlResize::just;
};

struct WebuiUnit {
  size_t place = 0;  // in args
  // `image` is the photograph until its map is there; `map` says whether it is one.
  ControlUnit control;
  std::string controlnet;                     // id in the catalogue; "": the one of that kind
  std::optional<AnnotateRequest> annotation;  // makes the map
  bool shows_map = true;                      // the answer brings its map
};

// The enabled units; a unit without "enabled" is. Takes all aliases and spellings of the
// extension's fields (docs/api_a1111.md). Pictures become assets. `comments` gets what a unit asked
// for that has no effect here. Throws webui_invalid() naming the field, webui_error() 422 for a
// module or model that is not there.
std::vector<WebuiUnit> read_webui_units(const nlohmann::json& args, const WebuiUnitContext& context,
                                        std::vector<std::string>& comments);

// How a module looks at a picture: `resolution` becomes its short side, less where its long side
// would exceed what annotators take. Throws webui_error() 422 when the module cannot work here.
AnnotateRequest webui_annotation(const WebuiModule& module, double a, double b, int64_t resolution,
                                 ImageSize picture, const std::string& sha,
                                 AnnotateService& service);

// Under which kind the control network is known: that of the model's file, else of the module's
// maps.
std::string webui_control_kind(const WebuiModule* module, const std::optional<ModelEntry>& model,
                               AnnotateService& service);

// The control units of the request and the files of their networks: `controls` and `controlnets`.
// Two networks of one kind get two names where that is possible; else 422.
void put_webui_units(GenerateRequest& request, const std::vector<WebuiUnit>& units);

}  // namespace zc
