// SPDX-License-Identifier: Apache-2.0
// AUTOMATIC1111's web UI as its clients see it: /sdapi/v1/txt2img, img2img, progress, interrupt.
#include <array>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/json_body.h"
#include "server/routes.h"
#include "server/routes_sdapi.h"
#include "server/sdapi_answer.h"
#include "server/sdapi_fields.h"
#include "server/sdapi_generate.h"
#include "server/sdapi_options.h"
#include "server/sdapi_problem.h"

namespace zc {
namespace {

using nlohmann::json;

void answer_webui(const Reply& reply, const WebuiRequest& wanted, const WebuiOutcome& outcome,
                  Store& store) {
  try {
    if (outcome.error) std::rethrow_exception(outcome.error);
    reply.json(200, webui_answer(wanted, outcome.jobs, store));
  } catch (const std::exception& error) {
    reply.send(webui_problem_of(error));
  }
}

WebuiTask task_of(const WebuiRequest& wanted, const HttpRequest& request, bool img2img) {
  WebuiTask task;
  task.id = wanted.task_id;
  task.name = img2img ? "scripts_img2img" : "scripts_txt2img";
  task.tenant = request.principal.tenant;
  task.steps = wanted.jobs.front().request.steps;
  task.job_count = wanted.iterations;
  return task;
}

void generate_for_webui(ServerParts& parts, const std::shared_ptr<WebuiTasks>& tasks,
                        const HttpRequest& request, const Reply& reply, bool img2img) {
  const auto wanted =
      std::make_shared<WebuiRequest>(read_webui_request(json_body(request), img2img, parts));
  const std::shared_ptr<WebuiTask> task = tasks->open(task_of(*wanted, request, img2img));
  // Nobody else waits for these pictures.
  reply.on_close([tasks, task = std::weak_ptr<WebuiTask>(task)] {
    if (const auto open = task.lock()) tasks->interrupt(open);
  });
  try {
    run_webui_request(parts, *tasks, wanted, task,
                      [&parts, tasks, wanted, reply](const WebuiOutcome& outcome) {
                        answer_webui(reply, *wanted, outcome, parts.store);
                      });
  } catch (const std::exception&) {
    tasks->close(task);
    throw;
  }
}

}  // namespace

void format_webui_problems(Router& router, const std::string& prefix) {
  router.format_problems(prefix, webui_problem);
}

void add_sdapi_progress_routes(Router& router, const std::shared_ptr<WebuiTasks>& tasks,
                               ServerParts& parts) {
  const auto with_previews = [&parts] {
    return webui_flag(webui_options(parts.store, parts.catalogue), "live_previews_enable");
  };
  router.add({"GET", "/sdapi/v1/progress", Access::local_api, "How far the open requests are"},
             [tasks, with_previews](const HttpRequest& request, Reply reply) {
               const std::string skip = request.query_value("skip_current_image", "false");
               const bool wants_picture = skip == "false" || skip == "False" || skip == "0";
               reply.json(200,
                          tasks->progress(request.principal, wants_picture && with_previews()));
             });
  router.add({"POST", "/sdapi/v1/interrupt", Access::local_api,
              "Ends the open requests with the pictures that are finished"},
             [tasks](const HttpRequest& request, Reply reply) {
               tasks->interrupt_all(request.principal);
               reply.json(200, json::object());
             });
  router.add({"POST", "/sdapi/v1/skip", Access::local_api, "Goes on with the next iteration"},
             [tasks](const HttpRequest& request, Reply reply) {
               tasks->skip(request.principal);
               reply.json(200, nullptr);
             });
  router.add({"POST", "/internal/progress", Access::local_api, "How far one request is"},
             [tasks](const HttpRequest& request, Reply reply) {
               static constexpr std::array kFields = {
                   WebuiField{"id_task", WebuiType::text, R"("")"},
                   WebuiField{"id_live_preview", WebuiType::integer, "-1"},
                   WebuiField{"live_preview", WebuiType::flag, "true"}};
               const json fields = webui_fields(kFields, json_body(request));
               reply.json(200, tasks->task_progress(webui_text(fields, "id_task"),
                                                    webui_integer(fields, "id_live_preview"),
                                                    webui_flag(fields, "live_preview")));
             });
  router.add({"GET", "/internal/pending-tasks", Access::local_api, "The open requests"},
             [tasks](const HttpRequest& request, Reply reply) {
               reply.json(200, tasks->pending(request.principal));
             });
  router.add({"GET", "/internal/ping", Access::local_api, "Whether the server is there"},
             [](const HttpRequest&, Reply reply) { reply.json(200, json::object()); });
}

void add_sdapi_routes(Router& router, ServerParts& parts) {
  const auto tasks = std::make_shared<WebuiTasks>(parts.store, parts.events);
  for (const char* prefix : {"/sdapi/", "/internal/"}) format_webui_problems(router, prefix);
  router.add({"POST", "/sdapi/v1/txt2img", Access::local_api, "Pictures of a text"},
             [&parts, tasks](const HttpRequest& request, Reply reply) {
               generate_for_webui(parts, tasks, request, reply, false);
             });
  router.add({"POST", "/sdapi/v1/img2img", Access::local_api, "Pictures of a text and a picture"},
             [&parts, tasks](const HttpRequest& request, Reply reply) {
               generate_for_webui(parts, tasks, request, reply, true);
             });
  add_sdapi_progress_routes(router, tasks, parts);
  add_sdapi_list_routes(router, parts);
  add_sdapi_tool_routes(router, parts);
}

}  // namespace zc
