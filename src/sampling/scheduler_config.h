// SPDX-License-Identifier: Apache-2.0
// Everything that can be said about a scheduler, under the names of diffusers'
// scheduler_config.json.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>
#include <vector>

namespace zc {

enum class SchedulerKind {
  seed_ddim,   // the original's sampler (cldm/ddim_hacked.py)
  webui_ddim,  // the same as AUTOMATIC1111 runs it: never at the lowest timestep
  ddim,
  ddpm,
  pndm,
  lcm,
  euler,
  euler_a,
  heun,
  dpm2,
  dpm2_a,
  lms,
  dpmpp_sde,
  dpm_multistep,
  dpm_singlestep,
  deis,
  unipc,
};

enum class BetaSchedule { linear, scaled_linear, squaredcos_cap_v2, laplace, sigmoid, exp };
enum class Prediction { epsilon, v_prediction, sample, flow_prediction };
enum class TimestepSpacing { leading, linspace, trailing };
// How the noise levels are spread between the largest and the smallest one; `model`: those of the
// timesteps.
enum class SigmaCurve { model, karras, exponential, beta, lu, flow };
enum class FinalSigma { zero, sigma_min };
enum class DpmAlgorithm { dpmsolver, dpmsolver_pp, sde_dpmsolver, sde_dpmsolver_pp };
enum class SolverType { midpoint, heun, bh1, bh2 };
enum class VarianceType { fixed_small, fixed_small_log, fixed_large, fixed_large_log };

// The defaults are those of Stable Diffusion. A scheduler reads the fields that it knows and
// ignores the others, as diffusers does.
struct SchedulerConfig {
  SchedulerKind kind = SchedulerKind::seed_ddim;

  // The noise that the model was trained with.
  int64_t num_train_timesteps = 1000;
  double beta_start = 0.00085;
  double beta_end = 0.012;
  BetaSchedule beta_schedule = BetaSchedule::scaled_linear;
  std::vector<double> trained_betas;  // replaces the schedule unless empty
  bool rescale_betas_zero_snr = false;
  Prediction prediction_type = Prediction::epsilon;

  // Which timesteps and noise levels are visited.
  TimestepSpacing timestep_spacing = TimestepSpacing::leading;
  int64_t steps_offset = 1;
  SigmaCurve sigma_curve = SigmaCurve::model;
  std::optional<double> sigma_min;
  std::optional<double> sigma_max;
  FinalSigma final_sigmas_type = FinalSigma::zero;
  bool log_linear_interpolation = false;  // Euler, interpolation_type
  bool continuous_timesteps = false;      // Euler, timestep_type
  double flow_shift = 1.0;
  double lambda_min_clipped = -std::numeric_limits<double>::infinity();

  // The predicted image.
  bool clip_sample = false;
  double clip_sample_range = 1.0;
  bool thresholding = false;
  double dynamic_thresholding_ratio = 0.995;
  double sample_max_value = 1.0;
  bool set_alpha_to_one = false;

  // Solvers of higher order.
  int64_t solver_order = 2;
  DpmAlgorithm algorithm_type = DpmAlgorithm::dpmsolver_pp;
  SolverType solver_type = SolverType::midpoint;
  bool lower_order_final = true;
  bool euler_at_final = false;
  bool predict_x0 = true;                  // UniPC
  std::vector<int64_t> disable_corrector;  // UniPC: steps without correction
  bool skip_prk_steps = true;              // PNDM

  // Others.
  VarianceType variance_type = VarianceType::fixed_small;  // DDPM
  int64_t original_inference_steps = 50;                   // LCM
  double timestep_scaling = 10.0;                          // LCM

  // Arguments of diffusers' step().
  double eta = 0.0;  // DDIM
  bool use_clipped_model_output = false;
  double s_churn = 0.0;  // Euler
  double s_tmin = 0.0;
  double s_tmax = std::numeric_limits<double>::infinity();
  double s_noise = 1.0;
  int64_t lms_order = 4;
};

// Stable Diffusion's schedule for this kind.
SchedulerConfig default_scheduler_config(SchedulerKind kind);

// Whether diffusers' class has the field rescale_betas_zero_snr; the others ignore it.
bool knows_zero_snr(SchedulerKind kind);

// `class_name` as in diffusers ("EulerDiscreteScheduler"). Fields that the JSON lacks have the
// defaults of that class. Throws ErrorKind::unsupported or bad_request for an unknown class, field
// or value; `where` is its name.
SchedulerConfig parse_scheduler_config(std::string_view class_name, const nlohmann::json& fields);

// Overrides the arguments of step(): eta, s_churn, ...
void parse_step_options(const nlohmann::json& fields, SchedulerConfig& config);

}  // namespace zc
