// SPDX-License-Identifier: Apache-2.0
// Trainings of ControlNets that the studio starts: each is a process of its own, which outlives the
// server and is known by the files in its folder.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "server/catalogue.h"
#include "server/events.h"
#include "store/store.h"

namespace zc {

struct TrainRunsOptions {
  // Of the studio: runs lie in DATA/train/<id>, what they learn from in DATA/datasets/<id>.
  std::filesystem::path data;
  // Where use() puts results; one of the catalogue's folders.
  std::filesystem::path models;
  // The program and its first arguments; "control" and options follow. Empty: this program's
  // `train`.
  std::vector<std::string> command;
  int64_t max_running = 4;
  double look_seconds = 1;   // between two looks at the running ones
  double plan_seconds = 60;  // a plan that takes longer is given up
};

// Thread-safe. Errors: not_found for an id that is none; bad_request naming the field of the body;
// ProblemError 409 for what does not go now.
class TrainRuns {
 public:
  // Borrows store, catalogue and events. Makes no folder and starts nothing.
  TrainRuns(TrainRunsOptions options, Store& store, Catalogue& catalogue, Events& events);
  // stop(); trainings go on.
  ~TrainRuns();
  TrainRuns(const TrainRuns&) = delete;
  TrainRuns& operator=(const TrainRuns&) = delete;

  // The thread that looks at running trainings and publishes {"type":"train","run":{...}}.
  void start();
  void stop();
  // One look; the thread calls it, and so do tests.
  void look();

  // {"id","name","state":"running|stopped|finished|failed","step","steps","loss","eta_seconds",
  // "created","message"} and "control", "can_resume". Newest first.
  nlohmann::json list();
  // The same and {"curves":{"loss":[[step,value]],"validation":[...]},"metric",
  // "convergence":{"step"},"grids":[{"step","url"}],"files":[names],"options","dataset"}.
  nlohmann::json details(const std::string& id);

  // Body: {"name","kind":"control","options":{...},"dataset":{...}}, checked against the trainer's
  // own list of options. Starts the training and returns its run.
  nlohmann::json create(const nlohmann::json& body);
  // The memory plan and what else can be told in seconds, by `train control --dry-run`:
  // {"memory":{"peak","rows":[{"name","bytes"}]},"available","fits","warnings":[],"checks":[]}.
  // `done` runs once, on a thread of this object.
  using PlanDone = std::function<void(const nlohmann::json& plan, std::exception_ptr error)>;
  void plan(const nlohmann::json& body, PlanDone done);

  // SIGTERM: the training saves and ends within a step.
  nlohmann::json stop_run(const std::string& id);
  // From its newest snapshot; from the beginning where there is none. steps: the last one from now
  // on, 0: as before.
  nlohmann::json resume(const std::string& id, int64_t steps = 0);
  // With all its files; not while it runs.
  void remove(const std::string& id);

  struct RunFile {
    std::string bytes;
    std::string media_type;
  };
  // "report.html" or a sample grid, "step-00000500.png".
  RunFile file(const std::string& id, const std::string& name);

  // Copies the result (the best weights where obedience was measured) into the models' folder.
  ModelEntry use(const std::string& id);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zc
