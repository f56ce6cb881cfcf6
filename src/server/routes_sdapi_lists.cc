// SPDX-License-Identifier: Apache-2.0
// The lists of the web UI's API: models, samplers, upscalers, scripts, and what there is none of.
#include <array>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "pipelines/infotext.h"
#include "server/catalogue.h"
#include "server/events.h"
#include "server/json_body.h"
#include "server/routes_sdapi.h"
#include "server/sdapi_models.h"
#include "server/sdapi_problem.h"
#include "server/sdapi_samplers.h"
#include "server/sdapi_upscale.h"
#include "server/serve.h"

namespace zc {
namespace {

using nlohmann::json;

constexpr const char* kListNone = "None of these are used here";

json scripts_list() {
  const json names = {"controlnet", "controlnet m2m"};
  return {{"txt2img", names}, {"img2img", names}};
}

json extensions_list() {
  return json::array({{{"name", "sd-webui-controlnet"},
                       {"remote", ""},
                       {"branch", ""},
                       {"commit_hash", ""},
                       {"version", program_version()},
                       {"commit_date", nullptr},
                       {"enabled", true}}});
}

// What clients look at; no path and no password.
json cmd_flags(const ServeOptions& options) {
  return {{"api", true},
          {"api_auth", nullptr},
          {"api_log", false},
          {"nowebui", false},
          {"listen", options.host != "127.0.0.1" && options.host != "localhost"},
          {"port", options.port},
          {"server_name", nullptr},
          {"cors_allow_origins", nullptr},
          {"ckpt", nullptr},
          {"no_half", true},
          {"medvram", false},
          {"lowvram", false}};
}

void refresh_models(ServerParts& parts) {
  if (parts.catalogue.refresh()) parts.events.publish({{"type", "models"}});
}

void add_fixed_list(Router& router, const std::string& path, const std::string& summary,
                    json list) {
  router.add({"GET", path, Access::local_api, summary},
             [list = std::move(list)](const HttpRequest&, Reply reply) { reply.json(200, list); });
}

}  // namespace

void add_sdapi_list_routes(Router& router, ServerParts& parts) {
  router.add({"GET", "/sdapi/v1/sd-models", Access::local_api, "The base models"},
             [&parts](const HttpRequest&, Reply reply) {
               reply.json(200, webui_checkpoints(parts.catalogue));
             });
  add_fixed_list(router, "/sdapi/v1/samplers", "The samplers", webui_samplers());
  add_fixed_list(router, "/sdapi/v1/schedulers", "The schedules of noise", webui_schedulers());
  add_fixed_list(router, "/sdapi/v1/upscalers", "Ways to enlarge pictures", webui_upscalers());
  add_fixed_list(router, "/sdapi/v1/latent-upscale-modes", "Ways to enlarge latents",
                 webui_latent_upscalers());
  for (const char* name : {"sd-vae", "sd-modules", "loras", "hypernetworks", "face-restorers",
                           "realesrgan-models", "prompt-styles", "script-info"})
    add_fixed_list(router, std::string("/sdapi/v1/") + name, kListNone, json::array());
  add_fixed_list(router, "/sdapi/v1/embeddings", kListNone,
                 {{"loaded", json::object()}, {"skipped", json::object()}});
  add_fixed_list(router, "/sdapi/v1/scripts", "Scripts that alwayson_scripts may name",
                 scripts_list());
  add_fixed_list(router, "/sdapi/v1/extensions", "Extensions", extensions_list());
  add_fixed_list(router, "/sdapi/v1/cmd-flags", "How the server was started",
                 cmd_flags(parts.options));
  for (const char* name :
       {"refresh-checkpoints", "refresh-vae", "refresh-embeddings", "refresh-loras"}) {
    router.add(
        {"POST", std::string("/sdapi/v1/") + name, Access::local_api, "Looks for new model files"},
        [&parts](const HttpRequest&, Reply reply) {
          refresh_models(parts);
          reply.json(200, nullptr);
        });
  }
  // Weights are loaded when they are needed and leave by themselves.
  for (const char* name : {"unload-checkpoint", "reload-checkpoint"}) {
    router.add({"POST", std::string("/sdapi/v1/") + name, Access::local_api, "Has no effect here"},
               [](const HttpRequest&, Reply reply) { reply.json(200, json::object()); });
  }
  for (const char* name :
       {"create/embedding", "create/hypernetwork", "train/embedding", "train/hypernetwork"}) {
    router.add({"POST", std::string("/sdapi/v1/") + name, Access::local_api, "Not offered"},
               [](const HttpRequest&, const Reply&) {
                 throw webui_error(501, "embeddings and hypernetworks are not offered");
               });
  }
}

}  // namespace zc
