// SPDX-License-Identifier: Apache-2.0
// What a training run writes while it works: log.jsonl, validation.jsonl, events.jsonl, run.json,
// TensorBoard's event file, and the report that is made of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "training/run_files.h"
#include "training/tensorboard.h"

namespace zc {

// Lists of JSON objects are append-only, a line each; one that a crash cuts short is passed over by
// its readers.
//
// A full disk ends no training: what cannot be written is kept in memory and follows as soon as it
// can, and `say` hears of it once each time that it begins and ends.
class RunLog {
 public:
  // first_step > 0: a resumed run; what a run that was cut off wrote of later steps is hidden.
  // Removes files that a killed run has left half written. Throws io, not_found.
  RunLog(std::filesystem::path out, int64_t first_step,
         std::function<void(const std::string&)> say = {});

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
  void append(const std::string& file, const nlohmann::json& value);
  void write_waiting();
  // Calls it, and keeps its io error from the training. Returns whether it went well.
  bool written(const std::function<void()>& write);

  std::filesystem::path out_;
  std::function<void(const std::string&)> say_;
  EventWriter tensorboard_;
  std::map<std::string, std::string> waiting_;  // file -> lines that it lacks yet
  bool fails_ = false;
};

}  // namespace zc
