// SPDX-License-Identifier: Apache-2.0
// UNet, ControlNets and guidance as the one function that a sampler calls.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "models/unet_blocks.h"
#include "pipelines/conditioning.h"
#include "pipelines/control.h"
#include "pipelines/forecast.h"
#include "pipelines/model_set.h"
#include "pipelines/recorded_calls.h"

namespace zc {

struct ActiveUnit {
  const ControlUnit* unit = nullptr;
  const ControlNet* net = nullptr;
  at::Tensor features;     // of the hint, computed once for a run
  at::Tensor region = {};  // [1,1,H,W] in [0,1]: where it acts; undefined: everywhere
};

struct GuidedModelOptions {
  double cfg = 9.0;
  bool guess = false;
  bool two_passes = false;  // cond and uncond one after the other, as the original; else in one
                            // batch, which is faster
  std::string profile = "seed";
  bool hires = false;  // the second pass of a run
  SkipOptions skip = {};
};

// Borrows the models and units. Predictions for one picture or several at once; the text's keys and
// values and the time embeddings of all calls are kept from the first use on.
class GuidedModel {
 public:
  GuidedModel(const ModelSet& models, std::vector<ActiveUnit> units, const Conditioning& text,
              GuidedModelOptions options, const std::vector<double>& timesteps);

  // x [pictures,4,H,W], call: index into timesteps, later ones after earlier ones -> prediction
  // with guidance, computed or told from earlier ones (SkipOptions). Throws cancelled between two
  // networks.
  at::Tensor predict(const at::Tensor& x, int64_t call, const TaskContext& task);

  // Before the first call of each picture, or of so many at once, which may be a later call than 0:
  // forgets those before.
  void begin_pictures(int64_t pictures, int64_t first_call = 0);
  // How strongly each unit acted in its first step of that one of these pictures: root mean square
  // of each scaled residual of the pass with the prompt.
  const std::vector<std::vector<double>>& residual_rms(int64_t picture) const {
    return residual_rms_[static_cast<size_t>(picture)];
  }
  // There are no calls for now: what a GPU recorded, and its memory, is given back.
  void rest() { recorded_.clear(); }
  // How often a GPU repeated a recorded call of the networks.
  int64_t repeated_calls() const { return recorded_.repeated(); }
  // Why it did not, for people; empty: nothing went wrong.
  const std::string& trouble() const { return recorded_.trouble(); }

 private:
  // One run of the networks: with the prompt, without it, or both in one batch.
  struct Pass {
    Context context;
    int64_t sides;  // with the prompt and without it, or one of them, of each picture
    bool with_prompt;
    Forecast deep = {};
    std::vector<Forecast> control = {};  // one for each unit
  };
  // What of a call is computed.
  struct Work {
    bool prediction = true, deep = true, control = true;
    bool guidance = true;
  };

  void make_passes();
  void plan_work(int64_t first_call);
  at::Tensor compute(const at::Tensor& x, int64_t call, const TaskContext& task);
  // What the networks are given: x [rows,4,H,W] or one row for all, and the time embeddings [1,E]
  // of the UNet and of each unit's ControlNet.
  struct Inputs {
    at::Tensor x;
    at::Tensor embedding;
    std::vector<at::Tensor> control_embeddings;
  };
  using Scales = std::vector<std::vector<double>>;  // for each unit; empty: it does not act

  Scales scales_of(const Pass& pass, int64_t call) const;
  Residuals control_residuals(Pass& pass, size_t unit, const Inputs& inputs, int64_t call);
  Residuals all_residuals(Pass& pass, const Inputs& inputs, const Scales& scales, int64_t call,
                          const TaskContext& task);
  at::Tensor networks(Pass& pass, const Inputs& inputs, const Scales& scales, int64_t call,
                      const TaskContext& task);
  // x where the networks are; the result is on the host.
  at::Tensor run(Pass& pass, const at::Tensor& x, int64_t call, const TaskContext& task);
  bool can_be_recorded(const Pass& pass, const Scales& scales) const;
  std::vector<double> key_of(const Pass& pass, const Scales& scales) const;
  void note_strength(size_t unit, const Residuals& residuals);
  bool sides_differ() const;

  const ModelSet& models_;
  std::vector<ActiveUnit> units_;
  Conditioning text_;
  GuidedModelOptions options_;
  int64_t calls_;
  int64_t pictures_ = 0;
  at::Tensor unet_embeddings_;  // [calls,E]
  std::vector<at::Tensor> control_embeddings_;
  std::vector<Pass> passes_;          // with guidance: both sides in one, or one after the other
  std::optional<Pass> prompt_alone_;  // without, where passes_ has no such pass
  std::vector<Work> work_;            // for each call
  Forecast prediction_;
  RecordedCalls recorded_;
  std::vector<std::vector<std::vector<double>>> residual_rms_;  // of each picture, of each unit
};

}  // namespace zc
