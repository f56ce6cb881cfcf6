// SPDX-License-Identifier: Apache-2.0
// Reads diffusers' scheduler configurations.
#include "sampling/scheduler_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

namespace zc {
namespace {

using nlohmann::json;

struct ClassName {
  std::string_view name;
  SchedulerKind kind;
};

constexpr std::array kClasses = {
    ClassName{"DDIMScheduler", SchedulerKind::ddim},
    ClassName{"DDPMScheduler", SchedulerKind::ddpm},
    ClassName{"PNDMScheduler", SchedulerKind::pndm},
    ClassName{"LCMScheduler", SchedulerKind::lcm},
    ClassName{"EulerDiscreteScheduler", SchedulerKind::euler},
    ClassName{"EulerAncestralDiscreteScheduler", SchedulerKind::euler_a},
    ClassName{"HeunDiscreteScheduler", SchedulerKind::heun},
    ClassName{"KDPM2DiscreteScheduler", SchedulerKind::dpm2},
    ClassName{"KDPM2AncestralDiscreteScheduler", SchedulerKind::dpm2_a},
    ClassName{"LMSDiscreteScheduler", SchedulerKind::lms},
    ClassName{"DPMSolverSDEScheduler", SchedulerKind::dpmpp_sde},
    ClassName{"DPMSolverMultistepScheduler", SchedulerKind::dpm_multistep},
    ClassName{"DPMSolverSinglestepScheduler", SchedulerKind::dpm_singlestep},
    ClassName{"DEISMultistepScheduler", SchedulerKind::deis},
    ClassName{"UniPCMultistepScheduler", SchedulerKind::unipc},
};

SchedulerKind kind_of_class(std::string_view name) {
  std::vector<std::string> known;
  for (const ClassName& c : kClasses) {
    if (c.name == name) return c.kind;
    known.emplace_back(c.name);
  }
  throw Error(
      ErrorKind::unsupported, "_class_name",
      fmt::format("the scheduler `{}` is not known{}", printable(name), suggestion(name, known)));
}

// What diffusers' constructors assume for fields that are not given.
SchedulerConfig class_defaults(SchedulerKind kind) {
  SchedulerConfig c = default_scheduler_config(kind);
  c.steps_offset = 0;
  switch (kind) {
    case SchedulerKind::heun:
    case SchedulerKind::dpm2:
    case SchedulerKind::dpm2_a:
    case SchedulerKind::dpmpp_sde:
      c.beta_schedule = BetaSchedule::linear;
      return c;
    case SchedulerKind::lcm:
      c.set_alpha_to_one = true;
      return c;
    default:
      break;
  }
  c.beta_start = 0.0001;
  c.beta_end = 0.02;
  c.beta_schedule = BetaSchedule::linear;
  c.clip_sample = kind == SchedulerKind::ddim || kind == SchedulerKind::ddpm;
  c.set_alpha_to_one = kind == SchedulerKind::ddim;
  c.skip_prk_steps = false;
  c.lower_order_final = kind != SchedulerKind::dpm_singlestep;
  return c;
}

template <class T>
using Choices = std::vector<std::pair<std::string_view, T>>;

[[noreturn]] void refuse(std::string_view key, const json& value, std::string_view wanted) {
  throw Error(ErrorKind::bad_request, std::string(key),
              fmt::format("is {}, wanted {}", printable(json_text(value)), wanted));
}

template <class T>
T choose(std::string_view key, const json& value, const Choices<T>& choices) {
  std::vector<std::string_view> names;
  for (const auto& [name, choice] : choices) {
    if (value.is_string() && value.get_ref<const std::string&>() == name) return choice;
    names.push_back(name);
  }
  refuse(key, value, fmt::format("one of {}", fmt::join(names, ", ")));
}

double number(std::string_view key, const json& value) {
  if (!value.is_number()) refuse(key, value, "a number");
  return value.get<double>();
}

int64_t whole(std::string_view key, const json& value, int64_t low, int64_t high) {
  if (!value.is_number_integer() || value.get<int64_t>() < low || value.get<int64_t>() > high) {
    refuse(key, value, fmt::format("a whole number from {} to {}", low, high));
  }
  return value.get<int64_t>();
}

bool boolean(std::string_view key, const json& value) {
  if (!value.is_boolean()) refuse(key, value, "true or false");
  return value.get<bool>();
}

std::optional<double> optional_number(std::string_view key, const json& value) {
  if (value.is_null()) return std::nullopt;
  return number(key, value);
}

// JSON has no infinity, so files and exporters spell it in several ways.
double lower_bound(std::string_view key, const json& value) {
  constexpr double none = -std::numeric_limits<double>::infinity();
  if (value.is_null()) return none;
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    if (text == "-inf" || text == "-Infinity") return none;
  }
  return number(key, value);
}

template <class T, class Convert>
std::vector<T> list(std::string_view key, const json& value, Convert convert) {
  std::vector<T> out;
  if (value.is_null()) return out;
  if (!value.is_array()) refuse(key, value, "a list");
  for (const json& item : value) out.push_back(convert(key, item));
  return out;
}

void require_off(std::string_view key, const json& value) {
  if (value.is_null() || value == false) return;
  throw Error(ErrorKind::unsupported, std::string(key),
              fmt::format("is {}, which is not supported", printable(json_text(value))));
}

using Setter = std::function<void(SchedulerConfig&, std::string_view key, const json&)>;

// Fields of type bool, double and so on need no code of their own.
Setter flag(bool SchedulerConfig::*field) {
  return [field](SchedulerConfig& c, std::string_view key, const json& v) {
    c.*field = boolean(key, v);
  };
}
Setter real(double SchedulerConfig::*field) {
  return [field](SchedulerConfig& c, std::string_view key, const json& v) {
    c.*field = number(key, v);
  };
}
Setter maybe_real(std::optional<double> SchedulerConfig::*field) {
  return [field](SchedulerConfig& c, std::string_view key, const json& v) {
    c.*field = optional_number(key, v);
  };
}
Setter integer(int64_t SchedulerConfig::*field, int64_t low, int64_t high) {
  return [=](SchedulerConfig& c, std::string_view key, const json& v) {
    c.*field = whole(key, v, low, high);
  };
}
template <class T>
Setter one_of(T SchedulerConfig::*field, Choices<T> choices) {
  return [=](SchedulerConfig& c, std::string_view key, const json& v) {
    c.*field = choose(key, v, choices);
  };
}
Setter curve(SigmaCurve which) {
  return [which](SchedulerConfig& c, std::string_view key, const json& v) {
    if (v.is_null() || !boolean(key, v)) return;
    if (c.sigma_curve != SigmaCurve::model) {
      throw Error(ErrorKind::bad_request, std::string(key),
                  "only one spread of the noise levels can be used");
    }
    c.sigma_curve = which;
  };
}
Setter off() {
  return [](SchedulerConfig&, std::string_view key, const json& v) { require_off(key, v); };
}
Setter ignored() {
  return [](SchedulerConfig&, std::string_view, const json&) {};
}

void set_algorithm(SchedulerConfig& c, std::string_view key, const json& v) {
  using A = DpmAlgorithm;
  // diffusers replaces the names that belong to another multistep solver by the scheduler's own
  // default.
  const bool foreign = v == "deis" || c.kind == SchedulerKind::deis;
  c.algorithm_type = choose<A>(key, v,
                               {{"dpmsolver", foreign ? A::dpmsolver_pp : A::dpmsolver},
                                {"dpmsolver++", A::dpmsolver_pp},
                                {"sde-dpmsolver", A::sde_dpmsolver},
                                {"sde-dpmsolver++", A::sde_dpmsolver_pp},
                                {"deis", A::dpmsolver_pp}});
}

void set_solver_type(SchedulerConfig& c, std::string_view key, const json& v) {
  using S = SolverType;
  if (c.kind == SchedulerKind::unipc) {
    c.solver_type = choose<S>(key, v,
                              {{"bh1", S::bh1},
                               {"bh2", S::bh2},
                               {"midpoint", S::bh2},
                               {"heun", S::bh2},
                               {"logrho", S::bh2}});
  } else {
    c.solver_type = choose<S>(key, v,
                              {{"midpoint", S::midpoint},
                               {"heun", S::heun},
                               {"logrho", S::midpoint},
                               {"bh1", S::midpoint},
                               {"bh2", S::midpoint}});
  }
}

void set_variance_type(SchedulerConfig& c, std::string_view key, const json& v) {
  using V = VarianceType;
  if (v.is_null()) return;
  if (v == "learned" || v == "learned_range") require_off(key, v);
  c.variance_type = choose<V>(key, v,
                              {{"fixed_small", V::fixed_small},
                               {"fixed_small_log", V::fixed_small_log},
                               {"fixed_large", V::fixed_large},
                               {"fixed_large_log", V::fixed_large_log}});
}

const std::map<std::string_view, Setter>& setters() {
  using C = SchedulerConfig;
  static const std::map<std::string_view, Setter> table = {
      {"num_train_timesteps", integer(&C::num_train_timesteps, 1, 100000)},
      {"beta_start", real(&C::beta_start)},
      {"beta_end", real(&C::beta_end)},
      {"beta_schedule",
       one_of(&C::beta_schedule, {{"linear", BetaSchedule::linear},
                                  {"scaled_linear", BetaSchedule::scaled_linear},
                                  {"squaredcos_cap_v2", BetaSchedule::squaredcos_cap_v2},
                                  {"laplace", BetaSchedule::laplace},
                                  {"sigmoid", BetaSchedule::sigmoid},
                                  {"exp", BetaSchedule::exp}})},
      {"trained_betas", [](C& c, std::string_view key,
                           const json& v) { c.trained_betas = list<double>(key, v, number); }},
      {"rescale_betas_zero_snr", flag(&C::rescale_betas_zero_snr)},
      {"prediction_type",
       one_of(&C::prediction_type, {{"epsilon", Prediction::epsilon},
                                    {"v_prediction", Prediction::v_prediction},
                                    {"sample", Prediction::sample},
                                    {"original_sample", Prediction::sample},
                                    {"flow_prediction", Prediction::flow_prediction}})},
      {"timestep_spacing", one_of(&C::timestep_spacing, {{"leading", TimestepSpacing::leading},
                                                         {"linspace", TimestepSpacing::linspace},
                                                         {"trailing", TimestepSpacing::trailing}})},
      {"steps_offset", integer(&C::steps_offset, 0, 100000)},
      {"use_karras_sigmas", curve(SigmaCurve::karras)},
      {"use_exponential_sigmas", curve(SigmaCurve::exponential)},
      {"use_beta_sigmas", curve(SigmaCurve::beta)},
      {"use_lu_lambdas", curve(SigmaCurve::lu)},
      {"use_flow_sigmas", curve(SigmaCurve::flow)},
      {"sigma_min", maybe_real(&C::sigma_min)},
      {"sigma_max", maybe_real(&C::sigma_max)},
      {"final_sigmas_type", one_of(&C::final_sigmas_type, {{"zero", FinalSigma::zero},
                                                           {"sigma_min", FinalSigma::sigma_min}})},
      {"interpolation_type",
       one_of(&C::log_linear_interpolation, {{"linear", false}, {"log_linear", true}})},
      {"timestep_type",
       one_of(&C::continuous_timesteps, {{"discrete", false}, {"continuous", true}})},
      {"flow_shift", real(&C::flow_shift)},
      {"lambda_min_clipped", [](C& c, std::string_view key,
                                const json& v) { c.lambda_min_clipped = lower_bound(key, v); }},
      {"clip_sample", flag(&C::clip_sample)},
      {"clip_sample_range", real(&C::clip_sample_range)},
      {"thresholding", flag(&C::thresholding)},
      {"dynamic_thresholding_ratio", real(&C::dynamic_thresholding_ratio)},
      {"sample_max_value", real(&C::sample_max_value)},
      {"set_alpha_to_one", flag(&C::set_alpha_to_one)},
      {"solver_order", integer(&C::solver_order, 1, 10)},
      {"algorithm_type", set_algorithm},
      {"solver_type", set_solver_type},
      {"lower_order_final", flag(&C::lower_order_final)},
      {"euler_at_final", flag(&C::euler_at_final)},
      {"predict_x0", flag(&C::predict_x0)},
      {"disable_corrector",
       [](C& c, std::string_view key, const json& v) {
         c.disable_corrector = list<int64_t>(
             key, v, [](std::string_view k, const json& i) { return whole(k, i, 0, 100000); });
       }},
      {"skip_prk_steps", flag(&C::skip_prk_steps)},
      {"variance_type", set_variance_type},
      {"original_inference_steps", integer(&C::original_inference_steps, 1, 100000)},
      {"timestep_scaling", real(&C::timestep_scaling)},
      // A seed for diffusers' own Brownian noise; ours comes from the caller.
      {"noise_sampler_seed", ignored()},
      {"time_shift_type", ignored()},  // of use_dynamic_shifting, which must be off
      {"use_dynamic_shifting", off()},
      {"shift_terminal", off()},
      {"solver_p", off()},
  };
  return table;
}

const std::map<std::string_view, Setter>& step_setters() {
  using C = SchedulerConfig;
  static const std::map<std::string_view, Setter> table = {
      {"eta", real(&C::eta)},
      {"use_clipped_model_output", flag(&C::use_clipped_model_output)},
      {"s_churn", real(&C::s_churn)},
      {"s_tmin", real(&C::s_tmin)},
      {"s_tmax", real(&C::s_tmax)},
      {"s_noise", real(&C::s_noise)},
      {"order", integer(&C::lms_order, 1, 8)},
  };
  return table;
}

void apply(const std::map<std::string_view, Setter>& table, const json& fields,
           SchedulerConfig& config) {
  if (!fields.is_object())
    throw Error(ErrorKind::bad_request, "scheduler", "the configuration is no JSON object");
  for (const auto& [key, value] : fields.items()) {
    if (key.starts_with('_')) continue;  // _class_name, _diffusers_version
    const auto setter = table.find(key);
    if (setter == table.end()) {
      std::vector<std::string> known;
      for (const auto& entry : table) known.emplace_back(entry.first);
      throw Error(ErrorKind::bad_request, printable(key),
                  fmt::format("no scheduler has this field{}", suggestion(key, known)));
    }
    setter->second(config, key, value);
  }
}

}  // namespace

bool knows_zero_snr(SchedulerKind kind) {
  switch (kind) {
    case SchedulerKind::ddim:
    case SchedulerKind::ddpm:
    case SchedulerKind::lcm:
    case SchedulerKind::euler:
    case SchedulerKind::euler_a:
    case SchedulerKind::dpm_multistep:
    case SchedulerKind::unipc:
      return true;
    default:
      return false;
  }
}

SchedulerConfig default_scheduler_config(SchedulerKind kind) {
  SchedulerConfig c;
  c.kind = kind;
  switch (kind) {
    case SchedulerKind::seed_ddim:
    case SchedulerKind::webui_ddim:
    case SchedulerKind::ddim:
    case SchedulerKind::ddpm:
    case SchedulerKind::pndm:
    case SchedulerKind::lcm:
      break;
    default:
      c.timestep_spacing = TimestepSpacing::linspace;
  }
  if (kind == SchedulerKind::unipc) c.solver_type = SolverType::bh2;
  return c;
}

SchedulerConfig parse_scheduler_config(std::string_view class_name, const json& fields) {
  SchedulerConfig config = class_defaults(kind_of_class(class_name));
  apply(setters(), fields, config);
  config.rescale_betas_zero_snr = config.rescale_betas_zero_snr && knows_zero_snr(config.kind);
  return config;
}

void parse_step_options(const json& fields, SchedulerConfig& config) {
  apply(step_setters(), fields, config);
}

}  // namespace zc
