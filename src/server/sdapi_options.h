// SPDX-License-Identifier: Apache-2.0
// The web UI's options: what clients read and write at /sdapi/v1/options.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "server/catalogue.h"
#include "store/store.h"

namespace zc {

// All options as GET options shows them. `sd_model_checkpoint` is always the title of a model that
// is there, or null when there is none.
nlohmann::json webui_options(Store& store, const Catalogue& catalogue);

// POST options: some of them, or all as they were read; unknown names and nulls are passed over.
// Throws webui_error(500, "model 'X' not found", "RuntimeError") and webui_invalid().
void set_webui_options(Store& store, const Catalogue& catalogue, const nlohmann::json& changes);

// The same with a request's override_settings above them, not kept. Throws webui_invalid() naming
// override_settings.NAME.
nlohmann::json overridden_webui_options(const nlohmann::json& options,
                                        const nlohmann::json& override_settings,
                                        const Catalogue& catalogue);

}  // namespace zc
