// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_runs.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace zc {

RunTimes time_runs(int64_t runs, const std::function<void()>& work) {
  work();  // reads and converts the weights
  std::vector<double> seconds;
  for (int64_t i = 0; i < runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::vector<double> sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  return {.seconds = std::move(seconds),
          .median_s = sorted[sorted.size() / 2],
          .min_s = sorted.front(),
          .max_s = sorted.back()};
}

}  // namespace zc
