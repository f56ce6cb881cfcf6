// SPDX-License-Identifier: Apache-2.0
// The answer to /sdapi/v1/txt2img and img2img, made of finished jobs.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "server/sdapi_request.h"
#include "store/store.h"

namespace zc {

// {"images":[base64...],"parameters":{...},"info":"<JSON>"}: the pictures of the jobs in their
// order, then one detected map for each unit that shows one. Jobs that were cancelled give what
// they had finished. jobs: as many as wanted.jobs, or fewer where the rest never came to be. Throws
// webui_error() and ProblemError for a job that failed.
nlohmann::json webui_answer(const WebuiRequest& wanted, const std::vector<Job>& jobs, Store& store);

}  // namespace zc
