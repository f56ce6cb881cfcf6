// SPDX-License-Identifier: Apache-2.0
#include "training/step_numbers.h"

#include <algorithm>

namespace zc {

void StepNumbers::add(const at::Tensor& each, const at::Tensor& t) {
  if (!each.defined()) return;
  const at::Tensor losses = each.to(at::kCPU, at::kDouble), times = t.to(at::kCPU, at::kLong);
  for (int64_t i = 0; i < losses.numel(); ++i) {
    const auto bin = static_cast<size_t>(std::min<int64_t>(9, times[i].item<int64_t>() / 100));
    bin_sums[bin] += losses[i].item<double>();
    bin_counts[bin] += 1.0;
  }
}

std::vector<double> StepNumbers::row() const {
  std::vector<double> row = {loss, cancelled ? 1.0 : 0.0, save ? 1.0 : 0.0, seconds};
  row.insert(row.end(), bin_sums.begin(), bin_sums.end());
  row.insert(row.end(), bin_counts.begin(), bin_counts.end());
  return row;
}

StepNumbers StepNumbers::sum(const std::vector<std::vector<double>>& rows) {
  StepNumbers total;
  for (const std::vector<double>& row : rows) {
    total.loss += row[0] / static_cast<double>(rows.size());
    total.cancelled = total.cancelled || row[1] > 0;
    total.save = total.save || row[2] > 0;
    total.seconds = std::max(total.seconds, row[3]);
    for (size_t i = 0; i < 10; ++i) {
      total.bin_sums[i] += row[4 + i];
      total.bin_counts[i] += row[14 + i];
    }
  }
  return total;
}

void StepWindow::add(const StepNumbers& step) {
  loss += step.loss;
  seconds += step.seconds;
  ++steps;
  for (size_t i = 0; i < 10; ++i) {
    bin_sums[i] += step.bin_sums[i];
    bin_counts[i] += step.bin_counts[i];
  }
}

TimestepBins StepWindow::bins() const {
  TimestepBins means = no_bins();
  for (size_t i = 0; i < means.size(); ++i) {
    if (bin_counts[i] > 0) means[i] = bin_sums[i] / bin_counts[i];
  }
  return means;
}

}  // namespace zc
