// SPDX-License-Identifier: Apache-2.0
// What a training run writes while it works: log.jsonl, validation.jsonl, events.jsonl, run.json,
// TensorBoard's event file, and the report that is made of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "training/run_files.h"
#include "training/tensorboard.h"

namespace zc {

// Lists of JSON objects are append-only, a line each; one that a crash cuts short is passed over by
// its readers.
class RunLog {
 public:
  // first_step > 0: a resumed run; what a run that was cut off wrote of later steps is hidden.
  RunLog(std::filesystem::path out, int64_t first_step);

  void line(const LogLine& line);
  void measurement(const Measurement& measurement);
  // Something worth telling: {"step", "event", "text"}.
  void event(int64_t step, const std::string& event, const std::string& text);
  // Replaces run.json.
  void facts(const nlohmann::json& facts);
  // The picture's place in TensorBoard; it stands in samples/ already.
  void picture(int64_t step, const std::filesystem::path& file);
  // Makes report.html anew.
  void report();

 private:
  std::filesystem::path out_;
  EventWriter tensorboard_;
};

}  // namespace zc
