// SPDX-License-Identifier: Apache-2.0
// The numbers of a training step: what each rank tells the others, and their sums until the log's
// next line.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

#include "training/run_files.h"

namespace zc {

// What one rank tells the others after its passes of a step.
struct StepNumbers {
  double loss = 0.0;  // its share of the mean
  bool cancelled = false;
  bool save = false;  // asked for by a signal
  double seconds = 0.0;
  std::array<double, 10> bin_sums{}, bin_counts{};  // losses by time step, as TimestepBins

  // each, t [B]: losses and time steps of the samples of a pass; undefined where there are none.
  void add(const at::Tensor& each, const at::Tensor& t);

  // As a row for Ranks::gather(), and the sum of all ranks' rows; the seconds are the slowest
  // one's.
  std::vector<double> row() const;
  static StepNumbers sum(const std::vector<std::vector<double>>& rows);
};

// Sums over some steps, of all ranks.
struct StepWindow {
  double loss = 0.0, seconds = 0.0;
  int64_t steps = 0;
  std::array<double, 10> bin_sums{}, bin_counts{};

  void add(const StepNumbers& step);
  // Means, with kMissing where there was no sample.
  TimestepBins bins() const;
};

}  // namespace zc
