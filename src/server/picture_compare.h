// SPDX-License-Identifier: Apache-2.0
// Does a finished picture obey its map? The map is taken from the picture again and compared.
#pragma once

#include <functional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "server/annotate_service.h"
#include "store/store.h"

namespace zc {

// Calls `done` once with {"map":sha,"receipt":{"kind","metric","value",...}|null}, or with what
// went wrong. The receipt is null where the picture has no map of that kind or the kind is not
// measured. `kind`: of control. The service's errors; its client and slot are `client` and the
// picture.
using CompareDone = std::function<void(const nlohmann::json& result, std::exception_ptr error)>;
void compare_picture(const StoredImage& image, const std::string& kind, const std::string& client,
                     Store& store, AnnotateService& service, CompareDone done);

}  // namespace zc
