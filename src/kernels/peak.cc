// SPDX-License-Identifier: Apache-2.0
#include "kernels/peak.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>
#include <thread>
#include <vector>

#include "base/error.h"
#include "kernels/matmul_kernels.h"
#include "kernels/split_kernels.h"

namespace zc::kernels {
namespace {

using PeakClock = std::chrono::steady_clock;
constexpr int64_t kRounds = 200'000;
constexpr double kLongest = 0.05;  // seconds

double seconds_of(PeakClock::duration d) {
  return std::chrono::duration<double>(d).count();
}

// Each thread times itself; the sum of their best rates needs no common start. operations: of one
// call of `work`.
template <class Work>
double sum_of_best_rates(int threads, const Work& work) {
  std::vector<double> rates(static_cast<size_t>(threads), 0.0);
  const auto measure = [&](double& best) {
    const auto begin = PeakClock::now();
    for (auto now = begin; seconds_of(now - begin) < kLongest;) {
      const double operations = work();
      const auto end = PeakClock::now();
      best = std::max(best, operations / seconds_of(end - now) * 1e-9);
      now = end;
    }
  };
  std::vector<std::thread> others;
  for (size_t i = 1; i < rates.size(); ++i) others.emplace_back([&, i] { measure(rates[i]); });
  measure(rates[0]);
  for (std::thread& t : others) t.join();
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

}  // namespace

double measured_peak_gflops(InstructionSet set, int threads) {
  const MatmulKernels* kernels = matmul_kernels_for(set);
  ZC_BUG_IF(kernels == nullptr || threads < 1);
  return sum_of_best_rates(threads, [&] { return kernels->multiply_in_registers(kRounds); });
}

double measured_split_peak_gflops(int threads) {
  const SplitKernels* kernels = split_amx();
  ZC_BUG_IF(kernels == nullptr || threads < 1);
  return sum_of_best_rates(threads, [&] { return kernels->multiply_in_registers(kRounds); });
}

double measured_copy_gbytes() {
  constexpr size_t kSize = size_t{64} << 20;
  const std::vector<char> from(kSize, 1);
  std::vector<char> to(kSize);
  return sum_of_best_rates(1, [&] {
    std::memcpy(to.data(), from.data(), kSize);
    return 2.0 * static_cast<double>(kSize);
  });
}

}  // namespace zc::kernels
