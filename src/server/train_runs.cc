// SPDX-License-Identifier: Apache-2.0
#include "server/train_runs.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "server/call_queue.h"
#include "server/clock.h"
#include "server/native_request.h"
#include "server/problem.h"
#include "server/train_dataset.h"
#include "server/train_plan.h"
#include "server/train_process.h"
#include "server/train_record.h"
#include "server/train_request.h"

namespace zc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kKeepUnusedDatasetMs = 24 * 3600 * 1000ll;
constexpr uint64_t kMostFileBytes = uint64_t{64} << 20;

bool is_run_id(std::string_view id) {
  return id.size() == 20 && std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string new_run_id() {
  std::random_device random;
  std::string id;
  while (id.size() < 20) id += fmt::format("{:08x}", random());
  return id.substr(0, 20);
}

// "My control!" -> "My_control".
std::string file_stem(const std::string& name) {
  std::string stem;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
    stem += plain ? c : '_';
  }
  while (!stem.empty() && (stem.back() == '_' || stem.back() == '.')) stem.pop_back();
  while (!stem.empty() && stem.front() == '.') stem.erase(0, 1);
  return stem.empty() ? "control" : stem;
}

ProblemError conflict(std::string code, std::string detail) {
  return {409, std::move(code), std::move(detail)};
}

// The whole of a large file without holding it in memory.
void copy_file_atomically(const fs::path& from, const fs::path& to) {
  const MappedFile file(from);
  AtomicFile copy(to);
  copy.write(file.bytes().data(), file.bytes().size());
  copy.commit();
}

}  // namespace

struct TrainRuns::Impl {
  Impl(TrainRunsOptions o, Store& the_store, Catalogue& the_catalogue, Events& the_events)
      : options(std::move(o)),
        store(the_store),
        catalogue(the_catalogue),
        events(the_events),
        runs_folder(options.data / "train"),
        datasets_folder(options.data / "datasets") {
    if (options.command.empty()) options.command = {kOwnProgram, "train"};
  }

  TrainRunsOptions options;
  Store& store;
  Catalogue& catalogue;
  Events& events;
  const fs::path runs_folder;
  const fs::path datasets_folder;

  std::mutex mutex;                  // one change at a time, and `told`
  std::mutex datasets_mutex;         // unpacking takes its time; nothing else waits for it
  std::map<std::string, json> told;  // by id: the last that was published
  std::atomic<bool> ending{false};
  std::mutex wait_mutex;
  std::condition_variable wake;
  std::thread thread;
  std::unique_ptr<CallQueue> plans = std::make_unique<CallQueue>();

  fs::path folder_of(const std::string& id) const;
  TrainRecord record_of(const std::string& id);
  std::vector<std::string> ids() const;
  json run_of(const TrainRecord& record) const;
  void note_exit(TrainRecord& record);
  void require_free_place();
  json start(TrainRecord record, bool resume);
  void publish(const json& run);
  std::optional<json> news_of(const std::string& id);
  TrainRequest read_request(const json& body);
  void tidy_datasets();
  fs::path unused_model_file(const std::string& name) const;
};

fs::path TrainRuns::Impl::folder_of(const std::string& id) const {
  const fs::path folder = is_run_id(id) ? runs_folder / id : fs::path();
  std::error_code failed;
  if (folder.empty() || !fs::is_directory(folder, failed))
    throw Error(ErrorKind::not_found, "id", "there is no such training run");
  return folder;
}

// With the exit status in it, if the process has ended under our eyes. Holds the mutex.
TrainRecord TrainRuns::Impl::record_of(const std::string& id) {
  std::optional<TrainRecord> record = read_train_record(folder_of(id));
  if (!record) throw Error(ErrorKind::not_found, "id", "there is no such training run");
  note_exit(*record);
  return std::move(*record);
}

void TrainRuns::Impl::note_exit(TrainRecord& record) {
  if (record.exit) return;
  record.exit = take_exit_status(record.process);
  if (record.exit) write_train_record(runs_folder / record.id, record);
}

std::vector<std::string> TrainRuns::Impl::ids() const {
  std::vector<std::string> ids;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(runs_folder, failed)) {
    const std::string name = entry.path().filename().string();
    if (is_run_id(name)) ids.push_back(name);
  }
  return ids;
}

json TrainRuns::Impl::run_of(const TrainRecord& record) const {
  return train_run_json(record, train_status(record, runs_folder / record.id));
}

void TrainRuns::Impl::require_free_place() {
  int64_t running = 0;
  for (const std::string& id : ids()) {
    const auto record = read_train_record(runs_folder / id);
    if (record && is_running(record->process)) ++running;
  }
  if (running < options.max_running) return;
  throw conflict("too_many_runs",
                 fmt::format("{} trainings run already: stop one, or wait", running));
}

json TrainRuns::Impl::start(TrainRecord record, bool resume) {
  const fs::path folder = runs_folder / record.id;
  std::vector<std::string> command = options.command;
  command.insert(command.end(), record.arguments.begin(), record.arguments.end());
  command.push_back("--out=" + folder.string());
  if (resume) command.emplace_back("--resume");
  record.stop_requested = false;
  record.exit.reset();
  record.process = start_process(command, folder / "output.txt");
  write_train_record(folder, record);
  json run = run_of(record);
  told[record.id] = run;
  publish(run);
  return run;
}

// The run, if it is another one than was told. Of a run that is seen for the first time nothing is
// news.
std::optional<json> TrainRuns::Impl::news_of(const std::string& id) {
  const std::lock_guard lock(mutex);
  const TrainRecord record = record_of(id);
  const auto before = told.find(id);
  if (before == told.end()) {
    told[id] = run_of(record);
    return std::nullopt;
  }
  // What has ended does not begin again by itself, so its files are not read again and again.
  if (before->second["state"] != "running" && !is_running(record.process)) return std::nullopt;
  json run = run_of(record);
  if (before->second == run) return std::nullopt;
  before->second = run;
  return run;
}

void TrainRuns::Impl::publish(const json& run) {
  events.publish({{"type", "train"}, {"run", run}});
}

TrainRequest TrainRuns::Impl::read_request(const json& body) {
  const std::lock_guard lock(datasets_mutex);
  return read_train_request(body, store, catalogue, datasets_folder);
}

void TrainRuns::Impl::tidy_datasets() {
  const std::lock_guard lock(datasets_mutex);
  std::vector<std::string> used;
  for (const std::string& id : ids()) {
    const auto record = read_train_record(runs_folder / id);
    if (record && record->dataset.contains("id") && record->dataset["id"].is_string())
      used.push_back(record->dataset["id"].get<std::string>());
  }
  remove_unused_datasets(datasets_folder, used, kKeepUnusedDatasetMs);
}

fs::path TrainRuns::Impl::unused_model_file(const std::string& name) const {
  const std::string stem = file_stem(name);
  fs::path path = options.models / (stem + ".safetensors");
  for (int number = 2; fs::exists(path); ++number)
    path = options.models / fmt::format("{}-{}.safetensors", stem, number);
  return path;
}

TrainRuns::TrainRuns(TrainRunsOptions options, Store& store, Catalogue& catalogue, Events& events)
    : impl_(std::make_unique<Impl>(std::move(options), store, catalogue, events)) {}

TrainRuns::~TrainRuns() {
  stop();
}

void TrainRuns::start() {
  if (impl_->thread.joinable()) return;
  impl_->ending = false;
  try {
    impl_->tidy_datasets();
  } catch (const std::exception&) {
    // Tidying up; the next start does it.
  }
  impl_->thread = std::thread([impl = impl_.get(), this] {
    while (!impl->ending) {
      try {
        look();
      } catch (const std::exception&) {
        // A folder went away, a disk is full: the next look may go better.
      }
      std::unique_lock lock(impl->wait_mutex);
      impl->wake.wait_for(lock, std::chrono::duration<double>(impl->options.look_seconds),
                          [&] { return impl->ending.load(); });
    }
  });
}

void TrainRuns::stop() {
  {
    const std::lock_guard lock(impl_->wait_mutex);
    impl_->ending = true;
  }
  impl_->wake.notify_all();
  if (impl_->thread.joinable()) impl_->thread.join();
  impl_->plans.reset();  // plans at work see `ending` and give up
}

void TrainRuns::look() {
  const std::vector<std::string> ids = impl_->ids();
  for (const std::string& id : ids) {
    try {
      if (const auto news = impl_->news_of(id)) impl_->publish(*news);
    } catch (const Error&) {
      // Removed meanwhile.
    }
  }
  const std::lock_guard lock(impl_->mutex);
  std::erase_if(impl_->told, [&](const auto& each) {
    return std::find(ids.begin(), ids.end(), each.first) == ids.end();
  });
}

json TrainRuns::list() {
  json runs = json::array();
  for (const std::string& id : impl_->ids()) {
    try {
      const std::lock_guard lock(impl_->mutex);
      runs.push_back(impl_->run_of(impl_->record_of(id)));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::not_found) throw;
    }
  }
  std::stable_sort(runs.begin(), runs.end(),
                   [](const json& a, const json& b) { return a["created"] > b["created"]; });
  return runs;
}

json TrainRuns::details(const std::string& id) {
  TrainRecord record;
  {
    const std::lock_guard lock(impl_->mutex);
    record = impl_->record_of(id);
  }
  json run = impl_->run_of(record);
  run.update(train_details_json(record, impl_->folder_of(id)));
  return run;
}

json TrainRuns::create(const json& body) {
  TrainRequest request = impl_->read_request(body);
  const std::lock_guard lock(impl_->mutex);
  impl_->require_free_place();
  TrainRecord record;
  record.id = new_run_id();
  record.name = std::move(request.name);
  record.control = std::move(request.control);
  record.created_ms = unix_ms();
  record.steps = request.steps;
  record.options = std::move(request.options);
  record.dataset = std::move(request.dataset);
  record.arguments = std::move(request.arguments);
  const fs::path folder = impl_->runs_folder / record.id;
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) throw Error(ErrorKind::io, "train", "the folder of runs: " + failed.message());
  write_train_record(folder, record);
  return impl_->start(std::move(record), /*resume=*/false);
}

void TrainRuns::plan(const json& body, PlanDone done) {
  TrainRequest request = impl_->read_request(body);
  if (impl_->plans == nullptr) throw Error(ErrorKind::unavailable, "server", "ends");
  impl_->plans->post([impl = impl_.get(), request = std::move(request), done = std::move(done)] {
    json plan;
    try {
      if (impl->ending) throw Error(ErrorKind::unavailable, "server", "ends");
      std::vector<std::string> command = impl->options.command;
      command.insert(command.end(), request.arguments.begin(), request.arguments.end());
      // A folder that is not there and is not made: the plan looks whether it could be.
      command.push_back("--out=" + (impl->runs_folder / ".plan").string());
      plan =
          train_plan(command, impl->options.plan_seconds, [impl] { return impl->ending.load(); });
    } catch (const std::exception&) {
      return done({}, std::current_exception());
    }
    done(plan, nullptr);
  });
}

json TrainRuns::stop_run(const std::string& id) {
  const std::lock_guard lock(impl_->mutex);
  TrainRecord record = impl_->record_of(id);
  if (!ask_to_end(record.process)) {
    if (impl_->run_of(record)["state"] != "running")
      throw conflict("not_running", "the training does not run");
    throw conflict("not_ours", "another program trains into this run's folder: end it there");
  }
  record.stop_requested = true;
  write_train_record(impl_->folder_of(id), record);
  json run = impl_->run_of(record);
  impl_->publish(run);
  return run;
}

json TrainRuns::resume(const std::string& id, int64_t steps) {
  const std::lock_guard lock(impl_->mutex);
  TrainRecord record = impl_->record_of(id);
  const json run = impl_->run_of(record);
  if (run["state"] == "running") throw conflict("running", "the training runs already");
  if (steps == 0 && run["state"] == "finished")
    throw conflict("finished", "the training has made its last step: give more `steps`");
  impl_->require_free_place();
  if (steps > 0) {
    if (steps <= run["step"].get<int64_t>()) {
      throw Error(ErrorKind::bad_request, "steps",
                  fmt::format("is {}, the training is at step {} already", steps,
                              run["step"].get<int64_t>()));
    }
    record.steps = steps;
    record.options["steps"] = steps;
    std::erase_if(record.arguments, [](const auto& word) { return word.starts_with("--steps="); });
    record.arguments.push_back(fmt::format("--steps={}", steps));
  }
  return impl_->start(std::move(record), run["can_resume"].get<bool>());
}

void TrainRuns::remove(const std::string& id) {
  std::unique_lock lock(impl_->mutex);
  const TrainRecord record = impl_->record_of(id);
  if (impl_->run_of(record)["state"] == "running")
    throw conflict("running", "the training runs: stop it first");
  // Gone at once for everybody, then file by file.
  const fs::path gone = impl_->runs_folder / (".removed-" + id);
  std::error_code failed;
  fs::rename(impl_->folder_of(id), gone, failed);
  if (failed) throw Error(ErrorKind::io, "train", "cannot be removed: " + failed.message());
  lock.unlock();
  fs::remove_all(gone, failed);
  impl_->tidy_datasets();
}

TrainRuns::RunFile TrainRuns::file(const std::string& id, const std::string& name) {
  const auto path = train_file(impl_->folder_of(id), name);
  if (!path) throw Error(ErrorKind::not_found, "name", "the run has no such file (yet)");
  return {read_file(*path, kMostFileBytes),
          name.ends_with(".png") ? "image/png" : "text/html; charset=utf-8"};
}

ModelEntry TrainRuns::use(const std::string& id) {
  fs::path copy;
  {
    const std::lock_guard lock(impl_->mutex);
    const TrainRecord record = impl_->record_of(id);
    const fs::path folder = impl_->folder_of(id);
    std::error_code failed;
    // The best weights are those that obey best where that was measured.
    fs::path result = folder / "best.safetensors";
    if (!fs::is_regular_file(result, failed)) result = folder / "model.safetensors";
    if (!fs::is_regular_file(result, failed))
      throw conflict("no_result", "the training has no result yet: let it finish, or measure");
    fs::create_directories(impl_->options.models, failed);
    copy = impl_->unused_model_file(record.name);
    copy_file_atomically(result, copy);
  }
  impl_->catalogue.refresh();
  impl_->events.publish({{"type", "models"}});
  for (ModelEntry& entry : impl_->catalogue.list()) {
    std::error_code failed;
    if (entry.file == copy || fs::equivalent(entry.file, copy, failed)) return std::move(entry);
  }
  throw Error(ErrorKind::bad_file, copy.filename().string(),
              "was copied into the models' folder, but is no ControlNet that we know");
}

}  // namespace zc
