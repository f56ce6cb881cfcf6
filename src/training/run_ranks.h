// SPDX-License-Identifier: Apache-2.0
// Several copies of this program as the ranks of one run on this machine, without torchrun.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace zc {

struct RunRanksOptions {
  int count = 1;
  std::vector<std::string> arguments;           // of each copy, the program's name first
  std::chrono::milliseconds grace{30'000};      // from the request to stop to the end by force
  std::function<void(const std::string&)> say;  // told when a rank fails; may be empty
};

// Starts the copies, each with the environment that ranks_from_environment() reads and its share
// of the cores (OMP_NUM_THREADS, unless it is set), and waits for them. SIGINT and SIGTERM are
// passed on. When one fails, the others get SIGTERM and, after the grace, SIGKILL. When this
// process dies, they get SIGTERM. Returns 0, or how the first that failed ended: its exit code,
// 128 and the number of the signal that ended it. To be called from the main thread while there
// is no other. Throws io when a process cannot be started.
int run_ranks(const RunRanksOptions& options);

}  // namespace zc
