// SPDX-License-Identifier: Apache-2.0
// What this server can do: models, kinds of control with the settings of their annotators, limits,
// the schema of a request, examples.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/options.h"
#include "server/annotate_service.h"
#include "server/catalogue.h"
#include "server/routes.h"

namespace zc {

// The answer to GET /api/v1/capabilities.
nlohmann::json capabilities_json(ServerParts& parts);

// The schema of a request with this server's limits and samplers.
nlohmann::json generate_request_schema();

// {"max_layers","max_side","max_batch","max_steps","max_prompt_bytes","max_upload_bytes",
// "max_pixels"}
nlohmann::json limits_json();

// [{"kind","label","available","why_not","annotators":[...]}], in the order of the annotators.
nlohmann::json control_kinds_json(const std::vector<AnnotatorEntry>& annotators,
                                  const Catalogue& catalogue);

// {"name","type":"int|float|bool|choice|text","default","min","max","step","choices","help"} of
// what describe_options() says.
nlohmann::json parameter_json(const OptionHelp& option);

}  // namespace zc
