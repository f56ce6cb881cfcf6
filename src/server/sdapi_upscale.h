// SPDX-License-Identifier: Apache-2.0
// The web UI's "extras": pictures enlarged without a model.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "image/image.h"

namespace zc {

// GET upscalers: [{"name","model_name","model_path","model_url","scale"}], first None.
nlohmann::json webui_upscalers();
// GET latent-upscale-modes: [{"name"}].
nlohmann::json webui_latent_upscalers();

struct WebuiExtras {
  int64_t mode = 0;  // 0: by a factor, 1: to a size
  double factor = 2;
  int64_t width = 512;
  int64_t height = 512;
  bool crop = true;  // to a size: cut off what is over
  std::string upscaler = "None";
  std::string second = "None";
  double second_share = 0;
};

// Of the fields that extra-single-image and extra-batch-images share; unknown upscalers are 422.
// `notes` gets what has no effect here.
WebuiExtras read_webui_extras(const nlohmann::json& body, std::vector<std::string>& notes);

// Throws webui_invalid() when the result would be larger than this server makes.
Image enlarged(const Image& image, const WebuiExtras& extras);

}  // namespace zc
