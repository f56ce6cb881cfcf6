// SPDX-License-Identifier: Apache-2.0
// Scaling of the loss, without which small gradients are 0 in float16.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tensor/state_dict.h"

namespace zc {

// The values of torch.amp.GradScaler.
struct GradScalerOptions {
  double first_scale = 65536.0;
  double growth = 2.0;   // after `interval` steps in a row without an overflow
  double backoff = 0.5;  // after a step with one
  int64_t interval = 2000;
};

// For each optimizer step: scale() the loss of every pass before backward(); unscale() the
// gradients; step only if they were finite; update().
class GradScaler {
 public:
  explicit GradScaler(at::Device device, GradScalerOptions options = {});

  at::Tensor scale(const at::Tensor& loss) const;
  // Divides the gradients by the scale, in place; false if one of them is not finite. The gradients
  // lie on the scaler's device. Among ranks, reduce the gradients first: what is not finite on one
  // is then so on all, and they decide alike.
  bool unscale(const std::vector<at::Tensor>& gradients);
  // Grows or shrinks the scale by what unscale() found since the last call.
  void update();

  double current_scale() const;
  // To be saved and put back for an exact continuation. Throws bad_file.
  StateDict state() const;
  void load_state(const StateDict& state, const std::string& where);

 private:
  GradScalerOptions options_;
  at::Tensor scale_;      // float32 [1]
  at::Tensor good_;       // int32 [1]: steps in a row without an overflow
  at::Tensor overflows_;  // float32 [1]: 0, or 1 where something was not finite
};

}  // namespace zc
