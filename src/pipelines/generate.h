// SPDX-License-Identifier: Apache-2.0
// The main path: a request and its pictures in, generated pictures out. No tensors here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "annotators/pose_json.h"
#include "base/task.h"
#include "image/image.h"
#include "models/tokenizer.h"
#include "pipelines/infotext.h"
#include "pipelines/model_paths.h"
#include "pipelines/preflight.h"
#include "pipelines/receipt.h"
#include "pipelines/request.h"

namespace zc {

struct GenerateInputs {
  std::vector<Image> images;  // one for each control unit
  // People as points, for the control units of these places; their images are empty.
  std::map<size_t, PoseDocument> poses;
  bool finished_maps = false;  // they are what make_map() gave in an earlier run
  std::optional<Image> init;
  std::optional<Image> mask;
  std::optional<int64_t> only;  // of the batch, this picture alone
  // Where the control units of these places act, in white; of any size.
  std::map<size_t, Image> unit_masks;
  // With finished_maps and a second pass: the maps of its size.
  std::vector<Image> hires_maps;
};

// Reads the files that the request names. Throws not_found or bad_file, naming the file.
GenerateInputs load_inputs(const GenerateRequest& request);

// The inputs that a record holds; the start picture and its mask are read from where the request
// says.
GenerateInputs replay_inputs(const Replay& replay);

struct GenerateHooks {
  TaskContext task;  // phases "text", "map", "sample", "decode"; steps are those of the whole batch
  // Each picture as soon as it is finished, with the texts for its PNG.
  std::function<void(const Image& picture, const PictureRecord& record)> on_image;
  // Before the first step.
  std::function<void(const MemoryPlan&)> on_plan = {};
  bool receipts = true;  // for who looks at the pictures anyway: without
  // The picture as far as it is after that step of the whole batch, roughly and small: a pixel for
  // each latent one. At most once in so many milliseconds; changes nothing of the picture.
  std::function<void(int64_t step, const Image& picture)> on_preview = {};
  int64_t preview_interval_ms = 500;
};

struct GenerateResult {
  GenerateRequest request;  // resolved: run again, it gives the same pictures
  std::vector<Image> maps;  // one for each unit, of the first pass
  std::vector<Image> images;
  std::vector<std::vector<UnitReceipt>> receipts;  // for each image one for each unit, or none
  std::vector<std::string> warnings;               // what was changed or looks wrong, for people
  std::map<std::string, double> seconds;           // for each phase
  MemoryPlan plan;
  std::string precision;  // that the denoising networks computed in
};

// Throws cancelled within one step after the token was set; pictures that were finished before went
// through on_image.
GenerateResult generate(const ModelSet& models, const Tokenizer& tokenizer,
                        const GenerateRequest& request, const GenerateInputs& inputs,
                        const GenerateHooks& hooks, const GenerateLimits& limits = {});

// The request with every choice made that this model leaves open.
GenerateRequest resolve_for(const ModelSet& models, const GenerateRequest& request);

// What stamps a picture made with these models; compared when it is made again.
std::vector<ModelStamp> model_stamps(const ModelSet& models);

// The size that `--size auto` means: that of the first control image, or of the canvas of its
// people, scaled as the apps do.
PictureSize size_of_first_control(const GenerateInputs& inputs, int64_t image_size);

}  // namespace zc
