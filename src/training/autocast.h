// SPDX-License-Identifier: Apache-2.0
// Computing in half precision where that is safe, for as long as a block of code runs.
#pragma once

#include <ATen/core/Tensor.h>

namespace zc {

// Autocast to bfloat16 or float16 on the device while it lives, if asked for.
class AutocastScope {
 public:
  AutocastScope(bool enabled, at::Device device, at::ScalarType type = at::kBFloat16);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  bool enabled_;
  at::DeviceType device_;
};

}  // namespace zc
