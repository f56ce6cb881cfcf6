// SPDX-License-Identifier: Apache-2.0
#include "server/train_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "server/clock.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostOutput = size_t{4} << 20;

// A file that is closed at the end of the scope.
class OpenFile {
 public:
  explicit OpenFile(int fd) : fd_(fd) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

[[noreturn]] void cannot_start(const std::string& what, int error) {
  throw Error(ErrorKind::io, what, fmt::format("cannot be started: {}", std::strerror(error)));
}

// posix_spawn and not fork(): the server's other threads hold locks and open databases, of which a
// forked child would have copies.
pid_t spawn(const std::vector<std::string>& command, int output, int errors) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::string own_name = "zeroconv";  // what lists of processes show
  if (command.front() == kOwnProgram) arguments.front() = own_name.data();
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, output, 1);
  posix_spawn_file_actions_adddup2(&files, errors, 2);
  // The listening socket above all: it would keep the server's port beyond its end.
  posix_spawn_file_actions_addclosefrom_np(&files, 3);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int error =
      posix_spawn(&child, command.front().c_str(), &files, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) cannot_start(command.front(), error);
  return child;
}

struct ProcessStatus {
  char state = 0;       // R, S, Z, ...
  int64_t started = 0;  // clock ticks after the machine's start
};

// proc(5): "1234 (name) S ...", the start is the 22nd field. The name may hold anything.
std::optional<ProcessStatus> status_of(int64_t number) {
  std::ifstream file(fmt::format("/proc/{}/stat", number));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= text.size()) return std::nullopt;
  const std::vector<std::string> fields = split(text.substr(name_end + 2), ' ');
  constexpr size_t kStart = 22 - 3;
  if (fields.size() <= kStart || fields[0].empty()) return std::nullopt;
  ProcessStatus status{.state = fields[0][0]};
  const std::string& start = fields[kStart];
  std::from_chars(start.data(), start.data() + start.size(), status.started);
  return status;
}

int exit_status(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

std::string contents_of(int fd) {
  std::string text(kMostOutput, '\0');
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  text.resize(static_cast<size_t>(std::max<ssize_t>(0, size)));
  return text;
}

// False when the time is over or it was cancelled.
bool wait_for_end(int pidfd, double seconds, const std::function<bool()>& cancelled) {
  constexpr int kGlanceMs = 200;
  const double end = steady_seconds() + seconds;
  pollfd waiting{.fd = pidfd, .events = POLLIN, .revents = 0};
  while (steady_seconds() < end && !(cancelled && cancelled())) {
    if (::poll(&waiting, 1, kGlanceMs) > 0) return true;
  }
  return false;
}

}  // namespace

ProcessId start_process(const std::vector<std::string>& command, const fs::path& output) {
  const OpenFile file(::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (file.fd() < 0) throw Error(ErrorKind::io, output.string(), "cannot be written");
  const pid_t child = spawn(command, file.fd(), file.fd());
  const auto status = status_of(child);
  return {.number = child, .started = status ? status->started : 0};
}

bool is_running(const ProcessId& process) {
  if (process.number <= 0) return false;
  const auto status = status_of(process.number);
  return status && status->state != 'Z' && status->state != 'X' &&
         status->started == process.started;
}

bool ask_to_end(const ProcessId& process) {
  return is_running(process) && ::kill(static_cast<pid_t>(process.number), SIGTERM) == 0;
}

std::optional<int> take_exit_status(const ProcessId& process) {
  if (process.number <= 0) return std::nullopt;
  int status = 0;
  const auto pid = static_cast<pid_t>(process.number);
  if (::waitpid(pid, &status, WNOHANG) != pid) return std::nullopt;
  return exit_status(status);
}

std::optional<ProcessResult> run_process(const std::vector<std::string>& command, double seconds,
                                         const std::function<bool()>& cancelled) {
  const OpenFile output(::memfd_create("output", MFD_CLOEXEC));
  const OpenFile errors(::memfd_create("errors", MFD_CLOEXEC));
  if (output.fd() < 0 || errors.fd() < 0) cannot_start(command.front(), errno);
  const pid_t child = spawn(command, output.fd(), errors.fd());
  // glibc 2.36 declares pidfd_open() without C linkage.
  const OpenFile handle(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  const bool ended = handle.fd() >= 0 && wait_for_end(handle.fd(), seconds, cancelled);
  if (!ended) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) return std::nullopt;
  return ProcessResult{exit_status(status), contents_of(output.fd()), contents_of(errors.fd())};
}

}  // namespace zc
