// SPDX-License-Identifier: Apache-2.0
// The model files that are there.
#include <memory>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "server/call_queue.h"
#include "server/catalogue.h"
#include "server/events.h"
#include "server/native_request.h"
#include "server/routes_app.h"

namespace zc {
namespace {

using nlohmann::json;

json models_json(const Catalogue& catalogue) {
  json models = json::array();
  for (const ModelEntry& entry : catalogue.list()) models.push_back(model_json(entry));
  return {{"models", models}};
}

void refresh_models(const HttpRequest& request, const Reply& reply, ServerParts& parts) {
  static_cast<void>(read_body<EmptyBody>(request));
  if (parts.catalogue.refresh()) parts.events.publish({{"type", "models"}});
  reply.json(200, models_json(parts.catalogue));
}

// Reads gigabytes, so not on a thread that answers others.
void verify_one(const HttpRequest& request, const Reply& reply, const Catalogue& catalogue,
                CallQueue& readers) {
  static_cast<void>(read_body<EmptyBody>(request));
  const auto entry = catalogue.find(request.captures.at(0));
  if (!entry) throw Error(ErrorKind::not_found, "id", "there is no such model");
  readers.post([entry = *entry, reply] {
    try {
      const ModelCheck check = verify_model(entry);
      reply.json(200, {{"ok", check.ok}, {"sha256", check.sha256}, {"problems", check.problems}});
    } catch (const std::exception& error) {
      reply.error(error);
    }
  });
}

}  // namespace

void add_model_routes(Router& router, ServerParts& parts) {
  const auto readers = std::make_shared<CallQueue>();
  router.add({"GET", "/api/v1/models", Access::read, "The model files that are there"},
             [&parts](const HttpRequest&, const Reply& reply) {
               reply.json(200, models_json(parts.catalogue));
             });
  router.add({"POST", "/api/v1/models/refresh", Access::admin, "Look for model files again"},
             [&parts](const HttpRequest& request, const Reply& reply) {
               refresh_models(request, reply, parts);
             });
  router.add({"POST", "/api/v1/models/{id}/verify", Access::admin, "Read all of a model file"},
             [&parts, readers](const HttpRequest& request, const Reply& reply) {
               verify_one(request, reply, parts.catalogue, *readers);
             });
}

}  // namespace zc
