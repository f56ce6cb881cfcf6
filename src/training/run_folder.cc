// SPDX-License-Identifier: Apache-2.0
#include "training/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

// Changing them makes another training of it, not the rest of the old one.
constexpr std::array<std::string_view, 12> kFixedOptions = {"what",
                                                            "model",
                                                            "control",
                                                            "init",
                                                            "data",
                                                            "size",
                                                            "seed",
                                                            "optimizer",
                                                            "decoder_only",
                                                            "unlock_decoder",
                                                            "only_mid_control",
                                                            "prediction"};
// They decide nothing of what is learned at a step.
constexpr std::array<std::string_view, 18> kFreeOptions = {
    "out",          "cache",     "steps",        "save_every",
    "sample_every", "log_every", "resume",       "validate_every",
    "patience",     "guidance",  "rank_timeout", "dry_run",
    "device",       "ranks",     "keep",         "gradient_checkpointing",
    "batch",        "accumulate"};

fs::path lock_path(const fs::path& out) {
  return out / "run.lock";
}

int64_t process_in(int fd) {
  std::array<char, 32> text{};
  const ssize_t size = ::pread(fd, text.data(), text.size() - 1, 0);
  int64_t process = 0;
  if (size > 0) std::from_chars(text.data(), text.data() + size, process);
  return process;
}

// The folder itself, or the nearest one around it that exists.
fs::path existing_part(const fs::path& folder) {
  std::error_code ignored;
  fs::path part = fs::absolute(folder, ignored);
  while (!fs::exists(part, ignored) && part.has_parent_path() && part != part.parent_path())
    part = part.parent_path();
  return part;
}

// Pictures for one optimizer step; 0 where the options do not say.
int64_t pictures_per_step(const nlohmann::json& options) {
  const auto number = [&](const char* name) {
    const auto found = options.find(name);
    return found != options.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
  };
  return number("batch") * number("accumulate");
}

bool averages(const nlohmann::json& options) {
  const auto found = options.find("ema");
  return found != options.end() && found->is_number() && found->get<double>() > 0;
}

std::string option_name(std::string_view field) {
  std::string name = "--" + std::string(field);
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

}  // namespace

RunLock::RunLock(const fs::path& out) {
  std::error_code error;
  fs::create_directories(out, error);
  const fs::path path = lock_path(out);
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) throw Error(ErrorKind::io, path.string(), "cannot be written");
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    const int64_t process = process_in(fd_);
    ::close(fd_);
    throw Error(ErrorKind::bad_request, out.string(),
                fmt::format("process {} trains into this folder: wait for it, or name another "
                            "--out",
                            process));
  }
  const std::string text = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd_, 0) != 0 || ::pwrite(fd_, text.data(), text.size(), 0) < 0) {
    ::close(fd_);
    throw Error(ErrorKind::io, path.string(), "cannot be written");
  }
}

RunLock::~RunLock() {
  ::close(fd_);
}

std::optional<int64_t> run_in_progress(const fs::path& out) {
  const int fd = ::open(lock_path(out).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  const bool held = ::flock(fd, LOCK_SH | LOCK_NB) != 0;
  const int64_t process = held ? process_in(fd) : 0;
  ::close(fd);
  if (!held || process == ::getpid()) return std::nullopt;
  return process;
}

std::optional<Snapshot> newest_manifest(const fs::path& out) {
  std::optional<Snapshot> newest;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(out / "ckpt", ignored)) {
    const std::string name = entry.path().filename().string();
    int64_t step = 0;
    if (!name.starts_with("step-") || !fs::exists(entry.path() / "trainer.json")) continue;
    const auto [end, error] = std::from_chars(name.data() + 5, name.data() + name.size(), step);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    if (!newest || step > newest->step) newest = Snapshot{entry.path(), step};
  }
  return newest;
}

void require_no_run(const fs::path& out) {
  const auto snapshot = newest_manifest(out);
  if (!snapshot) return;
  throw Error(ErrorKind::bad_request, out.string(),
              fmt::format("holds a run that is at step {}: go on with it by --resume, or name "
                          "another --out",
                          snapshot->step));
}

std::vector<std::string> resume_changes(const nlohmann::json& manifest,
                                        const nlohmann::json& options) {
  const auto saved = manifest.find("options");
  if (saved == manifest.end() || !saved->is_object()) return {};
  if (averages(*saved) != averages(options)) {
    throw Error(ErrorKind::bad_request, "--ema",
                "averaged weights cannot be switched on or off by --resume: keep it as it was, or "
                "begin a run with --init");
  }
  std::vector<std::string> changes;
  for (const auto& [name, value] : options.items()) {
    const auto before = saved->find(name);
    if (before == saved->end() || *before == value) continue;
    if (std::find(kFreeOptions.begin(), kFreeOptions.end(), name) != kFreeOptions.end()) continue;
    const std::string text = fmt::format("{} was {}, now it is {}", option_name(name),
                                         json_text(*before), json_text(value));
    if (std::find(kFixedOptions.begin(), kFixedOptions.end(), name) != kFixedOptions.end()) {
      throw Error(ErrorKind::bad_request, option_name(name),
                  fmt::format("{}: a run cannot be resumed with that; keep it, or begin a new run "
                              "with --init and the old one's result",
                              text));
    }
    changes.push_back(text);
  }
  if (pictures_per_step(*saved) != pictures_per_step(options) && pictures_per_step(*saved) > 0) {
    changes.push_back(
        fmt::format("--batch times --accumulate was {}, now it is {}: other pictures "
                    "follow than would have",
                    pictures_per_step(*saved), pictures_per_step(options)));
  }
  return changes;
}

uint64_t free_disk_bytes(const fs::path& folder) {
  std::error_code error;
  const fs::space_info space = fs::space(existing_part(folder), error);
  if (error) {
    throw Error(ErrorKind::io, folder.string(),
                fmt::format("the space there cannot be read: {}", error.message()));
  }
  return space.available;
}

void require_writable(const fs::path& folder) {
  const fs::path part = existing_part(folder);
  if (!fs::is_directory(part))
    throw Error(ErrorKind::io, part.string(), "is a file: name a folder for --out");
  if (::access(part.c_str(), W_OK | X_OK) != 0)
    throw Error(ErrorKind::io, part.string(), "nothing can be written there");
}

}  // namespace zc
