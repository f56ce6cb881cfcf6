// SPDX-License-Identifier: Apache-2.0
// How much of the networks' weights is on the device at once.
#pragma once

#include <cstdint>

namespace zc {

// Bytes, in the precision of their use.
struct DeviceStreamPlan {
  int64_t all = 0;
  int64_t kept = 0;  // that stay on the device
  int64_t ring = 0;  // through which the others pass; 0: all are kept
  int64_t on_device() const { return kept + ring; }
};

}  // namespace zc
