// SPDX-License-Identifier: Apache-2.0
// How much memory this machine still has for us, and how much we took.
#pragma once

#include <cstdint>
#include <filesystem>

namespace zc {

// Bytes that can be taken without swapping: MemAvailable, or less where a control group (version 1
// or 2, or one around it) limits this process. 0: not known. root: of /proc and /sys.
int64_t free_host_memory(const std::filesystem::path& root = "/");

// The most that this process has held in memory so far.
int64_t peak_resident_bytes(const std::filesystem::path& root = "/");

}  // namespace zc
