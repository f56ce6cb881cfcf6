// SPDX-License-Identifier: Apache-2.0
// The body of a "generate" job: a request whose pictures are assets and whose models are ids.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "pipelines/request.h"
#include "server/catalogue.h"
#include "store/store.h"

namespace zc {

// What one request may cost; shown in capabilities.
struct JobLimits {
  int64_t max_layers = 8;
  int64_t max_side = 2048;
  int64_t max_batch = 16;
  int64_t max_steps = 150;
  int64_t max_prompt_bytes = 16 * 1024;
};

using KindModels = std::vector<std::pair<std::string, ModelEntry>>;

struct JobRequest {
  // As it came: "asset:SHA", ids. This is what records, PNG texts and answers hold.
  GenerateRequest request;
  ModelEntry base;
  // One for each kind that the request's controls use.
  KindModels controlnets;

  // The same with the paths of the model files in it, for paths_of_request().
  GenerateRequest with_files() const;
};

// Checks all that can be known without reading a picture or a weight: fields, types, ranges,
// assets, models. For routes before they submit and for the engine before it begins. Throws
// bad_request naming the field as controls[1].image.
JobRequest read_job_request(const nlohmann::json& body, Store& store, const Catalogue& catalogue,
                            const JobLimits& limits = {});

// The files of a request's control kinds: those that it names, else the catalogue's. A kind that
// the base's own file holds is left out. Throws bad_request naming the field.
KindModels controlnets_of(const GenerateRequest& request, const ModelEntry& base,
                          const Catalogue& catalogue);

// "asset:SHA" -> SHA; throws bad_request naming the field for anything else, a path above all.
std::string asset_sha(std::string_view name, const std::string& field);

}  // namespace zc
