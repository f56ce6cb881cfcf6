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
      text_(text),
      options_(std::move(options)),
      calls_(static_cast<int64_t>(timesteps.size())),
      recorded_(models.streams_to_device() ? nullptr : gpu(models.place().device)) {
  const at::Tensor t =
      at::from_blob(const_cast<double*>(timesteps.data()), {calls_}, at::kDouble).to(at::kFloat);
  const NetworkPlace& place = models.place();
  const at::Tensor there = t.to(place.device);
  unet_embeddings_ = models.unet().embed(there).to(place.type);
  for (const ActiveUnit& unit : units_)
    control_embeddings_.push_back(unit.net->embed(there).to(place.type));
  begin_pictures(1);
}

void GuidedModel::make_passes() {
  passes_.clear();
  prompt_alone_.reset();
  const auto pass = [&](const at::Tensor& tokens, int64_t sides, bool with_prompt) {
    Context context(models_.place().to_networks(tokens), /*keep=*/true);
    context.merged_tokens = options_.skip.tokens;
    return Pass{.context = std::move(context),
                .sides = sides,
                .with_prompt = with_prompt,
                .control = std::vector<Forecast>(units_.size())};
  };
  const at::Tensor cond = text_.cond.repeat({pictures_, 1, 1});
  const at::Tensor uncond = text_.uncond.repeat({pictures_, 1, 1});
  // The original leaves the second pass out only at exactly 1 (ddim_hacked.py).
  if (options_.cfg == 1.0) {
    passes_.push_back(pass(cond, 1, true));
  } else if (options_.two_passes || sides_differ()) {
    passes_.push_back(pass(cond, 1, true));
    passes_.push_back(pass(uncond, 1, false));
  } else {
    passes_.push_back(pass(at::cat({cond, uncond}), 2, true));
    if (options_.skip.guidance > 0) prompt_alone_ = pass(cond, 1, true);
  }
}

void GuidedModel::begin_pictures(int64_t pictures, int64_t first_call) {
  if (std::exchange(pictures_, pictures) != pictures) make_passes();
  residual_rms_.assign(static_cast<size_t>(pictures),
                       std::vector<std::vector<double>>(units_.size()));
  prediction_.forget();
  const auto forget = [](Pass& pass) {
    pass.deep.forget();
    for (Forecast& control : pass.control) control.forget();
  };
  for (Pass& pass : passes_) forget(pass);
  if (prompt_alone_) forget(*prompt_alone_);
  plan_work(first_call);
}

// Each part skips some of the calls that the parts before it have left.
void GuidedModel::plan_work(int64_t first_call) {
  const int64_t count = calls_ - first_call;
  work_.assign(static_cast<size_t>(calls_), {});
  const auto unguided =
      static_cast<int64_t>(std::llround(static_cast<double>(count) * options_.skip.guidance));
  std::vector<Work*> computed;
  const std::vector<bool> calls = computed_calls(count, options_.skip.steps);
  for (int64_t i = 0; i < count; ++i) {
    Work& work = work_[static_cast<size_t>(first_call + i)];
    work.guidance = i < count - unguided;
    work.prediction = calls[static_cast<size_t>(i)];
    if (work.prediction) computed.push_back(&work);
  }
  const auto left = static_cast<int64_t>(computed.size());
  const std::vector<bool> deep = computed_calls(left, options_.skip.deep);
  const std::vector<bool> control = computed_calls(left, options_.skip.control);
  for (size_t i = 0; i < computed.size(); ++i) {
    computed[i]->deep = deep[i];
    computed[i]->control = control[i];
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
  const Work& work = work_[static_cast<size_t>(call)];
  // With and without guidance are two paths.
  if (call > 0 && work.guidance != work_[static_cast<size_t>(call - 1)].guidance)
    prediction_.forget();
  if (!work.prediction && prediction_.ready())
    return prediction_.at(static_cast<double>(call)).front();
  const at::Tensor prediction = compute(models_.place().to_networks(x), call, task);
  if (options_.skip.steps > 0) prediction_.observe(static_cast<double>(call), {prediction});
  return prediction;
}

at::Tensor GuidedModel::compute(const at::Tensor& x, int64_t call, const TaskContext& task) {
  if (!work_[static_cast<size_t>(call)].guidance)
    return run(prompt_alone_ ? *prompt_alone_ : passes_.front(), x, call, task);
  if (passes_.size() == 2) {
    const at::Tensor cond = run(passes_[0], x, call, task);
    return guide(cond, run(passes_[1], x, call, task), options_.cfg);
  }
  Pass& pass = passes_.front();
  if (pass.sides == 1) return run(pass, x, call, task);
  // Of one picture x stands for both sides.
  const at::Tensor both = run(pass, pictures_ == 1 ? x : at::cat({x, x}), call, task);
  return guide(both.narrow(0, 0, pictures_), both.narrow(0, pictures_, pictures_), options_.cfg);
}

GuidedModel::Scales GuidedModel::scales_of(const Pass& pass, int64_t call) const {
  Scales scales;
  for (const ActiveUnit& unit : units_) {
    UnitScales both = unit_scales(*unit.unit, {.step = call,
                                               .steps = calls_,
                                               .residuals = unit.net->residual_count(),
                                               .guess = options_.guess,
                                               .profile = options_.profile,
                                               .hires = options_.hires});
    scales.push_back(std::move(pass.with_prompt ? both.cond : both.uncond));
  }
  return scales;
}

Residuals GuidedModel::control_residuals(Pass& pass, size_t unit, const Inputs& inputs,
                                         int64_t call) {
  Forecast& forecast = pass.control[unit];
  const auto place = static_cast<double>(call);
  const Work& work = work_[static_cast<size_t>(call)];
  // With deep features that are not computed only the first residual counts.
  if (!(work.control && work.deep) && forecast.ready()) return forecast.at(place);
  Residuals residuals = units_[unit].net->forward(inputs.x, units_[unit].features,
                                                  inputs.control_embeddings[unit], pass.context);
  if (options_.skip.control > 0 || options_.skip.deep > 0) forecast.observe(place, residuals);
  return residuals;
}

Residuals GuidedModel::all_residuals(Pass& pass, const Inputs& inputs, const Scales& scales,
                                     int64_t call, const TaskContext& task) {
  Residuals total;
  for (size_t i = 0; i < units_.size(); ++i) {
    task.check_cancelled();
    if (scales[i].empty()) continue;
    const Residuals whole = scaled(control_residuals(pass, i, inputs, call), scales[i]);
    const Residuals residuals = in_region(whole, units_[i].region);
    if (pass.with_prompt && residual_rms_[0][i].empty()) note_strength(i, residuals);
    total = sum(total, residuals);
  }
  return total;
}

at::Tensor GuidedModel::networks(Pass& pass, const Inputs& inputs, const Scales& scales,
                                 int64_t call, const TaskContext& task) {
  const auto place = static_cast<double>(call);
  at::Tensor deep;
  if (!work_[static_cast<size_t>(call)].deep && pass.deep.ready())
    deep = pass.deep.at(place).front();
  const bool computes_deep = !deep.defined();
  const Residuals residuals = all_residuals(pass, inputs, scales, call, task);
  task.check_cancelled();
  const bool keeps_deep = options_.skip.deep > 0;
  at::Tensor result = models_.unet().forward(inputs.x, inputs.embedding, pass.context, residuals,
                                             keeps_deep ? &deep : nullptr);
  if (keeps_deep && computes_deep) pass.deep.observe(place, {deep});
  return result;
}

at::Tensor GuidedModel::run(Pass& pass, const at::Tensor& x, int64_t call,
                            const TaskContext& task) {
  models_.begin_turn();
  const Scales scales = scales_of(pass, call);
  // One row serves all rows of the batch, which are at the same time.
  Inputs inputs{.x = x, .embedding = unet_embeddings_.narrow(0, call, 1), .control_embeddings = {}};
  for (const at::Tensor& embeddings : control_embeddings_)
    inputs.control_embeddings.push_back(embeddings.narrow(0, call, 1));
  if (!can_be_recorded(pass, scales)) return to_host(networks(pass, inputs, scales, call, task));
  std::vector<at::Tensor> all = {inputs.x, inputs.embedding};
  all.insert(all.end(), inputs.control_embeddings.begin(), inputs.control_embeddings.end());
  return to_host(
      recorded_.run(key_of(pass, scales), all,
                    [this, &pass, scales, call, task](const std::vector<at::Tensor>& given) {
                      return networks(pass, {given[0], given[1], {given.begin() + 2, given.end()}},
                                      scales, call, task);
                    }));
}

// What is told from earlier calls, and what is looked at on the host, is new in each call.
bool GuidedModel::can_be_recorded(const Pass& pass, const Scales& scales) const {
  if (options_.skip.deep > 0 || options_.skip.control > 0 || options_.skip.tokens > 0) return false;
  for (size_t i = 0; i < units_.size(); ++i) {
    if (pass.with_prompt && !scales[i].empty() && residual_rms_[0][i].empty()) return false;
  }
  return true;
}

std::vector<double> GuidedModel::key_of(const Pass& pass, const Scales& scales) const {
  const bool alone = prompt_alone_ && &pass == &*prompt_alone_;
  std::vector<double> key = {static_cast<double>(pictures_),
                             alone ? -1.0 : static_cast<double>(&pass - passes_.data())};
  for (const std::vector<double>& unit : scales) {
    key.push_back(static_cast<double>(unit.size()));
    key.insert(key.end(), unit.begin(), unit.end());
  }
  return key;
}

void GuidedModel::note_strength(size_t unit, const Residuals& residuals) {
  for (int64_t picture = 0; picture < pictures_; ++picture) {
    std::vector<double>& strengths = residual_rms_[static_cast<size_t>(picture)][unit];
    for (const at::Tensor& residual : residuals) {
      // Those with the prompt come first.
      const at::Tensor cond = residual.narrow(0, picture, 1).to(at::kFloat);
      strengths.push_back(std::sqrt(at::mean(cond * cond).item<double>()));
    }
  }
}

}  // namespace zc
