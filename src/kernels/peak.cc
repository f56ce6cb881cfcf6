// SPDX-License-Identifier: Apache-2.0
#include "kernels/peak.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "base/error.h"
#include "kernels/matmul_kernels.h"

namespace zc::kernels {
namespace {

using PeakClock = std::chrono::steady_clock;
constexpr int64_t kRounds = 200'000;
constexpr double kLongest = 0.05;  // seconds

double seconds_of(PeakClock::duration d) {
  return std::chrono::duration<double>(d).count();
}

}  // namespace

double measured_peak_gflops(InstructionSet set, int threads) {
  const MatmulKernels* kernels = matmul_kernels_for(set);
  ZC_BUG_IF(kernels == nullptr || threads < 1);
  // Each thread times itself; the sum of their best rates needs no common start.
  std::vector<double> rates(static_cast<size_t>(threads), 0.0);
  const auto measure = [&](double& best) {
    const auto begin = PeakClock::now();
    for (auto now = begin; seconds_of(now - begin) < kLongest;) {
      const double operations = kernels->multiply_in_registers(kRounds);
      const auto end = PeakClock::now();
      best = std::max(best, operations / seconds_of(end - now) * 1e-9);
      now = end;
    }
  };
  std::vector<std::thread> others;
  for (size_t i = 1; i < rates.size(); ++i) others.emplace_back([&, i] { measure(rates[i]); });
  measure(rates[0]);
  for (std::thread& t : others) t.join();
  double sum = 0.0;
  for (const double rate : rates) sum += rate;
  return sum;
}

}  // namespace zc::kernels
