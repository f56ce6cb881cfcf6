// SPDX-License-Identifier: Apache-2.0
#include "pipelines/guided_model.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mean.h>

#include <cmath>
#include <utility>

#include "base/error.h"
#include "pipelines/region.h"
#include "sampling/guidance.h"

namespace zc {

GuidedModel::GuidedModel(const ModelSet& models, std::vector<ActiveUnit> units,
                         const Conditioning& text, GuidedModelOptions options,
                         const std::vector<double>& timesteps)
    : models_(models),
      units_(std::move(units)),
      options_(std::move(options)),
      calls_(static_cast<int64_t>(timesteps.size())),
      residual_rms_(units_.size()) {
  const at::Tensor t =
      at::from_blob(const_cast<double*>(timesteps.data()), {calls_}, at::kDouble).to(at::kFloat);
  unet_embeddings_ = models.unet().embed(t);
  for (const ActiveUnit& unit : units_) control_embeddings_.push_back(unit.net->embed(t));

  // The original leaves the second pass out only at exactly 1 (ddim_hacked.py).
  if (options_.cfg == 1.0) {
    passes_.push_back({Context(text.cond, /*keep=*/true), 1, true});
  } else if (options_.two_passes || sides_differ()) {
    passes_.push_back({Context(text.cond, true), 1, true});
    passes_.push_back({Context(text.uncond, true), 1, false});
  } else {
    passes_.push_back({Context(at::cat({text.cond, text.uncond}), true), 2, true});
  }
}

// Whether some unit treats the passes differently, so that they cannot share a batch.
bool GuidedModel::sides_differ() const {
  if (units_.empty()) return false;
  if (options_.guess) return true;
  for (const ActiveUnit& unit : units_) {
    if (unit.unit->mode == ControlMode::control) return true;
  }
  return false;
}

at::Tensor GuidedModel::predict(const at::Tensor& x, int64_t call, const TaskContext& task) {
  if (passes_.size() == 2) {
    const at::Tensor cond = run(passes_[0], x, call, task);
    return guide(cond, run(passes_[1], x, call, task), options_.cfg);
  }
  Pass& pass = passes_.front();
  if (pass.rows == 1) return run(pass, x, call, task);
  const at::Tensor both = run(pass, at::cat({x, x}), call, task);
  return guide(both.narrow(0, 0, 1), both.narrow(0, 1, 1), options_.cfg);
}

at::Tensor GuidedModel::run(Pass& pass, const at::Tensor& x, int64_t call,
                            const TaskContext& task) {
  // One row serves all rows of the batch, which are at the same time.
  const auto embedding = [&](const at::Tensor& all) { return all.narrow(0, call, 1); };
  Residuals total;
  for (size_t i = 0; i < units_.size(); ++i) {
    task.check_cancelled();
    const ActiveUnit& unit = units_[i];
    const UnitScales scales = unit_scales(*unit.unit, {.step = call,
                                                       .steps = calls_,
                                                       .residuals = unit.net->residual_count(),
                                                       .guess = options_.guess,
                                                       .profile = options_.profile,
                                                       .hires = options_.hires});
    const std::vector<double>& side = pass.with_prompt ? scales.cond : scales.uncond;
    if (side.empty()) continue;
    const Residuals whole = scaled(
        unit.net->forward(x, unit.features, embedding(control_embeddings_[i]), pass.context), side);
    const Residuals residuals = in_region(whole, unit.region);
    if (pass.with_prompt && residual_rms_[i].empty()) note_strength(i, residuals);
    total = sum(total, residuals);
  }
  task.check_cancelled();
  return models_.unet().forward(x, embedding(unet_embeddings_), pass.context, total);
}

void GuidedModel::note_strength(size_t unit, const Residuals& residuals) {
  for (const at::Tensor& residual : residuals) {
    const at::Tensor cond = residual.narrow(0, 0, 1);
    residual_rms_[unit].push_back(std::sqrt(at::mean(cond * cond).item<double>()));
  }
}

}  // namespace zc
