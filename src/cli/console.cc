// SPDX-License-Identifier: Apache-2.0
#include "cli/console.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include <fmt/format.h>

namespace zc {
namespace {

CancelToken interrupt_token;
std::atomic<bool> save_wanted{false};

void handle_interrupt(int signal) {
  if (interrupt_token.cancelled()) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  interrupt_token.cancel();
  constexpr std::string_view kText = "\nstopping after this step; once more to stop at once\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kText.data(), kText.size());
}

constexpr int kBarCells = 28;
constexpr std::chrono::seconds kBetweenLines{5};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// "12/20, 3.10 s each, 25 s left"
std::string counts(const Progress& p, int64_t first_done, double seconds) {
  std::string text = fmt::format("{}/{}", p.done, p.total);
  const int64_t done_here = p.done - first_done;
  if (done_here > 0) {
    const double each = seconds / static_cast<double>(done_here);
    text += fmt::format(", {:.3g} s each", each);
    if (p.done < p.total)
      text += fmt::format(", {:.0f} s left", each * static_cast<double>(p.total - p.done));
  }
  return text;
}

}  // namespace

Console::Console(bool quiet) : quiet_(quiet), is_terminal_(isatty(STDERR_FILENO) != 0) {}

Console::~Console() {
  clear_bar();
}

ProgressFunction Console::progress() {
  if (quiet_) return {};
  return [this](const Progress& progress) { show(progress); };
}

void Console::note(std::string_view text) {
  if (quiet_) return;
  clear_bar();
  fmt::print(stderr, "{}\n", text);
}

void Console::show(const Progress& p) {
  const bool new_phase = p.phase != phase_;
  if (new_phase) {
    phase_ = p.phase;
    first_done_ = p.done;
    phase_start_ = Clock::now();
  }
  if (p.total <= 0) return;
  if (is_terminal_) return draw_bar(p);
  const bool due = new_phase || p.done == p.total || Clock::now() - last_line_ >= kBetweenLines;
  if (!due) return;
  last_line_ = Clock::now();
  fmt::print(stderr, "{} {}\n", p.phase, counts(p, first_done_, seconds_since(phase_start_)));
}

void Console::draw_bar(const Progress& p) {
  const auto filled = static_cast<int>(kBarCells * p.done / std::max<int64_t>(p.total, 1));
  fmt::print(stderr, "\r\033[K{:<7} [{:#<{}}{:.<{}}] {}", p.phase, "", filled, "",
             kBarCells - filled, counts(p, first_done_, seconds_since(phase_start_)));
  std::fflush(stderr);
  bar_shown_ = true;
}

void Console::clear_bar() {
  if (!bar_shown_) return;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
  bar_shown_ = false;
}

const CancelToken& cancel_on_interrupt() {
  struct sigaction action = {};
  action.sa_handler = handle_interrupt;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  return interrupt_token;
}

std::atomic<bool>& save_on_signal() {
  struct sigaction action = {};
  action.sa_handler = [](int) { save_wanted.store(true, std::memory_order_relaxed); };
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);
  return save_wanted;
}

}  // namespace zc
