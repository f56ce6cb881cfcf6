// SPDX-License-Identifier: Apache-2.0
// Trainings as processes of their own: started without fork(), found again by number and time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace zc {

// A process; `started` is the system's start time, as numbers are given out again.
struct ProcessId {
  int64_t number = 0;
  int64_t started = 0;
};

// This program itself, whatever its file is called by now, also after an update.
inline constexpr const char* kOwnProgram = "/proc/self/exe";

// Starts the command in a session of its own (Ctrl-C and the end of this process do not reach it),
// with none of our files open: standard output and error are appended to `output`. The first word
// is a path. Throws io.
ProcessId start_process(const std::vector<std::string>& command,
                        const std::filesystem::path& output);

// A process that has ended but that nobody has waited for does not run.
bool is_running(const ProcessId& process);
// SIGTERM. False when it does not run.
bool ask_to_end(const ProcessId& process);
// Of a child that has ended: its exit status, or 128 and the signal. Once; nothing while it runs
// and for what is no child of this process.
std::optional<int> take_exit_status(const ProcessId& process);

struct ProcessResult {
  int status = 0;  // as above
  std::string output;
  std::string errors;
};
// Runs the command to its end. nullopt: it took longer, or `cancelled` said so (asked a few times a
// second); it was killed. Throws io.
std::optional<ProcessResult> run_process(const std::vector<std::string>& command, double seconds,
                                         const std::function<bool()>& cancelled);

}  // namespace zc
