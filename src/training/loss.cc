// SPDX-License-Identifier: Apache-2.0
#include "training/loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/cumprod.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/remainder.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/square.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "tensor/device.h"

namespace zc {
namespace {

constexpr double kLargestDebiasedSnr = 1000.0;

// [B] to be multiplied with [B,C,H,W].
at::Tensor over_pictures(const at::Tensor& x) {
  return x.reshape({-1, 1, 1, 1});
}

at::Tensor weights_of(const at::Tensor& abar, const LossOptions& o) {
  const bool v = o.prediction == ModelPrediction::v;
  const at::Tensor snr = abar / (1.0 - abar);
  if (o.min_snr > 0.0) {
    // min(snr, gamma)/snr = min(1, gamma/snr), which a step without signal survives.
    return v ? at::clamp(snr, {}, o.min_snr) / (snr + 1.0) : at::clamp(o.min_snr / snr, {}, 1.0);
  }
  if (o.debiased) {
    const at::Tensor limited = at::clamp(snr, {}, kLargestDebiasedSnr);
    return v ? 1.0 / (limited + 1.0) : 1.0 / at::sqrt(limited);
  }
  return at::ones_like(abar);
}

at::Tensor huber_of(const at::Tensor& abar, const LossOptions& o) {
  if (o.kind != "huber") return {};
  const at::Tensor sigma = at::sqrt((1.0 - abar) / abar);
  return over_pictures((1.0 - o.huber_c) / at::square(1.0 + sigma) + o.huber_c);
}

NoisedBatch noised(const at::Tensor& z0, const at::Tensor& alphas_cumprod, const LossOptions& o,
                   const at::Tensor& t, const at::Tensor& noise) {
  NoisedBatch batch;
  batch.t = t;
  const at::Tensor abar = alphas_cumprod.index({t});
  const at::Tensor signal = over_pictures(at::sqrt(abar));
  const at::Tensor sigma = over_pictures(at::sqrt(1.0 - abar));
  batch.x_t = signal * z0 + sigma * noise;
  batch.target = o.prediction == ModelPrediction::v ? signal * noise - sigma * z0 : noise;
  batch.weight = weights_of(abar, o);
  batch.huber = huber_of(abar, o);
  return batch;
}

// Times of samples first .. first + count - 1 of the step, int64 [count].
at::Tensor keyed_times(int64_t count, int64_t steps, const BatchPlace& place) {
  const double u = keyed_number(place, RandomUse::time);
  const at::Tensor t = at::empty({count}, at::kLong);
  auto* out = t.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < count; ++i) {
    const double turns =
        u + static_cast<double>(place.first + i) / static_cast<double>(place.global_batch);
    const auto step =
        static_cast<int64_t>((turns - std::floor(turns)) * static_cast<double>(steps));
    out[i] = std::min(step, steps - 1);
  }
  return t;
}

}  // namespace

void check_loss_options(const LossOptions& o) {
  if (o.kind != "l2" && o.kind != "huber")
    throw Error(ErrorKind::bad_request, "loss", "unknown `" + o.kind + "`; l2 or huber");
  if (o.kind == "huber" && !(o.huber_c > 0.0)) {
    throw Error(ErrorKind::bad_request, "huber_c",
                fmt::format("is {}, but must be more than 0", o.huber_c));
  }
  if (o.min_snr > 0.0 && o.debiased) {
    throw Error(ErrorKind::bad_request, "debiased",
                "weighs the time steps, and so does min_snr: take one of them");
  }
  if (!o.zero_terminal_snr || o.prediction == ModelPrediction::v) return;
  if (!o.zero_terminal_epsilon) {
    throw Error(ErrorKind::bad_request, "zero_terminal_snr",
                "needs a model with v prediction, and this one predicts the noise: the last step "
                "holds nothing but noise, so there is nothing to learn from it, and sampling would "
                "divide by a signal of 0. Leave it out, or take such a model");
  }
  if (o.debiased) {
    throw Error(ErrorKind::bad_request, "debiased",
                "is infinite at a step without signal: it goes with zero_terminal_snr only where "
                "the model predicts v");
  }
}

at::Tensor alphas_cumprod_float() {
  const at::Tensor roots = at::linspace(std::sqrt(0.00085), std::sqrt(0.012), 1000, at::kDouble);
  return at::cumprod(1.0 - roots * roots, 0).to(at::kFloat);
}

at::Tensor zero_terminal(const at::Tensor& alphas_cumprod) {
  const at::Tensor signal = at::sqrt(alphas_cumprod.to(at::kDouble));
  const double first = signal[0].item<double>(), last = signal[-1].item<double>();
  return at::square((signal - last) * (first / (first - last))).to(alphas_cumprod.scalar_type());
}

at::Tensor training_alphas_cumprod(const LossOptions& o) {
  check_loss_options(o);
  const at::Tensor abar = alphas_cumprod_float();
  return o.zero_terminal_snr ? zero_terminal(abar) : abar;
}

NoisedBatch noise_batch(const at::Tensor& z0, const at::Tensor& alphas_cumprod,
                        const LossOptions& o, const BatchPlace& place) {
  ZC_BUG_IF(place.global_batch < 1 || place.first < 0);
  at::Tensor noise = keyed_noise(z0.sizes(), place, RandomUse::noise, z0.device());
  if (o.noise_offset > 0.0) {
    noise = noise + o.noise_offset * keyed_noise({z0.size(0), z0.size(1), 1, 1}, place,
                                                 RandomUse::noise_offset, z0.device());
  }
  const at::Tensor t = keyed_times(z0.size(0), alphas_cumprod.size(0), place);
  return noised(z0, alphas_cumprod, o, t.to(z0.device()), noise);
}

NoisedBatch noise_batch(const at::Tensor& z0, const at::Tensor& alphas_cumprod,
                        const LossOptions& o, at::Generator& generator) {
  const auto steps = static_cast<double>(alphas_cumprod.size(0));
  const at::Tensor place = at::arange(z0.size(0), at::kDouble) / static_cast<double>(z0.size(0));
  const at::Tensor t = at::remainder(place + at::rand({}, generator, at::kDouble), 1.0) * steps;
  at::Tensor noise = normal_numbers(z0.sizes(), generator, z0.device());
  if (o.noise_offset > 0.0) {
    noise = noise +
            o.noise_offset * normal_numbers({z0.size(0), z0.size(1), 1, 1}, generator, z0.device());
  }
  return noised(z0, alphas_cumprod, o, t.to(z0.device(), at::kLong), noise);
}

BatchLoss diffusion_loss(const at::Tensor& output, const NoisedBatch& batch) {
  at::Tensor error = at::square(output.to(at::kFloat) - batch.target);
  if (batch.huber.defined()) {
    const at::Tensor& c = batch.huber;
    // 2c (sqrt(d^2 + c^2) - c) without the difference, in which small errors would drown.
    error = 2.0 * c * error / (at::sqrt(error + at::square(c)) + c);
  }
  const at::Tensor losses = error.mean({1, 2, 3});
  return {(losses * batch.weight).mean(), losses.detach()};
}

}  // namespace zc
