// SPDX-License-Identifier: Apache-2.0
#include "server/train_record.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "training/run_files.h"
#include "training/run_lock.h"

namespace zc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kNoteFile = "studio.json";
constexpr const char* kOutputFile = "output.txt";
constexpr uint64_t kMostNoteBytes = 1 << 20;
constexpr size_t kMostCurvePoints = 1500;
constexpr uint64_t kOutputTail = 8 << 10;
constexpr int kCancelledStatus = 130;  // of the program: stopped, and saved

std::string text_member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}
int64_t integer_member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}
json object_member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_object() ? *found : json::object();
}

// The last lines that the training printed.
std::string output_tail(const fs::path& folder) {
  const fs::path path = folder / kOutputFile;
  std::error_code failed;
  if (!fs::is_regular_file(path, failed)) return "";
  try {
    const MappedFile file(path);
    const auto bytes = file.bytes();
    const size_t size = std::min<size_t>(bytes.size(), kOutputTail);
    return std::string(reinterpret_cast<const char*>(bytes.data() + bytes.size() - size), size);
  } catch (const Error&) {
    return "";
  }
}

// "zeroconv: OUT: the reason" -> "the reason", without paths of this machine; "" where the last
// line is none of these.
std::string reason_of_end(const std::string& tail, const fs::path& folder) {
  constexpr std::string_view kPrefix = "zeroconv: ";
  const std::vector<std::string> lines = split(trim(tail), '\n');
  if (lines.empty() || !lines.back().starts_with(kPrefix)) return "";
  std::string text = lines.back().substr(kPrefix.size());
  for (const std::string& path : {folder.string() + ": ", folder.string() + "/"}) {
    for (size_t at = text.find(path); at != std::string::npos; at = text.find(path))
      text.erase(at, path.size());
  }
  return printable(text, 400);
}

// Of the newest snapshot, by its name and manifest alone; what is damaged in it, the trainer finds.
std::optional<int64_t> newest_snapshot_step(const fs::path& folder) {
  std::optional<int64_t> newest;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder / "ckpt", failed)) {
    const std::string name = entry.path().filename().string();
    constexpr std::string_view kBegin = "step-";
    int64_t step = 0;
    const char* end = name.data() + name.size();
    if (!name.starts_with(kBegin) || !fs::is_regular_file(entry.path() / "trainer.json", failed))
      continue;
    const auto read = std::from_chars(name.data() + kBegin.size(), end, step);
    if (read.ec == std::errc{} && read.ptr == end) newest = std::max(newest.value_or(0), step);
  }
  return newest;
}

std::string last_line(const std::string& tail) {
  const std::vector<std::string> lines = split(trim(tail), '\n');
  return lines.empty() ? "" : printable(trim(lines.back()), 200);
}

bool is_at_work(const TrainRecord& record, const fs::path& folder) {
  // The lock is looked at only when the process that we know of is gone: looking takes the lock for
  // a moment, in which a training that begins would find it taken.
  return is_running(record.process) || run_in_progress(folder).has_value();
}

std::optional<double> known(double value) {
  if (!std::isfinite(value)) return std::nullopt;
  return value;
}

void say_how_it_ended(const TrainRecord& record, const fs::path& folder, const RunFiles& run,
                      TrainStatus& status) {
  const std::string reason = reason_of_end(output_tail(folder), folder);
  const bool stopped =
      record.exit == kCancelledStatus || reason.find("stopped at step") != std::string::npos;
  if (!run.facts.finished.empty() && (!record.exit || *record.exit == 0)) {
    status.state = TrainState::finished;
  } else if (stopped) {
    status.state = TrainState::stopped;
    status.message = fmt::format("stopped at step {}", status.step);
  } else {
    status.state = record.stop_requested ? TrainState::stopped : TrainState::failed;
    status.message = reason.empty() ? "its process ended without a word" : reason;
  }
}

json point(int64_t step, double value) {
  return json::array({step, value});
}

// At most so many, spread evenly; the last one is among them.
template <class Line, class Value>
json curve_of(const std::vector<Line>& lines, Value&& value_of) {
  std::vector<const Line*> lines_with_value;
  for (const Line& line : lines) {
    if (std::isfinite(value_of(line))) lines_with_value.push_back(&line);
  }
  json curve = json::array();
  const size_t size = lines_with_value.size();
  const size_t shown = std::min(size, kMostCurvePoints);
  for (size_t i = 0; i < shown; ++i) {
    const Line& line = *lines_with_value[shown == 1 ? size - 1 : i * (size - 1) / (shown - 1)];
    curve.push_back(point(line.step, value_of(line)));
  }
  return curve;
}

bool is_grid_name(std::string_view name) {
  constexpr std::string_view kBegin = "step-", kEnd = ".png";
  if (name.size() > 40 || !name.starts_with(kBegin) || !name.ends_with(kEnd)) return false;
  const std::string_view digits =
      name.substr(kBegin.size(), name.size() - kBegin.size() - kEnd.size());
  return !digits.empty() &&
         std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<std::string> grid_names(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder / "samples", failed)) {
    const std::string name = entry.path().filename().string();
    if (is_grid_name(name)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

json grids_json(const TrainRecord& record, const std::vector<std::string>& names) {
  json grids = json::array();
  for (const std::string& name : names) {
    grids.push_back({{"step", std::stoll(name.substr(5, 18))},
                     {"url", fmt::format("/api/v1/train/runs/{}/files/{}", record.id, name)}});
  }
  return grids;
}

// Of the first metric: the measure, what it stands between, and the loss on the held-out pairs.
json curves_of(const RunFiles& run) {
  json curves = {{"loss", curve_of(run.log, [](const LogLine& line) { return line.loss; })},
                 {"validation", json::array()}};
  if (run.measurements.empty()) return curves;
  const std::vector<Measurement>& measured = run.measurements.front();
  const auto put = [&](const char* name, double Measurement::*value) {
    json curve = curve_of(measured, [value](const Measurement& m) { return m.*value; });
    if (!curve.empty()) curves[name] = std::move(curve);
  };
  put("validation", &Measurement::value);
  put("baseline", &Measurement::baseline);
  put("wrong_map", &Measurement::shuffled);
  put("ceiling", &Measurement::ceiling);
  put("validation_loss", &Measurement::loss);
  return curves;
}

}  // namespace

std::optional<TrainRecord> read_train_record(const fs::path& folder) {
  std::error_code failed;
  if (!fs::is_regular_file(folder / kNoteFile, failed)) return std::nullopt;
  const json note = parse_json(read_file(folder / kNoteFile, kMostNoteBytes));
  TrainRecord record;
  record.id = folder.filename().string();
  record.name = record.id;
  if (!note.is_object()) return record;
  record.name = text_member(note, "name");
  record.control = text_member(note, "control");
  record.created_ms = integer_member(note, "created");
  record.steps = integer_member(note, "steps");
  record.options = object_member(note, "options");
  record.dataset = object_member(note, "dataset");
  if (const auto list = note.find("arguments"); list != note.end() && list->is_array()) {
    for (const json& word : *list) {
      if (word.is_string()) record.arguments.push_back(word.get<std::string>());
    }
  }
  const json process = object_member(note, "process");
  record.process = {integer_member(process, "number"), integer_member(process, "started")};
  record.stop_requested = note.value("stop_requested", json()) == json(true);
  if (note.contains("exit") && note["exit"].is_number_integer())
    record.exit = note["exit"].get<int>();
  return record;
}

void write_train_record(const fs::path& folder, const TrainRecord& record) {
  const json note = {
      {"name", record.name},
      {"control", record.control},
      {"created", record.created_ms},
      {"steps", record.steps},
      {"options", record.options},
      {"dataset", record.dataset},
      {"arguments", record.arguments},
      {"process", {{"number", record.process.number}, {"started", record.process.started}}},
      {"stop_requested", record.stop_requested},
      {"exit", record.exit ? json(*record.exit) : json(nullptr)}};
  write_file_atomically(folder / kNoteFile, json_text(note, 1) + "\n");
}

TrainStatus train_status(const TrainRecord& record, const fs::path& folder) {
  TrainStatus status;
  const bool at_work = is_at_work(record, folder);
  const RunFiles run = read_run_files(folder, 0);
  const auto snapshot = newest_snapshot_step(folder);
  status.can_resume = snapshot.has_value() && !at_work;
  status.step = run.log.empty() ? 0 : run.log.back().step;
  if (snapshot) status.step = std::max(status.step, *snapshot);
  if (!run.log.empty()) status.loss = known(run.log.back().loss);
  if (!run.events.empty()) status.message = printable(run.events.back().text, 400);
  if (!at_work) {
    say_how_it_ended(record, folder, run, status);
    return status;
  }
  status.state = TrainState::running;
  const double seconds = run.log.empty() ? kMissing : run.log.back().seconds_per_step;
  if (std::isfinite(seconds))
    status.eta_seconds =
        seconds * static_cast<double>(std::max<int64_t>(0, record.steps - status.step));
  if (record.stop_requested) {
    status.message = "saves and stops";
  } else if (status.message.empty()) {
    status.message = last_line(output_tail(folder));  // "encode 120/300", before the first step
  }
  return status;
}

json train_run_json(const TrainRecord& record, const TrainStatus& status) {
  constexpr std::array kStates = {"running", "stopped", "finished", "failed"};
  const auto number = [](const std::optional<double>& value) {
    return value ? json(*value) : json(nullptr);
  };
  return {{"id", record.id},
          {"name", record.name},
          {"state", kStates[static_cast<size_t>(status.state)]},
          {"step", status.step},
          {"steps", record.steps},
          {"loss", number(status.loss)},
          {"eta_seconds", number(status.eta_seconds)},
          {"created", record.created_ms},
          {"message", status.message},
          {"control", record.control},
          {"can_resume", status.can_resume}};
}

json train_details_json(const TrainRecord& record, const fs::path& folder) {
  const RunFiles run = read_run_files(folder, 0);
  const std::vector<std::string> grids = grid_names(folder);
  json files = grids;
  if (train_file(folder, "report.html")) files.push_back("report.html");
  json events = json::array();
  for (const RunEvent& event : run.events)
    events.push_back({{"step", event.step}, {"text", event.text}});
  const auto& converged = run.facts.converged_step;
  return {{"curves", curves_of(run)},
          {"metric", run.measurements.empty() ? "" : run.measurements.front().front().metric},
          {"convergence", {{"step", converged ? json(*converged) : json(nullptr)}}},
          {"grids", grids_json(record, grids)},
          {"files", files},
          {"events", events},
          {"options", record.options},
          {"dataset", record.dataset}};
}

std::optional<fs::path> train_file(const fs::path& folder, const std::string& name) {
  fs::path path;
  if (name == "report.html") path = folder / name;
  if (is_grid_name(name)) path = folder / "samples" / name;
  std::error_code failed;
  // No links: what they name lies elsewhere.
  if (path.empty() || fs::symlink_status(path, failed).type() != fs::file_type::regular)
    return std::nullopt;
  return path;
}

}  // namespace zc
