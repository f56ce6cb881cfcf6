// SPDX-License-Identifier: Apache-2.0
// Does the ControlNet in training work? Loss and obedience on a fixed set of pictures that it never
// trains on.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/task.h"
#include "image/image.h"
#include "training/controlled_base.h"
#include "training/diffusion_model.h"
#include "training/held_out_judge.h"
#include "training/loss.h"
#include "training/ranks.h"
#include "training/run_files.h"

namespace zc {

struct ControlMeasureOptions {
  std::string kind;  // of the map
  double guidance = 5.0;
  LossOptions loss;
  bool bf16 = false;
  at::Device device = at::kCPU;
};

// At each call pictures are drawn with the held-out maps and prompts, always from the same noise,
// and judged (HeldOutJudge). Once and for all the same is done without the ControlNet (baseline)
// and with the target through the autoencoder (ceiling); at each call with the map of the next pair
// (shuffled). The loss is that of each target at one time step, spread over all ten bins, with
// fixed noise. Previews and noise are on the schedule that the loss options name.
class ControlMeasure {
 public:
  // text: prompts -> [B,T,D]. The references live as long as the measure.
  ControlMeasure(const DiffusionModel& model, const ControlledBase& base,
                 std::vector<HeldOutPair> pairs,
                 std::function<at::Tensor(const std::vector<std::string>&)> text,
                 ControlMeasureOptions options, const TaskContext& task);

  // All ranks call it, and all get the same; each draws its share of the pictures.
  Measurement operator()(Ranks& ranks);

 private:
  const std::vector<HeldOutPair>& pairs() const { return judge_.pairs(); }
  Image draw(size_t pair, const Image* hint) const;
  Image through_autoencoder(const Image& image) const;
  void measure_limits(Ranks& ranks);
  void add_loss(size_t pair, std::vector<double>& numbers) const;
  std::vector<double> mean_over_pairs(
      Ranks& ranks, size_t columns,
      const std::function<void(size_t pair, std::vector<double>& row)>& fill) const;

  const DiffusionModel& model_;
  const ControlledBase& base_;
  std::function<at::Tensor(const std::vector<std::string>&)> text_;
  ControlMeasureOptions options_;
  const TaskContext& task_;
  HeldOutJudge judge_;
  double baseline_ = kMissing, ceiling_ = kMissing;
};

}  // namespace zc
