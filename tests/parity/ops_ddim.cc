// SPDX-License-Identifier: Apache-2.0
// Whole DDIM runs of a tiny model with its ControlNet (README, section 5).
#include <ATen/ATen.h>

#include <limits>

#include "networks.h"
#include "ops.h"
#include "sampling/ddim.h"
#include "sampling/guidance.h"

namespace zc::parity {
namespace {

// The model with both prompts, guided.
class GuidedModel {
 public:
  explicit GuidedModel(const Case& c)
      : unet_(c.networks.unet(c)),
        control_(c.networks.control(c)),
        features_(control_.encode_hint(c.input("hint"))),
        cond_(c.input("context"), /*keep=*/true),
        cond_control_(c.input("context"), true),
        uncond_(c.input("uncond"), true),
        uncond_control_(c.input("uncond"), true),
        control_scales_(c.params().at("control_scales").get<std::vector<double>>()),
        scale_(c.params().at("scale")),
        guess_mode_(c.params().at("guess_mode")) {}

  at::Tensor operator()(const at::Tensor& x, double t) {
    const at::Tensor steps = at::full({x.size(0)}, static_cast<int64_t>(t), at::kLong);
    const at::Tensor cond = predict(x, steps, cond_, cond_control_, true);
    if (scale_ == 1.0) return cond;
    // In guess mode the unconditional pass sees no ControlNet.
    return guide(cond, predict(x, steps, uncond_, uncond_control_, !guess_mode_), scale_);
  }

 private:
  at::Tensor predict(const at::Tensor& x, const at::Tensor& t, Context& context,
                     Context& control_context, bool controlled) const {
    Residuals residuals;
    if (controlled) {
      residuals = scaled(control_.forward(x, features_, control_.embed(t), control_context),
                         control_scales_);
    }
    return unet_.forward(x, unet_.embed(t), context, residuals);
  }

  const UNet& unet_;
  const ControlNet& control_;
  at::Tensor features_;
  Context cond_, cond_control_, uncond_, uncond_control_;
  std::vector<double> control_scales_;
  double scale_;
  bool guess_mode_;
};

// Element 0, 1, 2, ... of an input that is a series.
NoiseFunction series(const Case& c, std::string name) {
  return [&c, name = std::move(name), k = int64_t{0}](const at::Tensor&) mutable {
    return c.input_series(name, k++);
  };
}

void check_timesteps(const Case& c, const DdimSchedule& schedule, int64_t count) {
  const auto wanted = c.params().at("timesteps_used").get<std::vector<int64_t>>();
  const std::vector<int64_t> used(schedule.timesteps.rend() - count, schedule.timesteps.rend());
  c.check("timesteps", used == wanted ? 0.0 : std::numeric_limits<double>::infinity(), 0.0);
}

Outputs ddim_sample(const Case& c) {
  const auto& p = c.params();
  const LdmSchedule model = make_ldm_schedule();
  GuidedModel guided(c);
  std::vector<at::Tensor> trajectory;
  at::Tensor pred_x0;

  DdimRun run;
  run.schedule = make_ddim_schedule(model, p.at("ddim_steps"), p.at("eta"));
  run.parameterization =
      p.at("parameterization") == "v" ? Prediction::v_prediction : Prediction::epsilon;
  run.denoise = std::ref(guided);
  run.noise = series(c, "noise_step");
  run.on_step = [&](int64_t, const at::Tensor& x, const at::Tensor& x0) {
    trajectory.push_back(x);
    pred_x0 = x0;
  };
  if (c.has_input("mask_raw")) {
    run.mask = c.input("mask_raw").to(at::kFloat);
    run.x0 = c.input("x0");
    run.mask_noise = series(c, "noise_q");
  }
  Outputs outputs;
  at::Tensor x = c.input("x_T");
  auto count = static_cast<int64_t>(run.schedule.timesteps.size());
  if (p.contains("t_enc")) {
    count = p.at("t_enc");
    x = outputs["encoded"] = ddim_encode(run.schedule, c.input("x0"), count, x);
  }
  check_timesteps(c, run.schedule, count);
  ddim_decode(model, run, x, count);
  outputs["x"] = at::stack(trajectory);
  outputs["pred_x0_last"] = pred_x0;
  return outputs;
}

}  // namespace

const OpTable& ddim_ops() {
  static const OpTable table = {{"ddim_sample", ddim_sample}};
  return table;
}

}  // namespace zc::parity
