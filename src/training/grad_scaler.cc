// SPDX-License-Identifier: Apache-2.0
#include "training/grad_scaler.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>
#include <ATen/ops/_amp_update_scale.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include "base/error.h"

namespace zc {

GradScaler::GradScaler(at::Device device, GradScalerOptions options)
    : options_(options),
      scale_(at::full({1}, options.first_scale, at::TensorOptions(device).dtype(at::kFloat))),
      good_(at::zeros({1}, at::TensorOptions(device).dtype(at::kInt))),
      overflows_(at::zeros({1}, at::TensorOptions(device).dtype(at::kFloat))) {}

at::Tensor GradScaler::scale(const at::Tensor& loss) const {
  return loss * scale_.squeeze(0);
}

bool GradScaler::unscale(const std::vector<at::Tensor>& gradients) {
  const c10::NoGradGuard no_grad;
  if (gradients.empty()) return true;
  // The reciprocal in double, as torch.amp takes it.
  const at::Tensor inverse = scale_.to(at::kDouble).reciprocal().to(at::kFloat);
  at::_amp_foreach_non_finite_check_and_unscale_(gradients, overflows_, inverse);
  return overflows_.item<float>() == 0.0f;
}

void GradScaler::update() {
  const c10::NoGradGuard no_grad;
  at::_amp_update_scale_(scale_, good_, overflows_, options_.growth, options_.backoff,
                         options_.interval);
  overflows_.zero_();
}

double GradScaler::current_scale() const {
  return static_cast<double>(scale_.item<float>());
}

StateDict GradScaler::state() const {
  return {{"scale", scale_}, {"good_steps", good_}};
}

void GradScaler::load_state(const StateDict& state, const std::string& where) {
  const c10::NoGradGuard no_grad;
  for (const auto& [key, target] : this->state()) {
    const auto found = state.find(key);
    if (found == state.end() || found->second.sizes() != target.sizes() ||
        found->second.scalar_type() != target.scalar_type()) {
      throw Error(ErrorKind::bad_file, where,
                  "the state of the loss scale lacks " + key +
                      ": continue with the precision with which the run began");
    }
    target.copy_(found->second);
  }
}

}  // namespace zc
