// SPDX-License-Identifier: Apache-2.0
#include "tensor/kernel_choice.h"

#include <utility>

namespace zc {
namespace {

thread_local Kernels chosen = Kernels::plain;

}  // namespace

Kernels kernels_in_use() {
  return chosen;
}

KernelScope::KernelScope(Kernels kernels) : before_(std::exchange(chosen, kernels)) {}

KernelScope::~KernelScope() {
  chosen = before_;
}

}  // namespace zc
