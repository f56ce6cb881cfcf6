// SPDX-License-Identifier: Apache-2.0
// Start pictures and masks of img2img, brought into the form that the engine takes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "image/resize.h"
#include "server/sdapi_request.h"

namespace zc {

struct WebuiStart {
  Image shown;            // the start picture as units see it that have none of their own
  std::string shown_sha;  // its asset
  std::string init;       // sha of the engine's start picture, of the request's size
  std::string mask;       // sha; "": none
  double mask_blur = 0;
  std::shared_ptr<const WebuiPaste> paste;
};

// One for each of init_images. `fields`: of webui_img2img_fields(); `size`: of the picture. Throws
// webui_error(404, "Init image not found") and webui_invalid().
std::vector<WebuiStart> read_webui_starts(const nlohmann::json& fields, ImageSize size,
                                          Store& store, std::vector<std::string>& comments);

}  // namespace zc
