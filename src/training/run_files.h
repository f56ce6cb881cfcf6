// SPDX-License-Identifier: Apache-2.0
// What a training run has left in its folder, read for the report: log, measurements, facts,
// pictures.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace zc {

// A number that a line does not have.
inline constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

// Mean loss of the timesteps 0-99, 100-199, ..., 900-999.
using TimestepBins = std::array<double, 10>;
constexpr TimestepBins no_bins() {
  TimestepBins bins{};
  bins.fill(kMissing);
  return bins;
}

// A line of log.jsonl.
struct LogLine {
  int64_t step = 0;
  double loss = kMissing;
  double lr = kMissing;
  double grad_norm = kMissing;
  double seconds_per_step = kMissing;
  double memory_mib = kMissing;
  TimestepBins bins = no_bins();
};

// A line of validation.jsonl: agreement of pictures with maps on the held-out set, and the loss
// there with fixed noise.
struct Measurement {
  int64_t step = 0;
  std::string metric;
  double value = kMissing;
  double baseline = kMissing;  // without the map
  double shuffled = kMissing;  // with the map of another picture
  double ceiling = kMissing;   // the pictures themselves through the autoencoder and back
  double loss = kMissing;
  TimestepBins bins = no_bins();

  // (value - baseline) / (ceiling - baseline), if these are there.
  std::optional<double> share() const;
};

// run.json.
struct RunFacts {
  std::string what;  // vae, base, control, ...; "" if it does not say
  std::vector<std::pair<std::string, std::string>> options;  // name, value as text; sorted by name
  std::string data;                                          // where the pairs come from
  std::optional<int64_t> pairs;
  std::optional<int64_t> quarantined_count;
  std::vector<std::string> quarantined;           // one text for each sample that was left out
  std::string started, finished;                  // as the file has them
  std::optional<double> started_at, finished_at;  // seconds since 1970, where they are times
  std::string device;
  std::optional<int64_t> converged_step, best_step, parameters;
  std::vector<std::pair<std::string, double>> plan;  // what needs memory, MiB

  // The value of an option, "" if there is none.
  std::string option(const std::string& name) const;
};

// A line of events.jsonl.
struct RunEvent {
  int64_t step = 0;
  std::string text;
};

struct SamplePicture {
  std::string name;             // of the file, without its ending
  std::optional<int64_t> step;  // of "step-00000500"
  int width = 0;
  int height = 0;
  std::string data_url;  // a PNG as it lies, or a JPEG of a large one
};

struct RunFiles {
  std::string name;  // of the folder
  std::vector<LogLine> log;
  std::vector<std::vector<Measurement>> measurements;  // one list for each metric
  RunFacts facts;
  std::vector<RunEvent> events;
  std::vector<SamplePicture> pictures;
  std::vector<std::string> notes;  // what could not be read, for people
};

// Reads log.jsonl, validation.jsonl, events.jsonl, run.json, quarantine.jsonl (where run.json has
// no list) and at most `max_pictures` of samples/*.png, spread evenly from the first to the last.
// Whatever is missing, damaged or of another type is left out; a last line that a crash cut off
// silently, anything else with a note. Where steps go back (a resumed run), the later lines hold.
// Throws nothing but out_of_memory.
RunFiles read_run_files(const std::filesystem::path& out, size_t max_pictures);

}  // namespace zc
