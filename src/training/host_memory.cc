// SPDX-License-Identifier: Apache-2.0
#include "training/host_memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>

#include "base/text.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

// The number in a file of one line; nothing for "max" and for a file that is not there.
std::optional<int64_t> number_in(const fs::path& path) {
  std::ifstream file(path);
  int64_t number = 0;
  if (file >> number) return number;
  return std::nullopt;
}

// The number behind `name` in a file of lines "name number".
int64_t number_behind(const fs::path& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string key;
    int64_t number = 0;
    if (fields >> key >> number && key == name) return number;
  }
  return 0;
}

struct GroupFiles {
  const char *limit, *usage, *cache;
};

// What a group still has: its limit less what cannot be given back at once.
int64_t left_in(const fs::path& group, const GroupFiles& names) {
  const auto limit = number_in(group / names.limit);
  const auto usage = number_in(group / names.usage);
  if (!limit || !usage) return kNoLimit;
  const int64_t cache = number_behind(group / "memory.stat", names.cache);
  return std::max<int64_t>(0, *limit - std::max<int64_t>(0, *usage - cache));
}

// The smallest of the group's and of those around it. In a container the path of the host may not
// be there; the root of what is mounted then is the group.
int64_t left_in_all(const fs::path& mount, const std::string& path, const GroupFiles& names) {
  int64_t left = left_in(mount, names);
  fs::path group = mount;
  for (const std::string& part : split(path, '/')) {
    if (part.empty() || part == "..") continue;
    group /= part;
    left = std::min(left, left_in(group, names));
  }
  return left;
}

}  // namespace

int64_t free_host_memory(const fs::path& root) {
  const int64_t kilobytes = number_behind(root / "proc/meminfo", "MemAvailable:");
  if (kilobytes <= 0) return 0;
  int64_t left = kilobytes * 1024;
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    // "0::/path" of version 2, "4:memory:/path" of version 1.
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      left = std::min(left, left_in_all(root / "sys/fs/cgroup", path,
                                        {"memory.max", "memory.current", "inactive_file"}));
    } else if (controllers == "memory") {
      left = std::min(left, left_in_all(root / "sys/fs/cgroup/memory", path,
                                        {"memory.limit_in_bytes", "memory.usage_in_bytes",
                                         "total_inactive_file"}));
    }
  }
  return left;
}

int64_t peak_resident_bytes(const fs::path& root) {
  return number_behind(root / "proc/self/status", "VmHWM:") * 1024;
}

}  // namespace zc
