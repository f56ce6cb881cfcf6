// SPDX-License-Identifier: Apache-2.0
#include "training/run_files.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <functional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "image/base64.h"
#include "image/codec.h"
#include "image/resize.h"
#include "training/convergence.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxLogBytes = uint64_t{256} << 20;
constexpr uint64_t kMaxPictureBytes = uint64_t{64} << 20;
constexpr size_t kEmbeddedAsItIs = 400 << 10;  // a larger PNG becomes a JPEG
constexpr int kMaxPictureWidth = 1280;

std::optional<std::string> readable_text(const fs::path& path, std::vector<std::string>& notes) {
  std::error_code failed;
  if (!fs::is_regular_file(path, failed)) return std::nullopt;
  try {
    return read_file(path, kMaxLogBytes);
  } catch (const Error& error) {
    notes.push_back(error.what());
    return std::nullopt;
  }
}

double json_number(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : kMissing;
}

std::optional<int64_t> json_integer(const nlohmann::json& object, const char* key) {
  const double number = json_number(object, key);
  if (!(number >= 0 && number < 9e15)) return std::nullopt;
  return static_cast<int64_t>(number);
}

std::string json_value_text(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : json_text(value);
}

std::string json_as_text(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() ? json_value_text(*found) : "";
}

TimestepBins json_bins(const nlohmann::json& object) {
  TimestepBins bins = no_bins();
  const auto found = object.find("loss_bins");
  if (found == object.end() || !found->is_array()) return bins;
  for (size_t i = 0; i < std::min(bins.size(), found->size()); ++i) {
    if ((*found)[i].is_number()) bins[i] = (*found)[i].get<double>();
  }
  return bins;
}

// Calls `use` with each line that is a JSON object.
void for_each_json_line(const fs::path& path, std::vector<std::string>& notes,
                        const std::function<void(const nlohmann::json&)>& use) {
  const auto text = readable_text(path, notes);
  if (!text) return;
  std::string_view rest = *text;
  size_t damaged = 0;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::string_view line = trim(rest.substr(0, end));
    const bool whole = end != std::string_view::npos;
    rest.remove_prefix(whole ? end + 1 : rest.size());
    if (line.empty()) continue;
    const nlohmann::json object = parse_json(line);
    if (object.is_object()) {
      use(object);
    } else if (whole) {
      ++damaged;
    }
  }
  if (damaged > 0) {
    notes.push_back(fmt::format("{}: {} damaged line{} passed over", path.filename().string(),
                                damaged, damaged == 1 ? " was" : "s were"));
  }
}

template <class Line>
void append_replacing_later_steps(std::vector<Line>& lines, Line line) {
  while (!lines.empty() && lines.back().step >= line.step) lines.pop_back();
  lines.push_back(std::move(line));
}

void read_log(const fs::path& path, RunFiles& run) {
  for_each_json_line(path, run.notes, [&](const nlohmann::json& object) {
    const auto step = json_integer(object, "step");
    if (!step) return;
    append_replacing_later_steps(run.log,
                                 {.step = *step,
                                  .loss = json_number(object, "loss"),
                                  .lr = json_number(object, "lr"),
                                  .grad_norm = json_number(object, "grad_norm"),
                                  .seconds_per_step = json_number(object, "seconds_per_step"),
                                  .memory_mib = json_number(object, "memory_mib"),
                                  .bins = json_bins(object)});
  });
}

void read_measurements(const fs::path& path, RunFiles& run) {
  for_each_json_line(path, run.notes, [&](const nlohmann::json& object) {
    const auto step = json_integer(object, "step");
    if (!step) return;
    Measurement measurement{.step = *step,
                            .metric = json_as_text(object, "metric"),
                            .value = json_number(object, "value"),
                            .baseline = json_number(object, "baseline"),
                            .shuffled = json_number(object, "shuffled"),
                            .ceiling = json_number(object, "ceiling"),
                            .loss = json_number(object, "loss"),
                            .bins = json_bins(object)};
    auto list = std::find_if(run.measurements.begin(), run.measurements.end(),
                             [&](const auto& l) { return l.front().metric == measurement.metric; });
    if (list == run.measurements.end()) list = run.measurements.emplace(list);
    append_replacing_later_steps(*list, std::move(measurement));
  });
}

// Seconds since 1970, or "2026-08-30T14:02:11" and the like, which is taken as UTC.
std::optional<double> json_time(const nlohmann::json& object, const char* key) {
  const double number = json_number(object, key);
  if (std::isfinite(number)) return number;
  std::tm t{};
  const std::string text = json_as_text(object, key);
  if (std::sscanf(text.c_str(), "%4d-%2d-%2d%*1[T ]%2d:%2d:%2d", &t.tm_year, &t.tm_mon, &t.tm_mday,
                  &t.tm_hour, &t.tm_min, &t.tm_sec) != 6) {
    return std::nullopt;
  }
  t.tm_year -= 1900;
  t.tm_mon -= 1;
  return static_cast<double>(timegm(&t));
}

void read_data_facts(const nlohmann::json& data, RunFacts& facts) {
  if (!data.is_object()) return;
  facts.data = json_as_text(data, "description");
  facts.pairs = json_integer(data, "size");
  facts.quarantined_count = json_integer(data, "quarantined");
  const auto list = data.find("quarantined");
  if (list == data.end() || !list->is_array()) return;
  for (const nlohmann::json& sample : *list) facts.quarantined.push_back(json_value_text(sample));
}

void read_facts(const fs::path& path, RunFiles& run) {
  const auto text = readable_text(path, run.notes);
  if (!text) return;
  const nlohmann::json object = parse_json(*text);
  if (!object.is_object()) {
    run.notes.push_back("run.json holds no JSON object and was passed over");
    return;
  }
  RunFacts& facts = run.facts;
  if (const auto options = object.find("options");
      options != object.end() && options->is_object()) {
    for (const auto& [key, value] : options->items()) {
      facts.options.emplace_back(key, json_value_text(value));
    }
  }
  if (const auto data = object.find("data"); data != object.end()) read_data_facts(*data, facts);
  facts.what = json_as_text(object, "what");
  if (facts.what.empty()) facts.what = facts.option("what");
  facts.started = json_as_text(object, "started");
  facts.finished = json_as_text(object, "finished");
  facts.started_at = json_time(object, "started");
  facts.finished_at = json_time(object, "finished");
  facts.device = json_as_text(object, "device");
  facts.converged_step = json_integer(object, "converged_step");
  facts.best_step = json_integer(object, "best_step");
  facts.parameters = json_integer(object, "parameters");
  const auto plan = object.find("plan");
  if (plan == object.end() || !plan->is_array()) return;
  for (const nlohmann::json& row : *plan) {
    if (!row.is_object() || !(json_number(row, "mib") >= 0)) continue;
    facts.plan.emplace_back(json_as_text(row, "name"), json_number(row, "mib"));
  }
}

void read_quarantine(const fs::path& path, RunFiles& run) {
  if (!run.facts.quarantined.empty()) return;
  for_each_json_line(path, run.notes, [&](const nlohmann::json& object) {
    const std::string file = json_as_text(object, "file"), reason = json_as_text(object, "reason");
    run.facts.quarantined.push_back(file.empty() ? json_text(object) : file + ": " + reason);
  });
}

void read_events(const fs::path& path, RunFiles& run) {
  for_each_json_line(path, run.notes, [&](const nlohmann::json& object) {
    const auto step = json_integer(object, "step");
    if (step) run.events.push_back({*step, json_as_text(object, "text")});
  });
}

std::optional<int64_t> step_in_name(const std::string& name) {
  int64_t step = 0;
  const size_t digits = name.find_first_of("0123456789");
  if (!name.starts_with("step-") || digits != 5) return std::nullopt;
  const auto result = std::from_chars(name.data() + digits, name.data() + name.size(), step);
  return result.ec == std::errc() ? std::optional(step) : std::nullopt;
}

SamplePicture read_picture(const fs::path& path) {
  const std::string bytes = read_file(path, kMaxPictureBytes);
  Image image = decode_image(std::string_view(bytes), path.filename().string());
  SamplePicture picture;
  picture.name = path.stem().string();
  picture.step = step_in_name(picture.name);
  const bool png = bytes.starts_with("\x89PNG");
  if (png && bytes.size() <= kEmbeddedAsItIs) {
    picture.data_url = "data:image/png;base64," + base64_encode(bytes);
  } else {
    if (image.width > kMaxPictureWidth) {
      const int height = std::max(1, image.height * kMaxPictureWidth / image.width);
      image = resize(image, {kMaxPictureWidth, height}, Interpolation::area);
    }
    picture.data_url = "data:image/jpeg;base64," + base64_encode(encode_jpeg(image, 88));
  }
  picture.width = image.width;
  picture.height = image.height;
  return picture;
}

void read_pictures(const fs::path& folder, size_t max_pictures, RunFiles& run) {
  std::error_code failed;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    // A pipe of that name would be waited for.
    if (entry.is_regular_file(failed) && lower_extension(entry.path()) == ".png") {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  const size_t shown = std::min(files.size(), max_pictures);
  for (size_t i = 0; i < shown; ++i) {
    const size_t at = shown == 1 ? files.size() - 1 : i * (files.size() - 1) / (shown - 1);
    try {
      run.pictures.push_back(read_picture(files[at]));
    } catch (const Error& error) {
      run.notes.push_back(error.what());
    }
  }
}

}  // namespace

std::optional<double> Measurement::share() const {
  return adherence_share(value, baseline, ceiling);
}

std::string RunFacts::option(const std::string& name) const {
  for (const auto& [key, value] : options) {
    if (key == name) return value;
  }
  return "";
}

RunFiles read_run_files(const fs::path& out, size_t max_pictures) {
  RunFiles run;
  std::error_code failed;
  const fs::path whole = fs::absolute(out, failed).lexically_normal();
  run.name = (whole.has_filename() ? whole : whole.parent_path()).filename().string();
  read_log(out / "log.jsonl", run);
  read_measurements(out / "validation.jsonl", run);
  read_facts(out / "run.json", run);
  read_quarantine(out / "quarantine.jsonl", run);
  read_events(out / "events.jsonl", run);
  read_pictures(out / "samples", max_pictures, run);
  return run;
}

}  // namespace zc
