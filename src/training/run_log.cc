// SPDX-License-Identifier: Apache-2.0
#include "training/run_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "image/codec.h"
#include "training/run_report.h"

namespace zc {
namespace {

void append_line(const std::filesystem::path& path, const nlohmann::json& value) {
  const std::string text = json_text(value) + "\n";
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) throw Error(ErrorKind::io, path.string(), "cannot be written");
  const ssize_t written = ::write(fd, text.data(), text.size());
  ::close(fd);
  if (written != static_cast<ssize_t>(text.size()))
    throw Error(ErrorKind::io, path.string(), "cannot be written");
}

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

RunLog::RunLog(std::filesystem::path out, int64_t first_step)
    : out_(std::move(out)), tensorboard_(out_ / "tensorboard", first_step) {}

void RunLog::line(const LogLine& l) {
  nlohmann::json json = {{"step", l.step}};
  put(json, "loss", l.loss);
  put(json, "lr", l.lr);
  put(json, "grad_norm", l.grad_norm);
  put(json, "seconds_per_step", l.seconds_per_step);
  put(json, "memory_mib", l.memory_mib);
  put_bins(json, l.bins);
  append_line(out_ / "log.jsonl", json);
  scalar_if_known(tensorboard_, "loss/train", l.step, l.loss);
  scalar_if_known(tensorboard_, "run/lr", l.step, l.lr);
  scalar_if_known(tensorboard_, "run/grad_norm", l.step, l.grad_norm);
  scalar_if_known(tensorboard_, "run/seconds_per_step", l.step, l.seconds_per_step);
  bin_scalars(tensorboard_, "loss_train_by_t", l.step, l.bins);
  tensorboard_.flush();
}

void RunLog::measurement(const Measurement& m) {
  nlohmann::json json = {{"step", m.step}, {"metric", m.metric}};
  put(json, "value", m.value);
  put(json, "baseline", m.baseline);
  put(json, "shuffled", m.shuffled);
  put(json, "ceiling", m.ceiling);
  put(json, "loss", m.loss);
  put_bins(json, m.bins);
  append_line(out_ / "validation.jsonl", json);
  scalar_if_known(tensorboard_, "obeys/value", m.step, m.value);
  scalar_if_known(tensorboard_, "obeys/baseline", m.step, m.baseline);
  scalar_if_known(tensorboard_, "obeys/shuffled", m.step, m.shuffled);
  scalar_if_known(tensorboard_, "obeys/ceiling", m.step, m.ceiling);
  scalar_if_known(tensorboard_, "loss/held_out", m.step, m.loss);
  bin_scalars(tensorboard_, "loss_held_out_by_t", m.step, m.bins);
  tensorboard_.flush();
}

void RunLog::event(int64_t step, const std::string& event, const std::string& text) {
  append_line(out_ / "events.jsonl", {{"step", step}, {"event", event}, {"text", text}});
}

void RunLog::facts(const nlohmann::json& facts) {
  write_file_atomically(out_ / "run.json", json_text(facts, 1) + "\n");
}

void RunLog::picture(int64_t step, const std::filesystem::path& file) {
  tensorboard_.image("samples", step, load_image(file));
  tensorboard_.flush();
}

void RunLog::report() {
  write_run_report(out_);
}

}  // namespace zc
