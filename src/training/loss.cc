// SPDX-License-Identifier: Apache-2.0
#include "training/loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/cumprod.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/remainder.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/square.h>

#include <cmath>

#include "tensor/device.h"

namespace zc {

at::Tensor alphas_cumprod_float() {
  const at::Tensor roots = at::linspace(std::sqrt(0.00085), std::sqrt(0.012), 1000, at::kDouble);
  return at::cumprod(1.0 - roots * roots, 0).to(at::kFloat);
}

NoisedBatch noise_batch(const at::Tensor& z0, const at::Tensor& alphas_cumprod,
                        const LossOptions& o, at::Generator& generator) {
  NoisedBatch batch;
  const auto steps = static_cast<double>(alphas_cumprod.size(0));
  const at::Tensor place = at::arange(z0.size(0), at::kDouble) / static_cast<double>(z0.size(0));
  const at::Tensor t = at::remainder(place + at::rand({}, generator, at::kDouble), 1.0) * steps;
  batch.t = t.to(z0.device(), at::kLong);
  at::Tensor noise = normal_numbers(z0.sizes(), generator, z0.device());
  if (o.noise_offset > 0.0) {
    noise = noise +
            o.noise_offset * normal_numbers({z0.size(0), z0.size(1), 1, 1}, generator, z0.device());
  }
  const at::Tensor abar = alphas_cumprod.index({batch.t});
  const at::Tensor signal = at::sqrt(abar).reshape({-1, 1, 1, 1});
  const at::Tensor sigma = at::sqrt(1.0 - abar).reshape({-1, 1, 1, 1});
  batch.x_t = signal * z0 + sigma * noise;
  batch.target = o.prediction == ModelPrediction::v ? signal * noise - sigma * z0 : noise;
  if (o.min_snr > 0.0) {
    const at::Tensor snr = abar / (1.0 - abar);
    batch.weight =
        at::clamp(snr, {}, o.min_snr) / (o.prediction == ModelPrediction::v ? snr + 1.0 : snr);
  } else {
    batch.weight = at::ones_like(abar);
  }
  return batch;
}

at::Tensor weighted_mse(const at::Tensor& output, const NoisedBatch& batch) {
  const at::Tensor error = at::square(output.to(at::kFloat) - batch.target).mean({1, 2, 3});
  return (error * batch.weight).mean();
}

}  // namespace zc
