// SPDX-License-Identifier: Apache-2.0
#include "training/rank_process.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"

namespace zc {
namespace {

std::string machine_of_this_process() {
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  // Containers on one machine number their processes for themselves.
  char space[64];
  const ssize_t length = ::readlink("/proc/self/ns/pid", space, sizeof space);
  return boot + "/" + std::string(space, length > 0 ? length : 0);
}

// proc(5): the name may hold anything, so the fields count from the last parenthesis: state is
// the third of all, the start the twenty-second. Nullopt for none and for one that only waits for
// its parent to take note.
std::optional<std::string> start_of_running(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(file, line);
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  const std::vector<std::string> fields = split(line.substr(name_end + 1), ' ');
  if (fields.size() < 21 || fields[1] == "Z" || fields[1] == "X") return std::nullopt;
  return fields[20];
}

}  // namespace

std::string RankProcess::text() const {
  return fmt::format("{} {} {}", pid, started, machine);
}

RankProcess RankProcess::parse(const std::string& text) {
  const std::vector<std::string> fields = split(text, ' ');
  if (fields.size() != 3) return {};
  return {static_cast<pid_t>(std::atoi(fields[0].c_str())), fields[1], fields[2]};
}

bool RankProcess::has_ended() const {
  static const std::string here = machine_of_this_process();
  return pid > 0 && machine == here && start_of_running(pid) != started;
}

RankProcess this_process() {
  const pid_t pid = ::getpid();
  return {pid, start_of_running(pid).value_or(""), machine_of_this_process()};
}

}  // namespace zc
