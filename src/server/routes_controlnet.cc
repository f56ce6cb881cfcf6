// SPDX-License-Identifier: Apache-2.0
// The ControlNet extension of AUTOMATIC1111's web UI as its clients see it: /controlnet.
#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "image/base64.h"
#include "server/annotate_service.h"
#include "server/catalogue.h"
#include "server/events.h"
#include "server/json_body.h"
#include "server/routes_sdapi.h"
#include "server/sdapi_fields.h"
#include "server/sdapi_images.h"
#include "server/sdapi_models.h"
#include "server/sdapi_modules.h"
#include "server/sdapi_options.h"
#include "server/sdapi_problem.h"
#include "server/sdapi_units.h"

namespace zc {
namespace {

using nlohmann::json;
using Type = WebuiType;

constexpr size_t kMostDetectImages = 16;
constexpr size_t kMostPoses = 16;
constexpr int64_t kUsualCanvas = 512;

bool is_yes(const std::string& text) {
  return text == "true" || text == "True" || text == "1";
}

json model_list(ServerParts& parts, bool update) {
  if (update && parts.catalogue.refresh()) parts.events.publish({{"type", "models"}});
  json names = json::array();
  for (const WebuiControlnet& model : webui_controlnets(parts.catalogue))
    names.push_back(model.name);
  return {{"model_list", names}};
}

// The networks of a type, and of them the one that is chosen at first: of version 1.1 if there is.
json type_models(const WebuiControlType& type, const std::vector<WebuiControlnet>& models) {
  json names = json::array({"None"});
  std::string usual = "None";
  for (const WebuiControlnet& model : models) {
    const bool fits = type.kinds.empty() || std::find(type.kinds.begin(), type.kinds.end(),
                                                      model.entry.control_kind) != type.kinds.end();
    if (!fits) continue;
    names.push_back(model.name);
    const bool better =
        model.entry.id.find("11") != std::string::npos && usual.find("11") == std::string::npos;
    if (!type.kinds.empty() && (usual == "None" || better)) usual = model.name;
  }
  return {{"model_list", names}, {"default_model", usual}};
}

json control_types(ServerParts& parts) {
  const std::vector<AnnotatorEntry> annotators = parts.annotate.annotators();
  const std::vector<WebuiControlnet> models = webui_controlnets(parts.catalogue);
  json types = json::object();
  for (const WebuiControlType& type : webui_control_types(annotators)) {
    json entry = type_models(type, models);
    json labels = json::array({"none"});
    for (const WebuiModule* module : type.modules) labels.push_back(std::string(module->label));
    entry["module_list"] = labels;
    entry["default_option"] =
        type.kinds.empty() ? json("none") : json(std::string(type.modules[0]->label));
    types[type.name] = entry;
  }
  return {{"control_types", types}};
}

// Pictures on their way through an annotator; the last one answers.
struct Detection {
  Detection(Reply the_reply, Store& the_store, size_t count, bool with_poses)
      : reply(std::move(the_reply)),
        store(the_store),
        poses_wanted(with_poses),
        maps(count),
        missing(count) {}

  void made(size_t place, const Annotated& map, const std::exception_ptr& problem) {
    const std::lock_guard lock(mutex);
    maps[place] = map;
    if (problem && !error) error = problem;
    if (--missing > 0) return;
    try {
      if (error) std::rethrow_exception(error);
      reply.json(200, answer());
    } catch (const std::exception& what) {
      reply.send(webui_problem_of(what));
    }
  }

  std::string blob_text(const std::string& sha) const {
    const std::optional<Blob> blob = store.blobs().get(sha);
    if (!blob) throw Error(ErrorKind::io, sha, "the map is not in the store any more");
    return {reinterpret_cast<const char*>(blob->bytes.data()), blob->bytes.size()};
  }

  json answer() const {
    json images = json::array(), poses = json::array();
    for (const Annotated& map : maps) {
      images.push_back(base64_encode(blob_text(map.asset)));
      poses.push_back(map.pose.empty() ? json(nullptr) : parse_json(blob_text(map.pose)));
    }
    json answer = {{"images", images}, {"info", "Success"}};
    if (poses_wanted) answer["poses"] = poses;
    return answer;
  }

  const Reply reply;
  Store& store;
  const bool poses_wanted;
  std::mutex mutex;
  std::vector<Annotated> maps;
  size_t missing;
  std::exception_ptr error;
};

constexpr std::array kDetectFields = {
    WebuiField{"controlnet_module", Type::text, R"("none")"},
    WebuiField{"controlnet_input_images", Type::list, "[]"},
    WebuiField{"controlnet_images", Type::list, "[]"},  // as webuiapi names them
    WebuiField{"controlnet_masks", Type::list, "[]"},
    WebuiField{"controlnet_processor_res", Type::number, "-1"},
    WebuiField{"controlnet_threshold_a", Type::number, "-1"},
    WebuiField{"controlnet_threshold_b", Type::number, "-1"},
    WebuiField{"low_vram", Type::flag, "false"},
};

const WebuiModule* detect_module(const json& fields) {
  const std::string name = webui_text(fields, "controlnet_module");
  if (is_no_module(name)) return nullptr;
  const WebuiModule* module = find_webui_module(name);
  if (module == nullptr) throw webui_error(422, "Module not available");
  return module;
}

json detect_images(const json& fields) {
  const char* name =
      fields["controlnet_input_images"].empty() ? "controlnet_images" : "controlnet_input_images";
  const json& images = fields[name];
  if (images.empty()) throw webui_error(422, "No image selected");
  if (images.size() > kMostDetectImages)
    throw webui_invalid(
        name, fmt::format("holds {}, wanted at most {}", images.size(), kMostDetectImages));
  return images;
}

// What is asked of the annotator, or with module "none" the pictures as they are.
struct DetectWork {
  std::vector<AnnotateRequest> wanted;
  std::vector<Annotated> given;
};

DetectWork detect_work(ServerParts& parts, const json& fields, const WebuiModule* module) {
  const json images = detect_images(fields);
  const auto resolution =
      webui_resolution(static_cast<int64_t>(webui_number(fields, "controlnet_processor_res")));
  DetectWork work;
  for (size_t i = 0; i < images.size(); ++i) {
    const std::string field = fmt::format("controlnet_input_images[{}]", i);
    if (!images[i].is_string()) throw webui_invalid(field, "wanted a picture in base64");
    const WebuiPicture picture = webui_picture(images[i].get<std::string>(), field);
    if (module == nullptr) {
      work.given.emplace_back();
      work.given.back().asset = put_webui_image(parts.store, hwc3(picture.image));
      continue;
    }
    const std::string sha = put_webui_bytes(parts.store, picture.bytes);
    work.wanted.push_back(webui_annotation(*module, webui_number(fields, "controlnet_threshold_a"),
                                           webui_number(fields, "controlnet_threshold_b"),
                                           resolution, {picture.image.width, picture.image.height},
                                           sha, parts.annotate));
  }
  return work;
}

void detect(ServerParts& parts, const HttpRequest& request, const Reply& reply) {
  const json fields = webui_fields(kDetectFields, json_body(request));
  const WebuiModule* module = detect_module(fields);
  const DetectWork work = detect_work(parts, fields, module);
  const auto detection =
      std::make_shared<Detection>(reply, parts.store, work.given.size() + work.wanted.size(),
                                  module != nullptr && module->shows_people);
  for (size_t i = 0; i < work.given.size(); ++i) detection->made(i, work.given[i], nullptr);
  for (size_t i = 0; i < work.wanted.size(); ++i) {
    parts.annotate.annotate(work.wanted[i],
                            [detection, i](const Annotated& map, const std::exception_ptr& error) {
                              detection->made(i, map, error);
                            });
  }
}

// The body is a list of documents, or one of them.
std::vector<json> pose_documents(const HttpRequest& request) {
  const json body = request.body.empty() ? json::array() : parse_strict_json(request.body);
  const json list = body.is_array() ? body : json::array({body});
  if (list.empty() || list.size() > kMostPoses)
    throw webui_invalid("poses", fmt::format("are {}, wanted 1 to {}", list.size(), kMostPoses));
  std::vector<json> poses;
  for (const json& pose : list) {
    if (!pose.is_object()) throw webui_invalid("poses", "wanted objects with people");
    poses.push_back(pose);
  }
  return poses;
}

json render_poses(ServerParts& parts, const HttpRequest& request) {
  json images = json::array();
  for (json pose : pose_documents(request)) {
    for (const char* side : {"canvas_width", "canvas_height"}) {
      if (!pose.contains(side) || pose[side].is_null()) pose[side] = kUsualCanvas;
    }
    std::string sha;
    try {
      sha = parts.annotate.render_pose(json_text(pose), 0, 0, "webui");
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::bad_request) throw;
      throw webui_invalid(error.where(), error.text());
    }
    const std::optional<Blob> blob = parts.store.blobs().get(sha);
    if (!blob) throw Error(ErrorKind::io, sha, "the map is not in the store any more");
    images.push_back(
        base64_encode({reinterpret_cast<const char*>(blob->bytes.data()), blob->bytes.size()}));
  }
  return {{"images", images}, {"info", "Success"}};
}

}  // namespace

void add_controlnet_routes(Router& router, ServerParts& parts) {
  format_webui_problems(router, "/controlnet/");
  router.add({"GET", "/controlnet/version", Access::local_api, "Version of the extension's API"},
             [](const HttpRequest&, Reply reply) { reply.json(200, {{"version", 3}}); });
  router.add({"GET", "/controlnet/model_list", Access::local_api, "The ControlNets"},
             [&parts](const HttpRequest& request, Reply reply) {
               reply.json(200, model_list(parts, is_yes(request.query_value("update", "true"))));
             });
  router.add({"GET", "/controlnet/module_list", Access::local_api, "The preprocessors"},
             [&parts](const HttpRequest& request, Reply reply) {
               reply.json(200,
                          webui_module_list(parts.annotate.annotators(),
                                            is_yes(request.query_value("alias_names", "false"))));
             });
  router.add(
      {"GET", "/controlnet/control_types", Access::local_api, "Preprocessors and models by type"},
      [&parts](const HttpRequest&, Reply reply) { reply.json(200, control_types(parts)); });
  router.add({"GET", "/controlnet/settings", Access::local_api, "How many units there may be"},
             [&parts](const HttpRequest&, Reply reply) {
               const json options = webui_options(parts.store, parts.catalogue);
               reply.json(200,
                          {{"control_net_unit_count", options["control_net_unit_count"]},
                           {"control_net_max_models_num", options["control_net_max_models_num"]}});
             });
  router.add({"POST", "/controlnet/detect", Access::local_api, "Control maps of pictures"},
             [&parts](const HttpRequest& request, Reply reply) { detect(parts, request, reply); });
  router.add({"POST", "/controlnet/render_openpose_json", Access::local_api, "Draws people"},
             [&parts](const HttpRequest& request, Reply reply) {
               reply.json(200, render_poses(parts, request));
             });
}

}  // namespace zc
