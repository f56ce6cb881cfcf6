// SPDX-License-Identifier: Apache-2.0
#include "training/preview.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "tensor/device.h"
#include "training/loop.h"
#include "training/loss.h"

namespace zc {

at::Tensor preview_latents(const DiffusionModel& model, const at::Tensor& context,
                           const at::Tensor& empty, const ControlNet* control,
                           const at::Tensor& hint, at::IntArrayRef shape, const PreviewOptions& o) {
  const c10::NoGradGuard no_grad;
  const at::Tensor abar = alphas_cumprod_float();
  const auto abar_at = [&](int64_t t) { return static_cast<double>(abar[t].item<float>()); };
  at::Generator generator = generator_for(o.seed, 0, 77);
  at::Tensor x = normal_numbers(shape, generator, context.device());
  Context both(at::cat({context, empty}), /*keep=*/true);
  Context both_control(both.tokens(), /*keep=*/true);
  const at::Tensor features =
      control != nullptr ? control->encode_hint(at::cat({hint, hint})) : at::Tensor();
  const int64_t stride = 1000 / o.steps;
  for (int64_t i = o.steps; i-- > 0;) {
    const int64_t t = i * stride + 1;
    const at::Tensor xx = at::cat({x, x});
    const at::Tensor tt = at::full({xx.size(0)}, t, xx.options().dtype(at::kLong));
    Residuals residuals;
    if (control != nullptr)
      residuals = residuals_to_add(control->forward(xx, features, control->embed(tt), both_control),
                                   o.mode);
    const auto out = model.unet->forward(xx, model.unet->embed(tt), both, residuals).chunk(2);
    const at::Tensor guided = out[1] + o.cfg_scale * (out[0] - out[1]);
    const double a = abar_at(t), a_next = i > 0 ? abar_at(t - stride) : abar_at(0);
    const bool v = model.config.prediction == ModelPrediction::v;
    const at::Tensor eps = v ? std::sqrt(a) * guided + std::sqrt(1 - a) * x : guided;
    const at::Tensor x0 = (x - std::sqrt(1 - a) * eps) / std::sqrt(a);
    x = std::sqrt(a_next) * x0 + std::sqrt(1 - a_next) * eps;
  }
  return x;
}

}  // namespace zc
