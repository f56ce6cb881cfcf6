// SPDX-License-Identifier: Apache-2.0
// For tests: the smallest things that can be trained, a tiny UNet and a line.
#pragma once

#include <ATen/ops/full.h>

#include "pipelines/tiny_model.h"
#include "tensor/module.h"

namespace zc {

// Several channels to a group: a bias before a norm of one channel alone would change nothing.
inline UNetConfig tiny_unet() {
  UNetConfig config = tiny_config().unet;
  config.norm_groups = 8;
  return config;
}

// Four weights of 0.5, small enough to follow step by step.
struct Line : Module {
  Line() : weight(*this, "weight", {4}) { weight.set(at::full({4}, 0.5).set_requires_grad(true)); }
  Parameter weight;
};

}  // namespace zc
