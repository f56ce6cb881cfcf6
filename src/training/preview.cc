// SPDX-License-Identifier: Apache-2.0
#include "training/preview.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "base/error.h"
#include "tensor/device.h"
#include "training/loss.h"
#include "training/mixed_seed.h"

namespace zc {
namespace {

constexpr int64_t kNoisePurpose = 77;  // of the noise that previews begin with

struct Predicted {
  at::Tensor x0, noise;
};

// What the network's output says of x, of which the share sqrt(abar) is the picture.
Predicted predicted(const at::Tensor& x, const at::Tensor& output, double abar, bool v) {
  const double signal = std::sqrt(abar), sigma = std::sqrt(1 - abar);
  // Nothing of the picture is left to divide by; v is then its negative.
  if (abar == 0) {
    ZC_BUG_IF(!v);
    return {-output, x};
  }
  const at::Tensor noise = v ? signal * output + sigma * x : output;
  return {(x - sigma * noise) / signal, noise};
}

}  // namespace

std::vector<PreviewStep> preview_steps(int64_t steps, bool zero_terminal_snr) {
  const at::Tensor plain = alphas_cumprod_float();
  const at::Tensor abar = zero_terminal_snr ? zero_terminal(plain) : plain;
  const auto abar_at = [&](int64_t t) { return static_cast<double>(abar[t].item<float>()); };
  const int64_t stride = 1000 / steps;
  const int64_t first = zero_terminal_snr ? 999 : (steps - 1) * stride + 1;
  std::vector<PreviewStep> list;
  for (int64_t i = 0; i < steps; ++i) {
    const int64_t t = first - i * stride;
    list.push_back({t, abar_at(t), abar_at(i + 1 < steps ? t - stride : 0)});
  }
  return list;
}

at::Tensor preview_latents(const DiffusionModel& model, const at::Tensor& context,
                           const at::Tensor& empty, const ControlNet* control,
                           const at::Tensor& hint, at::IntArrayRef shape, const PreviewOptions& o) {
  const c10::NoGradGuard no_grad;
  at::Generator generator = generator_for(o.seed, 0, kNoisePurpose);
  at::Tensor x = normal_numbers(shape, generator, context.device());
  Context both(at::cat({context, empty}), /*keep=*/true);
  Context both_control(both.tokens(), /*keep=*/true);
  const at::Tensor features =
      control != nullptr ? control->encode_hint(at::cat({hint, hint})) : at::Tensor();
  const bool v = model.config.prediction == ModelPrediction::v;
  for (const PreviewStep& step : preview_steps(o.steps, o.zero_terminal_snr)) {
    const at::Tensor xx = at::cat({x, x});
    const at::Tensor tt = at::full({xx.size(0)}, step.t, xx.options().dtype(at::kLong));
    Residuals residuals;
    if (control != nullptr)
      residuals = residuals_to_add(control->forward(xx, features, control->embed(tt), both_control),
                                   o.mode);
    const auto out = model.unet->forward(xx, model.unet->embed(tt), both, residuals).chunk(2);
    const Predicted p = predicted(x, out[1] + o.cfg_scale * (out[0] - out[1]), step.abar, v);
    x = std::sqrt(step.abar_next) * p.x0 + std::sqrt(1 - step.abar_next) * p.noise;
  }
  return x;
}

Image preview_picture(const DiffusionModel& model, const ControlNet& control,
                      const PreviewSubject& subject, const PreviewOptions& options) {
  const c10::NoGradGuard no_grad;
  const bool controlled = subject.hint != nullptr;
  const at::Tensor hint =
      controlled ? hint_from_image(*subject.hint, subject.context.device()) : at::Tensor();
  const VaeConfig& vae = model.config.vae;
  const std::vector<int64_t> shape = {1, vae.latent_channels, subject.size.height / vae.downscale(),
                                      subject.size.width / vae.downscale()};
  const at::Tensor z = preview_latents(model, subject.context, subject.empty,
                                       controlled ? &control : nullptr, hint, shape, options);
  return tensor_to_images(model.vae->decode(z / vae.scale_factor)).at(0);
}

Image reconstruction(const DiffusionModel& model, const Image& picture, at::Device device) {
  const c10::NoGradGuard no_grad;
  const at::Tensor x = images_to_tensor({picture}).to(device);
  return tensor_to_images(model.vae->decode(model.vae->encode(x).mean)).at(0);
}

at::Tensor hint_from_image(const Image& map, at::Device device) {
  return (images_to_tensor({map}).to(device) + 1.0) / 2.0;
}

}  // namespace zc
