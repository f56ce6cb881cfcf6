// SPDX-License-Identifier: Apache-2.0
// Inside of the native API: its routes by subject. add_app_routes() (server/routes.h) adds them
// all.
#pragma once

#include "server/routes.h"

namespace zc {

// All borrow the parts.
void add_server_routes(Router& router, ServerParts& parts);  // session, capabilities, settings, ...
void add_asset_routes(Router& router, ServerParts& parts);   // assets, annotate, pose
void add_job_routes(Router& router, ServerParts& parts);
void add_image_routes(Router& router, ServerParts& parts);
void add_image_export_routes(Router& router, ServerParts& parts);  // zip, read, compare
void add_model_routes(Router& router, ServerParts& parts);
void add_train_routes(Router& router, ServerParts& parts);
void add_event_routes(Router& router, ServerParts& parts);

}  // namespace zc
