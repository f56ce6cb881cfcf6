// SPDX-License-Identifier: Apache-2.0
// Models under the names that the web UI and its ControlNet extension give them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "server/catalogue.h"

namespace zc {

// A base model by title, id, file name, stem, the first 8 or more digits of its fingerprint, or a
// part of its title, in this order. Only models that can be used.
std::optional<ModelEntry> find_webui_checkpoint(const Catalogue& catalogue, std::string_view name);

// The built-in model, or the first one that can be used.
std::optional<ModelEntry> default_webui_checkpoint(const Catalogue& catalogue);

// GET sd-models: [{"title","model_name","hash","sha256","filename","config"}]; no paths.
nlohmann::json webui_checkpoints(const Catalogue& catalogue);

// "control_v11p_sd15_canny [d14c016b]": eight digits of the SHA-256 of 64 KiB in the middle of the
// file's first megabytes, as the web UI computes them. Reads them each time.
std::string webui_controlnet_name(const ModelEntry& entry);

struct WebuiControlnet {
  std::string name;  // as above
  ModelEntry entry;
};
// Those that can be used, by name.
std::vector<WebuiControlnet> webui_controlnets(const Catalogue& catalogue);

// The extension's rules: the whole name; the name without its hash in any case; the shortest name
// that holds it.
std::optional<ModelEntry> find_webui_controlnet(const Catalogue& catalogue, std::string_view name);

// What the sides of its pictures are multiples of.
int64_t webui_side_multiple(const ModelEntry& base);

}  // namespace zc
