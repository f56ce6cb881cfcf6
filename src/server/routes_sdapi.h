// SPDX-License-Identifier: Apache-2.0
// Inside of the web UI's API: its routes by subject. add_sdapi_routes() (server/routes.h) adds them
// all.
#pragma once

#include <memory>

#include "server/routes.h"
#include "server/sdapi_tasks.h"

namespace zc {

// All borrow the parts.
void add_sdapi_list_routes(Router& router, ServerParts& parts);  // models, samplers, upscalers, ...
void add_sdapi_tool_routes(Router& router, ServerParts& parts);  // options, png-info, extras, ...
void add_sdapi_progress_routes(Router& router, const std::shared_ptr<WebuiTasks>& tasks,
                               ServerParts& parts);

// Paths below these prefixes answer errors in the web UI's shapes; a GET of what is not there too.
void format_webui_problems(Router& router, const std::string& prefix);

}  // namespace zc
