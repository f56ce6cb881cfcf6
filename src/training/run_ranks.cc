// SPDX-License-Identifier: Apache-2.0
#include "training/run_ranks.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "training/rank_sockets.h"

namespace zc {
namespace {

using WaitClock = std::chrono::steady_clock;

// While it lives, the signals wait for sigtimedwait instead of interrupting.
class HeldSignals {
 public:
  HeldSignals() {
    sigemptyset(&held_);
    for (const int signal : {SIGINT, SIGTERM, SIGCHLD}) sigaddset(&held_, signal);
    sigprocmask(SIG_BLOCK, &held_, &before_);
  }
  ~HeldSignals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  const sigset_t& before() const { return before_; }
  // The next one; nothing when none comes for a while.
  std::optional<siginfo_t> next() const {
    const timespec a_while = {0, 200'000'000};
    siginfo_t info = {};
    if (sigtimedwait(&held_, &info, &a_while) < 0) return std::nullopt;
    return info;
  }

 private:
  sigset_t held_, before_;
};

struct RunningRank {
  int rank;
  pid_t pid;
};

// This process's environment with the rank's variables in the place of others of that name.
std::vector<std::string> environment_of(int rank, int count, int port) {
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::string> environment = {
      fmt::format("RANK={}", rank),
      fmt::format("LOCAL_RANK={}", rank),
      fmt::format("WORLD_SIZE={}", count),
      fmt::format("LOCAL_WORLD_SIZE={}", count),
      "MASTER_ADDR=127.0.0.1",
      fmt::format("MASTER_PORT={}", port),
      "TORCHELASTIC_USE_AGENT_STORE=False",
  };
  if (std::getenv("OMP_NUM_THREADS") == nullptr)
    environment.push_back(fmt::format("OMP_NUM_THREADS={}", std::max(1u, cores / count)));
  const size_t own = environment.size();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('=') + 1);
    if (std::none_of(environment.begin(), environment.begin() + static_cast<std::ptrdiff_t>(own),
                     [&](const std::string& mine) { return mine.starts_with(name); }))
      environment.emplace_back(text);
  }
  return environment;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

pid_t start_rank(std::vector<std::string> arguments, std::vector<std::string> environment,
                 const sigset_t& signals) {
  // All memory is taken before the fork; the child only makes system calls.
  const std::vector<char*> argv = pointers(arguments), envp = pointers(environment);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw Error(ErrorKind::io, "ranks", fmt::format("fork: {}", std::strerror(errno)));
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(143);  // it died in between
    sigprocmask(SIG_SETMASK, &signals, nullptr);
    ::execve("/proc/self/exe", argv.data(), envp.data());
    ::_exit(127);
  }
  return pid;
}

void send(const std::vector<RunningRank>& ranks, int signal) {
  for (const RunningRank& r : ranks) ::kill(r.pid, signal);
}

// Removes a rank that has ended: its number and status.
std::optional<std::pair<int, int>> take_ended(std::vector<RunningRank>& running) {
  for (auto it = running.begin(); it != running.end(); ++it) {
    int status = 0;
    if (::waitpid(it->pid, &status, WNOHANG) != it->pid) continue;
    const int rank = it->rank;
    running.erase(it);
    return std::pair(rank, status);
  }
  return std::nullopt;
}

int wait_for_all(std::vector<RunningRank> running, const HeldSignals& signals,
                 const RunRanksOptions& options) {
  int first_bad = 0;
  bool asked_to_stop = false;
  std::optional<WaitClock::time_point> patience;
  while (!running.empty()) {
    const auto signal = signals.next();
    if (signal && signal->si_signo != SIGCHLD) {
      asked_to_stop = true;
      // The kernel sends a terminal's Ctrl-C to the ranks itself, and a second one would end them
      // before they have saved.
      if (signal->si_code != SI_KERNEL) send(running, signal->si_signo);
    }
    while (const auto ended = take_ended(running)) {
      const int status = ended->second;
      const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      if (code == 0 || first_bad != 0) continue;
      first_bad = code;
      if (asked_to_stop || running.empty()) continue;  // the others are about to end as well
      if (options.say) {
        options.say(fmt::format("rank {} of {} ended with {} {}; the others are stopped",
                                ended->first, options.count,
                                WIFSIGNALED(status) ? "signal" : "exit code",
                                WIFSIGNALED(status) ? WTERMSIG(status) : code));
      }
      send(running, SIGTERM);
      patience = WaitClock::now() + options.grace;
    }
    if (patience && WaitClock::now() > *patience) send(running, SIGKILL);
  }
  return first_bad;
}

}  // namespace

int run_ranks(const RunRanksOptions& options) {
  if (options.count < 1) {
    throw Error(ErrorKind::bad_request, "ranks",
                fmt::format("{} processes; at least one is wanted", options.count));
  }
  const HeldSignals signals;
  const int port = free_port();
  std::vector<RunningRank> running;
  try {
    for (int rank = 0; rank < options.count; ++rank) {
      running.push_back(
          {rank, start_rank(options.arguments, environment_of(rank, options.count, port),
                            signals.before())});
    }
  } catch (const Error&) {
    send(running, SIGKILL);
    for (const RunningRank& r : running) ::waitpid(r.pid, nullptr, 0);
    throw;
  }
  return wait_for_all(std::move(running), signals, options);
}

}  // namespace zc
