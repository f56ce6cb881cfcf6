// SPDX-License-Identifier: Apache-2.0
// Inside of the engine: one run of the main path, whose pictures and maps become blobs.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "pipelines/generate.h"
#include "server/engine.h"
#include "server/job_request.h"
#include "store/store.h"

namespace zc {

// The pictures that the request names, decoded; units whose picture is people as OpenPose JSON are
// marked as finished maps. Throws bad_request, bad_file.
GenerateInputs load_assets(GenerateRequest& request, Store& store);
// The picture to begin with and its mask alone.
void load_start_assets(const GenerateRequest& request, Store& store, GenerateInputs& inputs);
// The bytes of an asset; throws bad_request naming the field when it has gone.
std::string asset_bytes(const std::filesystem::path& name, const std::string& field, Store& store);
Image asset_image(const std::filesystem::path& name, const std::string& field, Store& store);
// The sha of the picture as PNG.
std::string put_png(Store& store, const Image& image, const PngTexts& texts = {});

struct RunOutcome {
  EngineResult result;
  std::vector<Image> pictures;
  double total_seconds = 0;
  double pixel_steps = 0;  // of all pictures, for estimates; 0 when it was cancelled
};

struct RunParts {
  Store& store;
  const ModelSet& models;
  const Tokenizer& tokenizer;
  const JobRequest& job;
  const GenerateInputs& inputs;
  const EngineHooks& hooks;
  int64_t memory_bytes = 0;
  double load_seconds = 0;
  std::vector<std::string> warnings;  // known before the run
};

// Generates, and keeps what is finished when it is cancelled. Throws what generate() throws, but
// for cancelled.
RunOutcome run_generation(const RunParts& parts);

}  // namespace zc
