// SPDX-License-Identifier: Apache-2.0
// Schedules, schedulers and random numbers.
#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/stack.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <fstream>
#include <span>

#include "base/error.h"
#include "base/rng.h"
#include "ops.h"
#include "sampling/ddim.h"
#include "sampling/schedule.h"
#include "sampling/scheduler.h"

namespace zc::parity {
namespace {

using nlohmann::json;

// ---- Schedulers (README, section 6)

SchedulerConfig config_of(const json& params) {
  const std::string class_name = params.at("scheduler_class");
  if (params.contains("config")) {
    SchedulerConfig config = parse_scheduler_config(class_name, params.at("config"));
    if (params.contains("step")) parse_step_options(params.at("step"), config);
    return config;
  }
  // The add_noise cases leave out that they mean Stable Diffusion's schedule.
  return default_scheduler_config(parse_scheduler_config(class_name, json::object()).kind);
}

// Relative to values above 1.
double largest_difference(const std::vector<double>& ours, const json& theirs) {
  if (ours.size() != theirs.size()) return std::numeric_limits<double>::infinity();
  double worst = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    const double value = theirs[i].get<double>();
    worst = std::max(worst, std::abs(ours[i] - value) / std::max(1.0, std::abs(value)));
  }
  return worst;
}

void check_run(const Case& c, const Scheduler& scheduler) {
  const json& p = c.params();
  const bool whole = p.value("timesteps_are_integers", false);
  if (p.contains("timesteps")) {
    c.check("timesteps", largest_difference(scheduler.timesteps(), p.at("timesteps")),
            whole ? 0.0 : 1e-3);
  }
  if (p.contains("sigmas"))
    c.check("sigmas", largest_difference(scheduler.sigmas(), p.at("sigmas")), 1e-6);
  if (p.contains("init_noise_sigma")) {
    c.check("init_noise_sigma",
            std::abs(scheduler.init_noise_sigma() - p.at("init_noise_sigma").get<double>()), 1e-5);
  }
}

at::Tensor analytic_model(const at::Tensor& x, double t) {
  return x * 0.3f + static_cast<float>(0.1 * std::sin(t));
}

Outputs run_scheduler(const Case& c) {
  const auto scheduler = make_scheduler(config_of(c.params()));
  scheduler->set_timesteps(c.params().at("num_inference_steps"));
  check_run(c, *scheduler);

  int64_t requests = 0;
  const NoiseFunction noise = [&](const at::Tensor&) {
    return c.input_series("noise", requests++);
  };
  at::Tensor x = c.input("x_T") * scheduler->init_noise_sigma();
  std::vector<at::Tensor> trajectory;
  for (double t : scheduler->timesteps()) {
    x = scheduler->step(analytic_model(scheduler->scale_model_input(x, t), t), t, x, noise);
    trajectory.push_back(x);
  }
  if (c.has_input("noise")) {
    for (const json& input : c.json.at("inputs")) {
      if (input.at("name") == "noise") {
        c.check("requests for noise",
                std::abs(static_cast<double>(requests) - input.at("count").get<double>()), 0.0);
      }
    }
  }
  return {{"trajectory", at::stack(trajectory)}, {"final", x}, {"denoised", scheduler->denoised()}};
}

Outputs run_add_noise(const Case& c) {
  const json& p = c.params();
  const auto scheduler = make_scheduler(config_of(p));
  scheduler->set_timesteps(p.at("num_inference_steps"));
  const double t = scheduler->timesteps().at(p.at("index").get<size_t>());
  c.check("timestep", std::abs(t - p.at("timestep").get<double>()), 1e-3);
  return {{"x_t", scheduler->add_noise(c.input("x0"), c.input("noise"), t)}};
}

// ---- The original's schedule

at::Tensor as_tensor(std::vector<float> values) {
  return at::from_blob(values.data(), {static_cast<int64_t>(values.size())}, at::kFloat).clone();
}

Outputs run_ldm_schedule(const Case& c) {
  const json& p = c.params();
  // What the original calls linear is linear in the root of beta.
  if (p.at("beta_schedule") != "linear")
    throw Error(ErrorKind::unsupported, c.id, "only beta_schedule linear is known");
  const LdmSchedule s = make_ldm_schedule({.beta_schedule = BetaSchedule::scaled_linear,
                                           .linear_start = p.at("linear_start"),
                                           .linear_end = p.at("linear_end"),
                                           .timesteps = p.at("timesteps")});
  return {{"betas", as_tensor(s.betas)},
          {"alphas_cumprod", as_tensor(s.alphas_cumprod)},
          {"alphas_cumprod_prev", as_tensor(s.alphas_cumprod_prev)},
          {"sqrt_alphas_cumprod", as_tensor(s.sqrt_alphas_cumprod)},
          {"sqrt_one_minus_alphas_cumprod", as_tensor(s.sqrt_one_minus_alphas_cumprod)},
          {"log_one_minus_alphas_cumprod", as_tensor(s.log_one_minus_alphas_cumprod)},
          {"sqrt_recip_alphas_cumprod", as_tensor(s.sqrt_recip_alphas_cumprod)},
          {"sqrt_recipm1_alphas_cumprod", as_tensor(s.sqrt_recipm1_alphas_cumprod)},
          {"posterior_variance", as_tensor(s.posterior_variance)},
          {"posterior_log_variance_clipped", as_tensor(s.posterior_log_variance_clipped)},
          {"posterior_mean_coef1", as_tensor(s.posterior_mean_coef1)},
          {"posterior_mean_coef2", as_tensor(s.posterior_mean_coef2)},
          {"lvlb_weights", as_tensor(s.lvlb_weights)},
          {"logvar", as_tensor(s.logvar)}};
}

std::vector<double> as_doubles(const auto& values) {
  return {values.begin(), values.end()};
}

// All of these cases is in their parameters.
Outputs run_ddim_timesteps(const Case& c) {
  const json& p = c.params();
  const LdmSchedule model = make_ldm_schedule();
  const int64_t steps = p.at("S");
  if (p.contains("error")) {
    double refused = 0;
    try {
      make_ddim_schedule(model, steps, 0);
    } catch (const Error& e) {
      refused = e.kind() == ErrorKind::bad_request ? 1 : 0;
    }
    c.check("refused", 1 - refused, 0.0);
    return {};
  }
  for (const auto& [key, eta] : {std::pair{"eta0", 0.0}, std::pair{"eta1", 1.0}}) {
    const DdimSchedule s = make_ddim_schedule(model, steps, eta);
    c.check("timesteps", largest_difference(as_doubles(s.timesteps), p.at("timesteps")), 0.0);
    if (!p.contains(key)) continue;
    c.check(fmt::format("{} alphas", key),
            largest_difference(as_doubles(s.alphas), p.at(key).at("alphas")), 1e-7);
    c.check(fmt::format("{} alphas_prev", key),
            largest_difference(as_doubles(s.alphas_prev), p.at(key).at("alphas_prev")), 1e-7);
    c.check(fmt::format("{} sigmas", key),
            largest_difference(as_doubles(s.sigmas), p.at(key).at("sigmas")), 1e-7);
  }
  return {};
}

// ---- rng.json (README, section 7)

constexpr double kRandomTolerance = 1e-6;  // the note in the file

double compare_front(const json& theirs, const auto& ours) {
  double worst = theirs.size() > ours.size() ? std::numeric_limits<double>::infinity() : 0.0;
  for (size_t i = 0; i < std::min(theirs.size(), ours.size()); ++i) {
    worst = std::max(worst, std::abs(theirs[i].get<double>() - static_cast<double>(ours[i])));
  }
  return worst;
}

int64_t different_bits(const json& hex, std::span<const float> ours) {
  int64_t count = 0;
  for (size_t i = 0; i < hex.size(); ++i) {
    const std::string& text = hex[i].get_ref<const std::string&>();
    uint32_t bits = 0;
    std::from_chars(text.data(), text.data() + text.size(), bits, 16);
    if (i >= ours.size() || std::bit_cast<uint32_t>(ours[i]) != bits) ++count;
  }
  return count;
}

double check_randn(const json& c, TorchRandom& random, size_t n) {
  std::vector<float> values(n);
  random.normal(values);
  double worst = compare_front(c.at("first"), values);
  if (c.contains("last")) {
    const size_t count = std::min(c.at("last").size(), n);
    worst = std::max(worst, compare_front(c.at("last"), std::span(values).last(count)));
  }
  if (c.contains("l2")) {
    double sum = 0;
    for (float v : values) sum += static_cast<double>(v) * v;
    worst = std::max(worst, std::abs(std::sqrt(sum) / c.at("l2").get<double>() - 1));
  }
  if (c.contains("hex") && different_bits(c.at("hex"), values) > 0)
    worst = std::max(worst, kRandomTolerance / 2);
  if (c.contains("next_first")) {
    random.normal(values);
    worst = std::max(worst, compare_front(c.at("next_first"), values));
  }
  return worst;
}

double check_random_case(const json& c) {
  const std::string op = c.at("op");
  TorchRandom random(c.at("seed").get<uint64_t>());
  size_t n = 1;
  for (const json& size : c.at("shape")) n *= size.get<size_t>();
  if (op == "randn") return check_randn(c, random, n);

  std::vector<float> floats(n);
  std::vector<double> doubles(n);
  std::vector<int64_t> integers(n);
  if (op == "rand") {
    random.uniform(floats);
    return compare_front(c.at("first"), floats);
  }
  if (op == "randn_float16") {
    random.normal_half(floats);
    return compare_front(c.at("first"), floats);
  }
  if (op == "randn_float64") {
    random.normal(doubles);
    return compare_front(c.at("first"), doubles);
  }
  if (op == "randperm")
    return compare_front(c.at("first"), random.permutation(static_cast<int64_t>(n)));
  if (op.starts_with("randint_0_")) {
    random.integers(integers, 0, std::stoll(op.substr(10)));
    return compare_front(c.at("first"), integers);
  }
  throw Error(ErrorKind::unsupported, op, "no such random operation");
}

}  // namespace

const OpTable& sampling_ops() {
  static const OpTable table = {
      {"scheduler", run_scheduler},
      {"scheduler_add_noise", run_add_noise},
      {"ldm_schedule", run_ldm_schedule},
      {"ddim_timesteps", run_ddim_timesteps},
  };
  return table;
}

std::vector<FileCheck> check_rng_file(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in) throw Error(ErrorKind::not_found, file.string(), "cannot be opened");
  std::vector<FileCheck> checks;
  const json document = json::parse(in);  // outlives the loop over a part of it
  for (const json& c : document.at("cases")) {
    FileCheck check{.id = fmt::format("rng/{}/{}/{}", c.at("op").get<std::string>(),
                                      c.at("seed").get<uint64_t>(), c.at("shape").dump()),
                    .tolerance = kRandomTolerance,
                    .note = ""};
    try {
      check.error = check_random_case(c);
      check.passed = check.error <= check.tolerance;
    } catch (const std::exception& e) {
      check.error = std::numeric_limits<double>::infinity();
      check.note = e.what();
    }
    checks.push_back(std::move(check));
  }
  return checks;
}

}  // namespace zc::parity
