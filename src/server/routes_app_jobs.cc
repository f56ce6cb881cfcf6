// SPDX-License-Identifier: Apache-2.0
// Jobs: pictures that are wanted, their queue, and what they would need.
#include <algorithm>
#include <random>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "server/engine.h"
#include "server/events.h"
#include "server/job_json.h"
#include "server/job_request.h"
#include "server/native_request.h"
#include "server/problem.h"
#include "server/routes_app.h"

namespace zc {
namespace {

using nlohmann::json;

constexpr size_t kLongestKey = 200;

Job known_job(Store& store, const std::string& id) {
  auto job = store.jobs().get(id);
  if (!job) throw Error(ErrorKind::not_found, "id", "there is no such job (any more)");
  return std::move(*job);
}

// A random seed is chosen here: a job that is begun a second time must give the same picture.
int64_t chosen_seed() {
  std::random_device random;
  return static_cast<int64_t>((uint64_t{random()} << 32 | random()) & ((uint64_t{1} << 32) - 1));
}

const json& request_of_body(const json& free) {
  const json& request = free["request"];
  if (request.is_null()) throw Error(ErrorKind::bad_request, "request", "is missing");
  return request;
}

std::string idempotency_key(const HttpRequest& request) {
  const std::string key = request.header("idempotency-key");
  if (key.size() <= kLongestKey) return key;
  throw Error(ErrorKind::bad_request, "Idempotency-Key",
              fmt::format("has {} bytes, at most {} are taken", key.size(), kLongestKey));
}

NewJob new_job(const HttpRequest& request, ServerParts& parts) {
  const ReadBody<JobBody> body = read_body<JobBody>(request);
  json wanted = request_of_body(body.free);
  const std::vector<std::string> kinds = parts.engine.kinds();
  if (std::find(kinds.begin(), kinds.end(), body.kind) == kinds.end()) {
    throw Error(ErrorKind::bad_request, "kind",
                fmt::format("is `{}`, this server takes {}", body.kind, fmt::join(kinds, ", ")));
  }
  if (body.kind == "generate") {
    const JobRequest checked = read_job_request(wanted, parts.store, parts.catalogue);
    if (checked.request.seed < 0) wanted["seed"] = chosen_seed();
  }
  return {.kind = body.kind,
          .body = json_text(wanted),
          .tenant = request.principal.tenant,
          .priority = body.priority,
          .idempotency_key = idempotency_key(request)};
}

void submit_job(const HttpRequest& request, const Reply& reply, ServerParts& parts) {
  const Job job = parts.store.jobs().submit(new_job(request, parts));
  parts.events.job_changed(job);
  reply.json(202, job_json(parts.store, job));
}

void plan_job(const HttpRequest& request, const Reply& reply, ServerParts& parts) {
  const ReadBody<PlanBody> body = read_body<PlanBody>(request);
  const json& wanted = request_of_body(body.free);
  static_cast<void>(read_job_request(wanted, parts.store, parts.catalogue));
  HttpResponse response;
  response.body = parts.engine.plan(json_text(wanted));
  reply.send(std::move(response));
}

JobState state_named(const std::string& name) {
  const auto names = enumerator_names(JobState{});
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<JobState>(found - names.begin());
  throw Error(
      ErrorKind::bad_request, "state",
      fmt::format("is `{}`, wanted one of {}", printable(name, 60), fmt::join(names, ", ")));
}

void list_jobs(const HttpRequest& request, const Reply& reply, Store& store) {
  Jobs::Filter filter;
  if (const std::string state = request.query_value("state"); !state.empty())
    filter.state = state_named(state);
  filter.kind = request.query_value("kind");
  filter.before_id = request.query_value("before");
  filter.limit = query_number(request, "limit", 100, {1, 1000});
  json jobs = json::array();
  for (const Job& job : store.jobs().list(filter)) jobs.push_back(job_json(store, job));
  reply.json(200, {{"jobs", jobs}});
}

void cancel_job(const HttpRequest& request, const Reply& reply, ServerParts& parts) {
  const auto job = parts.store.jobs().cancel(request.captures.at(0));
  if (!job) throw Error(ErrorKind::not_found, "id", "there is no such job (any more)");
  parts.events.job_changed(*job);
  reply.json(200, job_json(parts.store, *job));
}

void send_preview(const HttpRequest& request, const Reply& reply, Store& store) {
  const auto preview = store.jobs().preview(request.captures.at(0));
  if (!preview) throw Error(ErrorKind::not_found, "id", "the job has no preview (any more)");
  std::string bytes(reinterpret_cast<const char*>(preview->bytes.data()), preview->bytes.size());
  const char* type = bytes.starts_with("\x89PNG") ? "image/png" : "image/jpeg";
  HttpResponse response = bytes_response(std::move(bytes), type);
  response.headers.emplace_back("X-Step", std::to_string(preview->step));
  reply.send(std::move(response));
}

}  // namespace

void add_job_routes(Router& router, ServerParts& parts) {
  const auto add = [&](Route route,
                       void (*handle)(const HttpRequest&, const Reply&, ServerParts&)) {
    router.add(std::move(route), [&parts, handle](const HttpRequest& request, const Reply& reply) {
      handle(request, reply, parts);
    });
  };
  add({"POST", "/api/v1/jobs", Access::write, "Ask for pictures"}, submit_job);
  add({"POST", "/api/v1/jobs/plan", Access::read, "What a job would need, before it is asked for"},
      plan_job);
  add({"DELETE", "/api/v1/jobs/{id}", Access::write, "Cancel a job"}, cancel_job);
  add({"GET", "/api/v1/jobs", Access::read, "The jobs, newest first"},
      [](const HttpRequest& request, const Reply& reply, ServerParts& p) {
        list_jobs(request, reply, p.store);
      });
  add({"GET", "/api/v1/jobs/{id}", Access::read, "A job"},
      [](const HttpRequest& request, const Reply& reply, ServerParts& p) {
        reply.json(200, job_json(p.store, known_job(p.store, request.captures.at(0))));
      });
  add({"GET", "/api/v1/jobs/{id}/preview", Access::read, "The newest preview of a job at work"},
      [](const HttpRequest& request, const Reply& reply, ServerParts& p) {
        send_preview(request, reply, p.store);
      });
}

}  // namespace zc
