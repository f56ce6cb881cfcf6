// SPDX-License-Identifier: Apache-2.0
#include "server/studio.h"

#include <arpa/inet.h>

#include <atomic>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "server/admission.h"
#include "server/auth.h"
#include "server/data_folder.h"
#include "server/event_routes.h"
#include "server/follower.h"
#include "server/http_server.h"
#include "server/metrics.h"
#include "server/train_runs.h"
#include "server/web_files.h"
#include "server/worker.h"
#include "server/worker_list.h"

namespace zc {
namespace {

constexpr int kHandlerThreads = 8;
constexpr double kGoodbyeSeconds = 4;
constexpr const char* kEventsPath = "/api/v1/events";

// With all that was left open chosen.
ServeOptions resolved_options(ServeOptions o) {
  const bool own_token = !o.token.empty();
  if (!is_loopback_host(o.host) && !own_token && o.api_auth.empty() && !o.insecure_no_auth) {
    throw Error(ErrorKind::bad_request, "host",
                fmt::format("{} can be reached by others: choose a secret with --token or "
                            "passwords with --api-auth (--insecure-no-auth lets everybody in)",
                            o.host));
  }
  o.data = data_folder(o.data);
  o.store = store_url(o.store, o.data);
  if (o.models.empty()) o.models = o.data / "models";
  if (!own_token && !o.insecure_no_auth) o.token = kept_token(o.data);
  return o;
}

StoreOptions store_options(const ServeOptions& o) {
  StoreOptions options;
  options.url = o.store;
  options.lease_seconds = o.lease_seconds;
  return options;
}

AuthOptions auth_options(const ServeOptions& o, Store& store) {
  AuthOptions options;
  options.token = o.token;
  if (!o.api_auth.empty()) options.api_auth = parse_api_auth(o.api_auth);
  options.loopback = is_loopback_host(o.host);
  options.insecure_no_auth = o.insecure_no_auth;
  options.cors_origins = o.cors_allow_origins;
  options.allowed_hosts = o.allowed_hosts;
  if (o.port != 0) options.cookie = fmt::format("zeroconv_{}", o.port);
  options.find_token = [&store](const std::string& sha) -> std::optional<Principal> {
    const std::optional<ApiToken> token = store.settings().find_token(sha);
    if (!token) return std::nullopt;
    return Principal{.tenant = token->name, .scopes = token->scopes, .authenticated = true};
  };
  return options;
}

std::vector<std::filesystem::path> catalogue_folders(const ServeOptions& o,
                                                     const StudioMakers& makers) {
  std::vector<std::filesystem::path> folders = {o.models};
  folders.insert(folders.end(), makers.model_folders.begin(), makers.model_folders.end());
  return folders;
}

}  // namespace

bool is_loopback_host(const std::string& host) {
  if (host == "localhost") return true;
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6) != 0;
}

// The members are made from first to last and go from last to first: what uses others comes behind
// them.
struct Studio::Impl {
  Impl(ServeOptions the_options, StudioMakers the_makers);
  void add_workers(FollowerOptions& following);
  void add_routes();
  HttpOptions http_options();
  WorkerOptions worker_options() const;

  const StudioMakers makers;
  const ServeOptions options;
  Store store;
  Events events;
  Catalogue catalogue;
  std::unique_ptr<AnnotateService> annotate;
  std::vector<std::unique_ptr<Engine>> engines;
  TrainRuns train;
  WorkerList worker_list;
  Auth auth;
  Metrics metrics;
  Admission admission;
  WebFiles web_files;
  Router router;
  ServerParts parts;
  Subscription jobs_counted;
  std::vector<std::unique_ptr<Worker>> workers;
  std::unique_ptr<Follower> follower;
  std::unique_ptr<HttpServer> http;
};

Studio::Impl::Impl(ServeOptions the_options, StudioMakers the_makers)
    : makers(std::move(the_makers)),
      options(resolved_options(std::move(the_options))),
      store(store_options(options)),
      events(store),
      catalogue({.folders = catalogue_folders(options, makers), .read = makers.read_model}),
      annotate(makers.annotate(store, catalogue)),
      train({.data = options.data, .models = options.models}, store, catalogue, events),
      worker_list(store),
      auth(auth_options(options, store)),
      metrics(makers.version),
      admission(store, options.data),
      web_files(options.web_dir),
      router(auth),
      parts{store,
            events,
            catalogue,
            *annotate,
            *engines.emplace_back(makers.engines.at(0)(store, catalogue)),
            auth,
            train,
            worker_list,
            options} {
  catalogue.refresh();
  FollowerOptions following{.keep_jobs_ms = options.keep_jobs_days * 24 * 3600 * 1000};
  add_workers(following);
  follower = std::make_unique<Follower>(store, events, following);
  jobs_counted = events.on_job([this](const Job& job) { metrics.job_changed(job); });
  add_routes();
  http = std::make_unique<HttpServer>(
      http_options(),
      [this](HttpRequest request, Reply reply) {
        const std::string method = request.method;
        router.dispatch(std::move(request), counted(metrics, method, std::move(reply)));
      },
      [this](const HttpRequest& request) { return router.admits_websocket(request, kEventsPath); },
      [this](HttpRequest request, WebSocket socket) {
        if (!router.authorize(request)) return socket.close(1008);
        send_events(request, socket, events);
      });
}

// By turns one for each device. They take jobs from the one queue; each engine has models of its
// own, so that a device that fails, or lacks memory, takes no job from the others.
void Studio::Impl::add_workers(FollowerOptions& following) {
  const size_t devices = makers.engines.size();
  for (size_t i = 0; i < static_cast<size_t>(options.workers) * devices; ++i) {
    if (i >= engines.size()) engines.push_back(makers.engines[i % devices](store, catalogue));
    workers.push_back(std::make_unique<Worker>(store, *engines[i], &events, worker_options()));
    following.own_workers.insert(workers.back()->name());
  }
}

WorkerOptions Studio::Impl::worker_options() const {
  WorkerOptions worker;
  worker.name = default_worker_name();
  worker.heartbeat_seconds = options.lease_seconds / 3;
  worker.say = makers.say;
  return worker;
}

HttpOptions Studio::Impl::http_options() {
  HttpOptions http_server;
  http_server.host = options.host;
  http_server.port = static_cast<uint16_t>(options.port);
  http_server.handler_threads = kHandlerThreads;
  http_server.admit = [this](const HttpRequest& request) -> std::optional<HttpResponse> {
    if (auto refused = router.admit(request)) return refused;
    if (const auto problem = admission.refusal(request)) return problem_response(*problem);
    return std::nullopt;
  };
  return http_server;
}

void Studio::Impl::add_routes() {
  add_health_routes(router, store, metrics);
  add_app_routes(router, parts);
  add_openapi_routes(router, parts);
  add_sdapi_routes(router, parts);
  add_controlnet_routes(router, parts);
  add_openai_routes(router, parts);
  router.add(
      {"GET", "/{file...}", Access::open, "The studio's pages"},
      [this](const HttpRequest& request, Reply reply) { reply.send(web_files.answer(request)); });
}

Studio::Studio(ServeOptions options, StudioMakers makers)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(makers))) {}

Studio::~Studio() {
  if (impl_ && !stop()) static_cast<void>(impl_.release());  // a thread is still in there
}

void Studio::start() {
  impl_->http->start();
  impl_->train.start();
  impl_->follower->start();
  for (const auto& worker : impl_->workers) worker->start();
}

bool Studio::stop() {
  std::atomic<bool> ended{true};
  std::vector<std::thread> stopping;
  for (const auto& worker : impl_->workers) {
    stopping.emplace_back([&ended, &worker] {
      if (!worker->stop()) ended = false;
    });
  }
  for (std::thread& thread : stopping) thread.join();
  impl_->http->stop(kGoodbyeSeconds);
  impl_->follower->stop();
  impl_->train.stop();
  impl_->events.drain();
  return ended;
}

uint16_t Studio::port() const {
  return impl_->http->port();
}

std::string Studio::address() const {
  const std::string& host = impl_->options.host;
  const bool any = host == "0.0.0.0" || host == "::";
  const bool v6 = !any && host.find(':') != std::string::npos;
  return fmt::format("http://{}:{}", any ? "127.0.0.1" : v6 ? "[" + host + "]" : host, port());
}

std::string Studio::link() const {
  if (impl_->options.insecure_no_auth) return address() + "/";
  return fmt::format("{}/#token={}", address(), impl_->options.token);
}

ServerParts& Studio::parts() {
  return impl_->parts;
}

}  // namespace zc
