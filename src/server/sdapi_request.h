// SPDX-License-Identifier: Apache-2.0
// A body of /sdapi/v1/txt2img or img2img as requests of ours.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "image/codec.h"
#include "pipelines/request.h"
#include "server/routes.h"
#include "server/sdapi_images.h"
#include "server/sdapi_units.h"

namespace zc {

// "Only masked": what was made is a part of this picture.
struct WebuiPaste {
  Image picture;  // RGB
  Image mask;     // softened, of its size
  WebuiRegion region;
};

// What makes one or more pictures: a job.
struct WebuiJob {
  GenerateRequest request;                  // without its control units
  std::shared_ptr<const WebuiPaste> paste;  // of each picture of the job; null: they are whole
};

struct WebuiRequest {
  nlohmann::json parameters;   // the body with the defaults filled in, as the answer repeats it
  nlohmann::json options;      // with override_settings
  std::vector<WebuiJob> jobs;  // in the order of the answer's pictures
  std::vector<WebuiUnit> units;
  ModelEntry base;
  std::string sampler_name;  // for `info`
  std::string schedule;
  int64_t iterations = 1;
  int64_t batch = 1;
  int64_t seed = 0;  // of the first picture
  int64_t subseed = 0;
  std::string task_id;  // force_task_id or ""
  ImageFormat format = ImageFormat::png;
  int quality = 80;
  bool detected_maps = true;
  std::vector<std::string> comments;  // for people: what has no effect here, what was rounded
};

// Checks all that can be known without a model's weights. Pictures become assets. Throws
// webui_invalid(), webui_error() and what the native request throws.
WebuiRequest read_webui_request(const nlohmann::json& body, bool img2img, ServerParts& parts);

// The native request of a job, with its units. What it throws names fields of ours
// (webui_field_name).
GenerateRequest webui_job_request(const WebuiJob& job, const std::vector<WebuiUnit>& units);

}  // namespace zc
