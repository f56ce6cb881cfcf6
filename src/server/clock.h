// SPDX-License-Identifier: Apache-2.0
// The two clocks: one for durations, one for what people read.
#pragma once

#include <chrono>
#include <cstdint>

namespace zc {

// Never goes back; since some moment.
inline double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Milliseconds since 1970.
inline int64_t unix_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace zc
