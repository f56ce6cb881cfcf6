// SPDX-License-Identifier: Apache-2.0
// The native API, which the studio's pages use and nothing else.
#include "server/routes_app.h"

namespace zc {

void add_app_routes(Router& router, ServerParts& parts) {
  add_server_routes(router, parts);
  add_asset_routes(router, parts);
  add_job_routes(router, parts);
  add_image_routes(router, parts);
  add_image_export_routes(router, parts);
  add_model_routes(router, parts);
  add_train_routes(router, parts);
  add_event_routes(router, parts);
}

}  // namespace zc
