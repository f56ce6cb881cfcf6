// SPDX-License-Identifier: Apache-2.0
// Timed runs for `zeroconv bench`.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace zc {

struct RunTimes {
  std::vector<double> seconds;  // in their order
  double median_s = 0;
  double min_s = 0;
  double max_s = 0;
};

// Calls `work` once to warm up, which is not counted, then `runs` times.
RunTimes time_runs(int64_t runs, const std::function<void()>& work);

}  // namespace zc
