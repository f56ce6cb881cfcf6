// SPDX-License-Identifier: Apache-2.0
#include "training/run_log.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "image/codec.h"
#include "training/run_report.h"

namespace zc {
namespace {

// Days of a full disk; a training has a line of some hundred bytes now and then.
constexpr size_t kMostWaiting = size_t{64} << 20;

void put(nlohmann::json& object, const char* key, double value) {
  if (std::isfinite(value)) object[key] = value;
}

// null for a bin without a sample, nothing when all are.
void put_bins(nlohmann::json& object, const TimestepBins& bins) {
  nlohmann::json list = nlohmann::json::array();
  bool any = false;
  for (const double bin : bins) {
    list.push_back(std::isfinite(bin) ? nlohmann::json(bin) : nlohmann::json());
    any = any || std::isfinite(bin);
  }
  if (any) object["loss_bins"] = list;
}

void scalar_if_known(EventWriter& writer, const char* tag, int64_t step, double value) {
  if (std::isfinite(value)) writer.scalar(tag, step, value);
}

void bin_scalars(EventWriter& writer, const char* group, int64_t step, const TimestepBins& bins) {
  for (size_t i = 0; i < bins.size(); ++i) {
    scalar_if_known(writer, fmt::format("{}/t{:03}-{:03}", group, i * 100, i * 100 + 99).c_str(),
                    step, bins[i]);
  }
}

}  // namespace

RunLog::RunLog(std::filesystem::path out, int64_t first_step,
               std::function<void(const std::string&)> say)
    : out_(std::move(out)), say_(std::move(say)), tensorboard_(out_ / "tensorboard", first_step) {
  remove_abandoned_files(out_);
}

bool RunLog::written(const std::function<void()>& write) {
  try {
    write();
    return true;
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::io) throw;
    if (!fails_ && say_) {
      say_(fmt::format("{}: training goes on, and the log follows when it can be written again",
                       e.what()));
    }
    fails_ = true;
    return false;
  }
}

void RunLog::append(const std::string& file, const nlohmann::json& value) {
  std::string& lines = waiting_[file];
  if (lines.size() > kMostWaiting) lines.clear();
  lines += json_text(value) + "\n";
  write_waiting();
}

void RunLog::write_waiting() {
  const bool all = written([&] {
    for (auto& [file, lines] : waiting_) {
      if (lines.empty()) continue;
      append_lines(out_ / file, lines);
      lines.clear();
    }
    tensorboard_.flush();
  });
  if (!all || !fails_) return;
  fails_ = false;
  if (say_) say_(fmt::format("{}: the log is written again", out_.string()));
}

void RunLog::line(const LogLine& l) {
  nlohmann::json json = {{"step", l.step}};
  put(json, "loss", l.loss);
  put(json, "lr", l.lr);
  put(json, "grad_norm", l.grad_norm);
  put(json, "seconds_per_step", l.seconds_per_step);
  put(json, "memory_mib", l.memory_mib);
  put_bins(json, l.bins);
  scalar_if_known(tensorboard_, "loss/train", l.step, l.loss);
  scalar_if_known(tensorboard_, "run/lr", l.step, l.lr);
  scalar_if_known(tensorboard_, "run/grad_norm", l.step, l.grad_norm);
  scalar_if_known(tensorboard_, "run/seconds_per_step", l.step, l.seconds_per_step);
  bin_scalars(tensorboard_, "loss_train_by_t", l.step, l.bins);
  append("log.jsonl", json);
}

void RunLog::measurement(const Measurement& m) {
  nlohmann::json json = {{"step", m.step}, {"metric", m.metric}};
  put(json, "value", m.value);
  put(json, "baseline", m.baseline);
  put(json, "shuffled", m.shuffled);
  put(json, "ceiling", m.ceiling);
  put(json, "loss", m.loss);
  put_bins(json, m.bins);
  scalar_if_known(tensorboard_, "obeys/value", m.step, m.value);
  scalar_if_known(tensorboard_, "obeys/baseline", m.step, m.baseline);
  scalar_if_known(tensorboard_, "obeys/shuffled", m.step, m.shuffled);
  scalar_if_known(tensorboard_, "obeys/ceiling", m.step, m.ceiling);
  scalar_if_known(tensorboard_, "loss/held_out", m.step, m.loss);
  bin_scalars(tensorboard_, "loss_held_out_by_t", m.step, m.bins);
  append("validation.jsonl", json);
}

void RunLog::event(int64_t step, const std::string& event, const std::string& text) {
  append("events.jsonl", {{"step", step}, {"event", event}, {"text", text}});
}

void RunLog::facts(const nlohmann::json& facts) {
  written([&] { write_file_atomically(out_ / "run.json", json_text(facts, 1) + "\n"); });
}

void RunLog::picture(int64_t step, const std::filesystem::path& file) {
  tensorboard_.image("samples", step, load_image(file));
  write_waiting();
}

void RunLog::report() {
  write_waiting();
  written([&] { write_run_report(out_); });
}

}  // namespace zc
