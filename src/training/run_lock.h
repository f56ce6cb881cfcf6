// SPDX-License-Identifier: Apache-2.0
// One training at a time in a folder, and which process it is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace zc {

// While it lives, no other process trains into the folder (flock on OUT/run.lock; a killed process
// leaves no lock behind). Makes the folder. Throws bad_request naming the process that holds it,
// io.
class RunLock {
 public:
  explicit RunLock(const std::filesystem::path& out);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int fd_ = -1;
};

// The process that trains into the folder, if any; this one does not count.
std::optional<int64_t> run_in_progress(const std::filesystem::path& out);

}  // namespace zc
