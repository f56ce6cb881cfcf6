// SPDX-License-Identifier: Apache-2.0
#include "training/train_preflight.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "formats/checkpoint.h"
#include "training/run_folder.h"
#include "training/snapshot.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSampledPairs = 8;
constexpr int64_t kSampledTexts = 200;

std::string bytes_text(int64_t bytes) {
  return human_bytes(static_cast<uint64_t>(std::max<int64_t>(0, bytes)));
}

// Spread over the whole set, first and last included.
std::set<int64_t> spread_indices(int64_t size, int64_t count) {
  std::set<int64_t> indices;
  for (int64_t i = 0; i < count; ++i) indices.insert(count == 1 ? 0 : i * (size - 1) / (count - 1));
  return indices;
}

class Preflight {
 public:
  Preflight(const PreflightInputs& inputs, const nlohmann::json& options)
      : in_(inputs), options_(options) {}

  PreflightReport run() {
    for (const auto& [option, path] : in_.model_files) look_at_model(option, path);
    look_at_folder();
    if (in_.resume) look_at_snapshot();
    if (in_.plan != nullptr) {
      look_at_memory();
      look_at_disk();
    }
    if (in_.pairs != nullptr) {
      look_at_pairs();
      look_at_texts();
    }
    return std::move(report_);
  }

 private:
  void say(std::string topic, std::string text, bool warning = false) {
    report_.lines.push_back({std::move(topic), std::move(text), warning});
  }

  void look_at_model(const std::string& option, const fs::path& path) {
    if (!fs::exists(path)) {
      throw Error(ErrorKind::not_found, path.string(), fmt::format("is not there ({})", option));
    }
    const CheckpointInfo info = inspect_checkpoint(path);
    if (info.probe.parts.empty()) {
      throw Error(ErrorKind::bad_file, path.string(),
                  fmt::format("({}) is a {}", option, info.probe.description));
    }
    say("model", fmt::format("{} {} is a {}, {}", option, path.string(), info.probe.description,
                             human_bytes(info.bytes)));
  }

  void look_at_folder() {
    const auto process = in_.first_rank ? run_in_progress(in_.out) : std::nullopt;
    if (process) {
      throw Error(ErrorKind::bad_request, in_.out.string(),
                  fmt::format("process {} trains into this folder: wait for it, or name another "
                              "--out",
                              *process));
    }
    require_writable(in_.out);
    if (!in_.resume) require_no_run(in_.out);
    say("out", fmt::format("{} can be written", in_.out.string()));
  }

  void look_at_snapshot() {
    const auto snapshot = newest_manifest(in_.out);
    if (!snapshot) {
      throw Error(ErrorKind::not_found, (in_.out / "ckpt").string(),
                  "holds no complete snapshot to resume from");
    }
    report_.resumes_at = snapshot->step;
    say("resume", fmt::format("goes on after step {}", snapshot->step));
    for (std::string& change : resume_changes(read_manifest(*snapshot), options_))
      say("resume", std::move(change), /*warning=*/true);
  }

  void look_at_memory() {
    const int64_t peak = in_.plan->peak();
    if (in_.free_memory <= 0) {
      say("memory", fmt::format("about {} needed", bytes_text(peak)));
      return;
    }
    const std::string text =
        fmt::format("about {} needed, {} free", bytes_text(peak), bytes_text(in_.free_memory));
    if (peak > in_.free_memory) throw Error(ErrorKind::out_of_memory, "memory", text);
    say("memory", text);
  }

  // All kept snapshots, one more that is being written, and the result.
  void look_at_disk() {
    const int64_t needed =
        in_.plan->snapshot_bytes * (in_.kept_snapshots + 1) + in_.plan->result_bytes;
    const auto left = static_cast<int64_t>(free_disk_bytes(in_.out));
    const std::string text =
        fmt::format("{} snapshots of {}, one in writing and the result take {}, {} are free",
                    in_.kept_snapshots, bytes_text(in_.plan->snapshot_bytes), bytes_text(needed),
                    bytes_text(left));
    // A run that goes on has most of its files already.
    if (needed > left && !in_.resume)
      throw Error(ErrorKind::io, in_.out.string(), text + ": make room, or name another --out");
    say("disk", text, /*warning=*/needed > left);
  }

  // What is wrong with a pair, or "".
  std::string fault_of(int64_t index) const {
    try {
      const Pair pair = in_.pairs->pair(index, in_.size);
      if (pair.target.empty()) return "the picture is empty";
      if (!in_.wants_hints) return "";
      if (pair.hint.empty()) return "there is no control map";
      if (pair.hint.width != pair.target.width || pair.hint.height != pair.target.height) {
        return fmt::format("the map is {}x{}, the picture {}x{}", pair.hint.width, pair.hint.height,
                           pair.target.width, pair.target.height);
      }
      return "";
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::bug || error.kind() == ErrorKind::unsupported) throw;
      return error.what();
    }
  }

  void look_at_pairs() {
    const int64_t total = in_.pairs->size();
    if (total < 1) throw Error(ErrorKind::bad_file, in_.pairs->description(), "holds no pairs");
    const std::set<int64_t> indices = spread_indices(total, std::min(total, kSampledPairs));
    std::vector<std::string> faults;
    for (const int64_t index : indices) {
      if (const std::string fault = fault_of(index); !fault.empty())
        faults.push_back(fmt::format("pair {}: {}", index, fault));
    }
    if (faults.size() * 2 > indices.size()) {
      throw Error(ErrorKind::bad_file, in_.pairs->description(),
                  fmt::format("{} of {} pairs cannot be used; {}", faults.size(), indices.size(),
                              faults.front()));
    }
    say("data", fmt::format("{} pairs ({}), {} of them looked at", total, in_.pairs->description(),
                            indices.size()));
    for (std::string& fault : faults) say("data", std::move(fault), /*warning=*/true);
  }

  void look_at_texts() {
    if (in_.tokenizer == nullptr) return;
    const int64_t total = in_.pairs->size();
    int64_t longest = 0, cut = 0, blank = 0;
    const std::set<int64_t> indices = spread_indices(total, std::min(total, kSampledTexts));
    for (const int64_t index : indices) {
      const std::string text = in_.pairs->prompt(index, 0);
      const size_t tokens = in_.tokenizer->encode(text).size();
      longest = std::max(longest, static_cast<int64_t>(tokens));
      cut += tokens > kClipTokens;
      blank += trim(text).empty();
    }
    say("captions", fmt::format("the longest of {} has {} tokens", indices.size(), longest));
    if (cut > 0) {
      say("captions",
          fmt::format("{} of {} are longer than {} tokens: the text encoder does not see their end",
                      cut, indices.size(), kClipTokens),
          /*warning=*/true);
    }
    if (blank > 0)
      say("captions", fmt::format("{} of {} are empty", blank, indices.size()), /*warning=*/true);
  }

  const PreflightInputs& in_;
  const nlohmann::json& options_;
  PreflightReport report_;
};

}  // namespace

PreflightReport preflight_training(const PreflightInputs& inputs, const nlohmann::json& options) {
  return Preflight(inputs, options).run();
}

std::string preflight_text(const PreflightReport& report) {
  std::string text;
  for (const PreflightLine& line : report.lines)
    text += fmt::format("{}{}: {}\n", line.warning ? "note: " : "", line.topic, line.text);
  return text;
}

nlohmann::json to_json(const PreflightReport& report) {
  nlohmann::json checks = nlohmann::json::array();
  for (const PreflightLine& line : report.lines)
    checks.push_back({{"topic", line.topic}, {"text", line.text}, {"warning", line.warning}});
  return {{"checks", checks}, {"resumes_at", report.resumes_at}};
}

}  // namespace zc
