// SPDX-License-Identifier: Apache-2.0
// Trainings of ControlNets.
#include <nlohmann/json.hpp>

#include "server/native_request.h"
#include "server/routes_app.h"
#include "server/train_runs.h"

namespace zc {
namespace {

using nlohmann::json;

// The report is a page of ours that shows texts of others: it may show its pictures and styles, and
// nothing else.
void send_train_file(const HttpRequest& request, const Reply& reply, TrainRuns& train) {
  TrainRuns::RunFile file = train.file(request.captures.at(0), request.captures.at(1));
  HttpResponse response;
  response.media_type = file.media_type;
  response.body = std::move(file.bytes);
  response.headers.emplace_back("Content-Security-Policy",
                                "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
                                "sandbox; frame-ancestors 'self'");
  response.headers.emplace_back("Cache-Control", "no-cache");
  reply.send(std::move(response));
}

void plan_run(const HttpRequest& request, const Reply& reply, TrainRuns& train) {
  train.plan(body_object(request), [reply](const json& plan, const std::exception_ptr& error) {
    if (!error) return reply.json(200, plan);
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      reply.error(e);
    }
  });
}

}  // namespace

void add_train_routes(Router& router, ServerParts& parts) {
  TrainRuns& train = parts.train;
  const auto add = [&](Route route, auto handle) {
    router.add(std::move(route), [&train, handle](const HttpRequest& request, const Reply& reply) {
      handle(request, reply, train);
    });
  };
  using Q = const HttpRequest&;
  using R = const Reply&;
  add({"GET", "/api/v1/train/runs", Access::read, "The trainings, newest first"},
      [](Q, R reply, TrainRuns& t) { reply.json(200, {{"runs", t.list()}}); });
  add({"POST", "/api/v1/train/runs", Access::write, "Begin a training"},
      [](Q request, R reply, TrainRuns& t) { reply.json(201, t.create(body_object(request))); });
  add({"POST", "/api/v1/train/runs/plan", Access::write, "What a training would need"}, plan_run);
  add({"GET", "/api/v1/train/runs/{id}", Access::read, "A training with its curves"},
      [](Q request, R reply, TrainRuns& t) { reply.json(200, t.details(request.captures.at(0))); });
  add({"DELETE", "/api/v1/train/runs/{id}", Access::write, "Remove a training and its files"},
      [](Q request, R reply, TrainRuns& t) {
        t.remove(request.captures.at(0));
        HttpResponse done;
        done.status = 204;
        reply.send(std::move(done));
      });
  add({"POST", "/api/v1/train/runs/{id}/stop", Access::write, "Save and stop a training"},
      [](Q request, R reply, TrainRuns& t) {
        static_cast<void>(read_body<EmptyBody>(request));
        reply.json(200, t.stop_run(request.captures.at(0)));
      });
  add({"POST", "/api/v1/train/runs/{id}/resume", Access::write, "Go on with a training"},
      [](Q request, R reply, TrainRuns& t) {
        const ResumeBody body = read_body<ResumeBody>(request);
        reply.json(200, t.resume(request.captures.at(0), body.steps));
      });
  add({"POST", "/api/v1/train/runs/{id}/use", Access::admin,
       "Put the result of a training among the models"},
      [](Q request, R reply, TrainRuns& t) {
        static_cast<void>(read_body<EmptyBody>(request));
        reply.json(200, {{"model", model_json(t.use(request.captures.at(0)))}});
      });
  add({"GET", "/api/v1/train/runs/{id}/files/{name}", Access::read,
       "The report or a sample picture of a training"},
      send_train_file);
}

}  // namespace zc
