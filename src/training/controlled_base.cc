// SPDX-License-Identifier: Apache-2.0
#include "training/controlled_base.h"

#include <ATen/TensorOperators.h>

namespace zc {

at::Tensor predict(const ControlledBase& m, const at::Tensor& x_t, const at::Tensor& t,
                   const at::Tensor& hint, const at::Tensor& tokens) {
  Context control_context(tokens), unet_context(tokens);
  control_context.recompute = unet_context.recompute = m.recompute;
  const at::Tensor features = m.control->encode_hint(hint);
  const Residuals residuals = residuals_to_add(
      m.control->forward(x_t, features, m.control->embed(t), control_context), m.mode);
  return m.unet->forward(x_t, m.unet->embed(t), unet_context, residuals);
}

at::Tensor hint_from_bytes(const at::Tensor& bytes) {
  const at::Tensor hint = bytes.to(at::kFloat) / 255.0;
  return hint.size(1) == 1 ? hint.expand({-1, 3, -1, -1}) : hint;
}

}  // namespace zc
