// SPDX-License-Identifier: Apache-2.0
// What can be found wrong with a training in seconds, before weights are read: files, pairs, texts,
// memory, disk, folder and resumption.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "models/tokenizer.h"
#include "training/data.h"
#include "training/plan.h"

namespace zc {

struct PreflightInputs {
  // Option and file or folder of weights that the run reads: {"--model", path}.
  std::vector<std::pair<std::string, std::filesystem::path>> model_files;
  const PairSource* pairs = nullptr;
  int size = 512;  // side at which pairs are looked at
  bool wants_hints = true;
  const Tokenizer* tokenizer = nullptr;  // nullptr: texts are not counted
  std::filesystem::path out;
  int64_t kept_snapshots = 2;
  bool resume = false;
  bool first_rank = true;              // only that one asks whether another run holds the folder
  const TrainingPlan* plan = nullptr;  // nullptr: neither memory nor disk is looked at
  int64_t free_memory = 0;             // of the device; 0: not known
};

struct PreflightLine {
  std::string topic;  // "model", "data", "captions", "memory", "disk", "out", "resume"
  std::string text;
  bool warning = false;  // the run works, but this may not be meant
};

struct PreflightReport {
  std::vector<PreflightLine> lines;
  int64_t resumes_at = 0;  // step of the snapshot; 0: from the beginning
};

// Looks at all of it and throws for the first thing with which the run could not work: not_found,
// bad_file, unsupported, bad_request, io, out_of_memory. Makes no file. options: of the run, as
// they stand in the manifest of a snapshot. Call it before RunLock, or in the process that holds
// it.
PreflightReport preflight_training(const PreflightInputs& inputs, const nlohmann::json& options);

// "data: 24000 pairs (toyworld:24000:0), 8 looked at", a line each; {"checks": [...],
// "resumes_at"}.
std::string preflight_text(const PreflightReport& report);
nlohmann::json to_json(const PreflightReport& report);

}  // namespace zc
