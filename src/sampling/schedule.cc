// SPDX-License-Identifier: Apache-2.0
// Betas, timesteps and noise levels.
#include "sampling/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace zc {
namespace {

// torch.linspace in float32: from both ends towards the middle.
std::vector<float> linspace_f32(double first, double last, int64_t n) {
  const float a = static_cast<float>(first);
  const float b = static_cast<float>(last);
  std::vector<float> out(static_cast<size_t>(n), a);
  if (n == 1) return out;
  const float step = (b - a) / static_cast<float>(n - 1);
  for (int64_t i = 0; i < n; ++i) {
    out[static_cast<size_t>(i)] = i < n / 2 ? std::fma(step, static_cast<float>(i), a)
                                            : std::fma(-step, static_cast<float>(n - 1 - i), b);
  }
  return out;
}

// numpy.linspace in double.
std::vector<double> linspace(double first, double last, int64_t n) {
  std::vector<double> out(static_cast<size_t>(n), first);
  if (n == 1) return out;
  const double step = (last - first) / static_cast<double>(n - 1);
  for (int64_t i = 0; i < n; ++i)
    out[static_cast<size_t>(i)] = static_cast<double>(i) * step + first;
  out.back() = last;
  return out;
}

double alpha_bar(BetaSchedule schedule, double t) {
  switch (schedule) {
    case BetaSchedule::laplace: {
      const double lambda =
          -0.5 * std::copysign(1.0, 0.5 - t) * std::log(1 - 2 * std::abs(0.5 - t) + 1e-6);
      const double snr = std::exp(lambda);
      return std::sqrt(snr / (1 + snr));
    }
    case BetaSchedule::exp:
      return std::exp(t * -12.0);
    default:
      return std::pow(std::cos((t + 0.008) / 1.008 * std::numbers::pi / 2), 2);
  }
}

// Betas whose cumulative product follows a curve (Nichol and Dhariwal, 2021).
std::vector<float> betas_of_alpha_bar(BetaSchedule schedule, int64_t n) {
  std::vector<float> betas;
  for (int64_t i = 0; i < n; ++i) {
    const double t1 = static_cast<double>(i) / static_cast<double>(n);
    const double t2 = static_cast<double>(i + 1) / static_cast<double>(n);
    betas.push_back(
        static_cast<float>(std::min(1 - alpha_bar(schedule, t2) / alpha_bar(schedule, t1), 0.999)));
  }
  return betas;
}

std::vector<float> scheduled_betas(const SchedulerConfig& c) {
  const int64_t n = c.num_train_timesteps;
  switch (c.beta_schedule) {
    case BetaSchedule::linear:
      return linspace_f32(c.beta_start, c.beta_end, n);
    case BetaSchedule::scaled_linear: {
      std::vector<float> betas = linspace_f32(std::sqrt(c.beta_start), std::sqrt(c.beta_end), n);
      for (float& b : betas) b *= b;
      return betas;
    }
    case BetaSchedule::sigmoid: {
      std::vector<float> betas = linspace_f32(-6, 6, n);
      const double range = c.beta_end - c.beta_start;
      for (float& b : betas) {
        const float s = static_cast<float>(1 / (1 + std::exp(-static_cast<double>(b))));
        b = s * static_cast<float>(range) + static_cast<float>(c.beta_start);
      }
      return betas;
    }
    default:
      return betas_of_alpha_bar(c.beta_schedule, n);
  }
}

// Lin et al., "Common diffusion noise schedules and sample steps are flawed" (2023), algorithm 1:
// the last timestep is pure noise.
void rescale_to_zero_terminal_snr(std::vector<float>& betas) {
  std::vector<float> root = cumulative_alphas(betas);
  for (float& a : root) a = std::sqrt(a);
  const float first = root.front();
  const float last = root.back();
  for (float& a : root) a = (a - last) * (first / (first - last));
  float previous = 1.0f;
  for (size_t i = 0; i < betas.size(); ++i) {
    const float a = root[i] * root[i];
    betas[i] = 1.0f - a / previous;
    previous = a;
  }
}

// Continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), by Lentz's
// method.
double beta_continued_fraction(double x, double a, double b) {
  constexpr double tiny = 1e-300;
  const auto away_from_zero = [](double v) { return std::abs(v) < tiny ? tiny : v; };
  double c = 1;
  double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
  double h = d;
  for (int m = 1; m < 500; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    h *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    h *= d * c;
    if (std::abs(d * c - 1) < 1e-16) break;
  }
  return h;
}

double beta_cumulative(double x, double a, double b) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double log_front =
      std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x);
  if (x < (a + 1) / (a + b + 2)) return std::exp(log_front) * beta_continued_fraction(x, a, b) / a;
  return 1 - std::exp(log_front) * beta_continued_fraction(1 - x, b, a) / b;
}

std::vector<float> to_float(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

template <class F>
std::vector<float> map_to_float(const std::vector<double>& values, F f) {
  std::vector<float> out;
  for (double v : values) out.push_back(static_cast<float>(f(v)));
  return out;
}

void fill_posterior(const std::vector<double>& betas, const std::vector<double>& acp,
                    LdmSchedule& s) {
  const size_t n = betas.size();
  for (size_t i = 0; i < n; ++i) {
    const double previous = i == 0 ? 1.0 : acp[i - 1];
    const double variance = betas[i] * (1 - previous) / (1 - acp[i]);
    s.posterior_variance.push_back(static_cast<float>(variance));
    s.posterior_log_variance_clipped.push_back(
        static_cast<float>(std::log(std::max(variance, 1e-20))));
    s.posterior_mean_coef1.push_back(
        static_cast<float>(betas[i] * std::sqrt(previous) / (1 - acp[i])));
    s.posterior_mean_coef2.push_back(
        static_cast<float>((1 - previous) * std::sqrt(1 - betas[i]) / (1 - acp[i])));
  }
  // The original computes these weights from the float32 vectors.
  for (size_t i = 0; i < n; ++i) {
    const float alpha = static_cast<float>(1 - betas[i]);
    const float denominator = 2 * s.posterior_variance[i] * alpha * (1 - s.alphas_cumprod[i]);
    s.lvlb_weights.push_back(s.betas[i] * s.betas[i] / denominator);
  }
  if (n > 1) s.lvlb_weights[0] = s.lvlb_weights[1];  // the variance of step 0 is zero
}

// From `first` down to zero in `n`-th parts of the training range. numpy's rounding makes diffusers
// add a timestep of -1 for some n (61, 103, ...); it is left out here.
std::vector<double> trailing_timesteps(int64_t first, int64_t train_timesteps, int64_t n) {
  const double start = static_cast<double>(first);
  const double delta =
      (start - static_cast<double>(train_timesteps) / static_cast<double>(n)) - start;
  std::vector<double> t;
  for (int64_t i = 0; i < n; ++i) {
    const double v = std::nearbyint(start + static_cast<double>(i) * delta) - 1;
    if (v >= 0) t.push_back(v);
  }
  return t;
}

}  // namespace

LdmSchedule make_ldm_schedule(const LdmScheduleOptions& o) {
  if (o.timesteps < 1)
    throw Error(ErrorKind::bad_request, "timesteps",
                fmt::format("is {}, wanted at least 1", o.timesteps));
  std::vector<double> betas;
  switch (o.beta_schedule) {
    case BetaSchedule::linear:
      betas = linspace(o.linear_start, o.linear_end, o.timesteps);
      break;
    case BetaSchedule::scaled_linear:
      betas = linspace(std::sqrt(o.linear_start), std::sqrt(o.linear_end), o.timesteps);
      for (double& b : betas) b *= b;
      break;
    default:
      throw Error(ErrorKind::unsupported, "beta_schedule",
                  "the original's schedule is linear or scaled_linear");
  }
  std::vector<double> acp, previous;
  double product = 1;
  for (double b : betas) {
    previous.push_back(product);
    product *= 1 - b;
    acp.push_back(product);
  }

  LdmSchedule s;
  s.betas = to_float(betas);
  s.alphas_cumprod = to_float(acp);
  s.alphas_cumprod_prev = to_float(previous);
  s.sqrt_alphas_cumprod = map_to_float(acp, [](double a) { return std::sqrt(a); });
  s.sqrt_one_minus_alphas_cumprod = map_to_float(acp, [](double a) { return std::sqrt(1 - a); });
  s.log_one_minus_alphas_cumprod = map_to_float(acp, [](double a) { return std::log(1 - a); });
  s.sqrt_recip_alphas_cumprod = map_to_float(acp, [](double a) { return std::sqrt(1 / a); });
  s.sqrt_recipm1_alphas_cumprod = map_to_float(acp, [](double a) { return std::sqrt(1 / a - 1); });
  s.logvar.assign(betas.size(), 0.0f);
  fill_posterior(betas, acp, s);
  return s;
}

std::vector<float> make_betas(const SchedulerConfig& c) {
  std::vector<float> betas =
      c.trained_betas.empty() ? scheduled_betas(c) : to_float(c.trained_betas);
  if (betas.size() < 2)
    throw Error(ErrorKind::bad_request, "num_train_timesteps", "wanted at least 2");
  if (static_cast<int64_t>(betas.size()) != c.num_train_timesteps) {
    throw Error(ErrorKind::bad_request, "trained_betas",
                fmt::format("holds {} values, num_train_timesteps is {}", betas.size(),
                            c.num_train_timesteps));
  }
  for (float b : betas) {
    if (!(b >= 0 && b < 1)) {
      throw Error(ErrorKind::bad_request, c.trained_betas.empty() ? "beta_end" : "trained_betas",
                  fmt::format("gives a beta of {}, wanted 0 <= beta < 1", b));
    }
  }
  if (c.rescale_betas_zero_snr) rescale_to_zero_terminal_snr(betas);
  return betas;
}

std::vector<float> cumulative_alphas(std::span<const float> betas) {
  std::vector<float> out;
  double product = 1;  // torch accumulates in double, too
  for (float b : betas) {
    product *= static_cast<double>(1.0f - b);
    out.push_back(static_cast<float>(product));
  }
  return out;
}

std::vector<float> model_sigmas(std::span<const float> alphas_cumprod) {
  std::vector<float> out;
  for (float a : alphas_cumprod) out.push_back(std::sqrt((1.0f - a) / a));
  return out;
}

std::vector<double> spaced_timesteps(const SchedulerConfig& c, int64_t n) {
  const int64_t total = c.num_train_timesteps;
  std::vector<double> t;
  switch (c.timestep_spacing) {
    case TimestepSpacing::linspace:
      t = linspace(0, static_cast<double>(total - 1), n);
      std::reverse(t.begin(), t.end());
      break;
    case TimestepSpacing::leading:
      for (int64_t i = n - 1; i >= 0; --i)
        t.push_back(static_cast<double>(i * (total / n) + c.steps_offset));
      break;
    case TimestepSpacing::trailing:
      t = trailing_timesteps(total, total, n);
      break;
  }
  return t;
}

std::vector<double> spaced_timesteps_with_free_end(const SchedulerConfig& c, int64_t n,
                                                   int64_t last_timestep) {
  std::vector<double> t;
  switch (c.timestep_spacing) {
    case TimestepSpacing::linspace:
      t = linspace(0, static_cast<double>(last_timestep - 1), n + 1);
      std::reverse(t.begin(), t.end());
      t.pop_back();
      for (double& v : t) v = std::nearbyint(v);
      break;
    case TimestepSpacing::leading:
      for (int64_t i = n; i >= 1; --i)
        t.push_back(static_cast<double>(i * (last_timestep / (n + 1)) + c.steps_offset));
      break;
    case TimestepSpacing::trailing:
      t = trailing_timesteps(last_timestep, c.num_train_timesteps, n);
      break;
  }
  return t;
}

double sigma_at(std::span<const float> sigmas, double t) {
  const size_t last = sigmas.size() - 1;
  if (t <= 0) return sigmas.front();
  if (t >= static_cast<double>(last)) return sigmas.back();
  const size_t i = static_cast<size_t>(t);
  const double low = sigmas[i];
  return (static_cast<double>(sigmas[i + 1]) - low) * (t - static_cast<double>(i)) + low;
}

double timestep_of_sigma(std::span<const float> sigmas, double sigma) {
  const auto log_f32 = [](float s) { return static_cast<float>(std::log(static_cast<double>(s))); };
  const double log_sigma = std::log(std::max(sigma, 1e-10));
  // The last training timestep whose noise level is not above `sigma`.
  size_t low = 0;
  while (low + 2 < sigmas.size() && log_sigma >= log_f32(sigmas[low + 1])) ++low;
  const float a = log_f32(sigmas[low]);
  const float b = log_f32(sigmas[low + 1]);
  const double w = std::clamp((a - log_sigma) / (a - b), 0.0, 1.0);
  return (1 - w) * static_cast<double>(low) + w * static_cast<double>(low + 1);
}

std::vector<double> curved_sigmas(SigmaCurve curve, double sigma_max, double sigma_min, int64_t n) {
  std::vector<double> ramp = linspace(0, 1, n);
  switch (curve) {
    case SigmaCurve::karras: {  // Karras et al. (2022), equation 5
      constexpr double rho = 7.0;
      const double high = std::pow(sigma_max, 1 / rho);
      const double low = std::pow(sigma_min, 1 / rho);
      for (double& r : ramp) r = std::pow(high + r * (low - high), rho);
      return ramp;
    }
    case SigmaCurve::exponential:
    case SigmaCurve::lu:  // Lu et al. (2022): evenly spaced lambdas
      ramp = linspace(std::log(sigma_max), std::log(sigma_min), n);
      for (double& r : ramp) r = std::exp(r);
      return ramp;
    case SigmaCurve::beta:  // "Beta sampling is all you need" (2024)
      for (double& r : ramp)
        r = sigma_min + beta_quantile(1 - r, 0.6, 0.6) * (sigma_max - sigma_min);
      return ramp;
    default:
      throw_bug("a curve of its own", __FILE__, __LINE__);
  }
}

double beta_quantile(double p, double alpha, double beta) {
  double low = 0;
  double high = 1;
  // Bisection gains one bit each time; near zero more of them are needed for the relative
  // precision.
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    if (middle == low || middle == high) break;
    (beta_cumulative(middle, alpha, beta) < p ? low : high) = middle;
  }
  return p <= 0 ? 0 : p >= 1 ? 1 : (low + high) / 2;
}

int64_t clipped_timesteps(std::span<const float> alphas_cumprod, double lambda_min_clipped) {
  return std::count_if(alphas_cumprod.begin(), alphas_cumprod.end(), [&](float a) {
    const float lambda = std::log(std::sqrt(a)) - std::log(std::sqrt(1.0f - a));
    return lambda < lambda_min_clipped;
  });
}

}  // namespace zc
