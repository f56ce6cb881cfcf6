// SPDX-License-Identifier: Apache-2.0
// From what a picture tells of itself to a request that this studio can run: its pictures become
// assets, its models those of the catalogue.
#pragma once

#include <cstdint>
#include <span>

#include <nlohmann/json_fwd.hpp>

#include "server/catalogue.h"
#include "store/store.h"

namespace zc {

// {"source":"zeroconv|a1111|comfyui|fooocus|invokeai|none","request":{...},"text","model","notes":[]}
// What cannot be used here is left out of the request and said in the notes. The maps that our own
// pictures carry become assets.
nlohmann::json recall_picture(std::span<const uint8_t> file, Store& store,
                              const Catalogue& catalogue);

}  // namespace zc
