// SPDX-License-Identifier: Apache-2.0
// Pictures to begin with: what a first visitor can make with one click and the built-in model.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "server/catalogue.h"
#include "store/store.h"

namespace zc {

// [{"id","title","thumb","request"}]: requests of the kinds for which the built-in model has
// ControlNets. Their pictures are drawn and stored when this is first called on a store, and named
// in the setting "studio.examples", so that they stay. Empty without the built-in model.
nlohmann::json examples_json(Store& store, const Catalogue& catalogue);

}  // namespace zc
