// SPDX-License-Identifier: Apache-2.0
// The document without a running server: all routes are added, none is ever called.
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "server/annotate_service.h"
#include "server/auth.h"
#include "server/catalogue.h"
#include "server/engine.h"
#include "server/events.h"
#include "server/metrics.h"
#include "server/openapi.h"
#include "server/routes.h"
#include "server/serve.h"
#include "server/train_runs.h"
#include "server/worker_list.h"

namespace zc {
namespace {

class SilentAnnotateService final : public AnnotateService {
 public:
  void annotate(AnnotateRequest, AnnotateDone) override {}
  std::string render_pose(const std::string&, int64_t, int64_t, const std::string&) override {
    return "";
  }
  std::vector<AnnotatorEntry> annotators() const override { return {}; }
};

AuthOptions printing_auth() {
  AuthOptions options;
  options.insecure_no_auth = true;
  return options;
}

}  // namespace

std::string printed_openapi() {
  Store store({.url = "sqlite::memory:"});
  Events events(store);
  Catalogue catalogue({});
  SilentAnnotateService annotate;
  const auto engine = make_null_engine(store, 0);
  TrainRuns train({}, store, catalogue, events);
  const WorkerList workers(store);
  Auth auth(printing_auth());
  Metrics metrics("zeroconv");
  const ServeOptions options;
  Router router(auth);
  ServerParts parts{store, events, catalogue, annotate, *engine, auth, train, workers, options};
  add_health_routes(router, store, metrics);
  add_app_routes(router, parts);
  add_openapi_routes(router, parts);
  add_sdapi_routes(router, parts);
  add_controlnet_routes(router, parts);
  add_openai_routes(router, parts);
  return json_text(openapi_document(router), 2) + "\n";
}

}  // namespace zc
