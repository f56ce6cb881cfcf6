// SPDX-License-Identifier: Apache-2.0
// What the studio knows of one training: its own note in the run's folder, and the trainer's files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/train_process.h"

namespace zc {

// studio.json of DATA/train/<id>.
struct TrainRecord {
  std::string id;
  std::string name;
  std::string control;  // kind of map
  int64_t created_ms = 0;
  int64_t steps = 0;
  nlohmann::json options = nlohmann::json::object();  // as they were given
  nlohmann::json dataset = nlohmann::json::object();
  std::vector<std::string> arguments;  // of `train`, without --out and --resume
  ProcessId process;                   // the newest one
  bool stop_requested = false;         // since it was started
  std::optional<int> exit;             // its status, where this server saw its end
};

// nullopt: no run lies there. A note that is damaged is a run without a name. Throws io.
std::optional<TrainRecord> read_train_record(const std::filesystem::path& folder);
void write_train_record(const std::filesystem::path& folder, const TrainRecord& record);

enum class TrainState { running, stopped, finished, failed };

// As far as the files tell. `run` is what the folder holds beside the note.
struct TrainStatus {
  TrainState state = TrainState::failed;
  int64_t step = 0;
  std::optional<double> loss;
  std::optional<double> eta_seconds;
  std::string message;      // what it said last, or why it ended; for people
  bool can_resume = false;  // there is a snapshot
};
TrainStatus train_status(const TrainRecord& record, const std::filesystem::path& folder);

// {"id","name","state","step","steps","loss","eta_seconds","created","message","control",
// "can_resume"}
nlohmann::json train_run_json(const TrainRecord& record, const TrainStatus& status);
// What details add: {"curves" ("loss" of the training; "validation", the measure named by "metric",
// with "baseline", "wrong_map", "ceiling" and "validation_loss" where they were measured),
// "metric", "convergence","grids","files","events","options","dataset"}.
nlohmann::json train_details_json(const TrainRecord& record, const std::filesystem::path& folder);

// "report.html" or "step-" digits ".png": the files that the API gives out, as paths below the
// folder; nothing for every other name.
std::optional<std::filesystem::path> train_file(const std::filesystem::path& folder,
                                                const std::string& name);

}  // namespace zc
