// SPDX-License-Identifier: Apache-2.0
// The sections of a training run's report, each as HTML; "" where the run has nothing to show.
#pragma once

#include <optional>
#include <string>

#include "training/convergence.h"
#include "training/run_files.h"

namespace zc {

// "ControlNet for canny", "Autoencoder", "Training run".
std::string report_title(const RunFiles& run);

// The convergence meter over the first metric. Steps that run.json names go before those found
// here.
struct RunVerdict {
  ConvergenceState state;
  std::optional<int64_t> converged_step;
  std::optional<AdherencePoint> best;
};
RunVerdict verdict_of(const RunFiles& run);

std::string summary_html(const RunFiles& run);    // title, verdict, the numbers that matter
std::string adherence_html(const RunFiles& run);  // value, baselines, ceiling for each metric
std::string pictures_html(const RunFiles& run);   // sample grids
std::string curves_html(const RunFiles& run);     // loss; rate, gradient, time, memory
std::string timesteps_html(const RunFiles& run);  // loss in ten bins
std::string tables_html(
    const RunFiles& run);  // run, data, memory, events, left out samples, options

}  // namespace zc
