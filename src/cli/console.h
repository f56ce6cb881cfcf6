// SPDX-License-Identifier: Apache-2.0
// What people see while a command works, and how they stop it.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

#include "base/task.h"

namespace zc {

// Progress and notes go to the standard error stream: a bar on a terminal, plain lines otherwise,
// nothing when quiet.
class Console {
 public:
  explicit Console(bool quiet);
  ~Console();

  ProgressFunction progress();
  // A line of its own, also while the bar is shown.
  void note(std::string_view text);
  void warn(std::string_view text) { note("note: " + std::string(text)); }

 private:
  void show(const Progress& progress);
  void draw_bar(const Progress& progress);
  void clear_bar();

  using Clock = std::chrono::steady_clock;
  bool quiet_;
  bool is_terminal_;
  bool bar_shown_ = false;
  std::string phase_;
  int64_t first_done_ = 0;
  Clock::time_point phase_start_ = Clock::now();
  Clock::time_point last_line_;
};

// From now on Ctrl-C (and SIGTERM) sets the token; the second one ends the program at once.
const CancelToken& cancel_on_interrupt();

// From now on SIGUSR1 sets this; whoever acts on it sets it back.
std::atomic<bool>& save_on_signal();

}  // namespace zc
