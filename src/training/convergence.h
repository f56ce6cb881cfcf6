// SPDX-License-Identifier: Apache-2.0
// Does the model follow its map yet? Finds the sudden convergence of ControlNet training, the best
// step, and the plateau after it.
//
// The loss does not tell (it stays in its noise while the model begins to obey), so this looks at
// how well pictures of a fixed held-out set agree with their maps, as a share of what is possible.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace zc {

// (value - baseline) / (ceiling - baseline): 0 as without the map, 1 as good as the scene itself
// after the autoencoder. Right also where smaller is better. Nothing when the ceiling equals the
// baseline (the set measures nothing) or a number is not finite.
std::optional<double> adherence_share(double value, double baseline, double ceiling);

struct ConvergenceOptions {
  double follows = 0.35;   // smallest share that counts as following
  double min_gain = 0.01;  // a smaller rise of the share is none
  int64_t patience = 8;    // measurements without a gain until plateau()
};

struct AdherencePoint {
  int64_t step = 0;
  double share = 0;
};

// The model has begun to follow its map.
struct ConvergenceEvent {
  int64_t step = 0;   // where the line between two measurements crosses the threshold
  double before = 0;  // the last share below it
  double after = 0;   // mean of the first two above it
  bool sudden = false;
};

// The threshold is `follows`, or three standard deviations of the measurement's noise if that is
// more. Zero is the right centre for it: zero convolutions make an untrained ControlNet's pictures
// equal those without it. The noise is estimated from second differences of the earlier shares,
// which a steady rise does not change, and from their median, which an outlier does not. Two
// measurements in a row must reach the threshold; one alone is an outlier.
//
// Sudden: within one interval, or two, before the first of them the share rose by at least half of
// `after`, and three times as fast as neighbouring shares (in the median) differed until then. Else
// it rose slowly, or the run began with a model that follows already.
//
// There is one event in a run, reported with the measurement that confirms it. Before it plateau()
// is false: share and loss rest for thousands of steps until they jump, so a run that does not
// follow yet ends with its steps and not for lack of progress.
struct ConvergenceState {
  ConvergenceOptions options;
  std::vector<AdherencePoint> points;     // rising steps
  std::optional<ConvergenceEvent> event;  // once confirmed
  std::optional<AdherencePoint> best;     // the largest share, the earliest if several

  // Returns the event when this measurement confirms it. A share that is not finite is passed over.
  // A step at or before earlier ones (a resumed run) replaces those from there on, so the state of
  // a resumed run comes from adding all its measurements again.
  std::optional<ConvergenceEvent> add(int64_t step, double share);

  // The model follows, and `patience` measurements since the last gain of more than min_gain over
  // the largest share before.
  bool plateau() const;
};

// For people: "suddenly began to follow its map at step 3412: adherence rose from 2 % to 71 % of
// what is possible".
std::string convergence_text(const ConvergenceEvent& event);

}  // namespace zc
