// SPDX-License-Identifier: Apache-2.0
#include "tensor/kernel_choice.h"

#include <utility>

#include "kernels/matmul.h"
#include "kernels/split_conv.h"

namespace zc {
namespace {

thread_local Kernels chosen = Kernels::plain;

}  // namespace

Kernels kernels_in_use() {
  return chosen;
}

bool fast_kernels_in_use() {
  return chosen != Kernels::plain;
}

bool has_bf16_products() {
  return kernels::has_split_conv();
}

bool has_integer_products() {
  return kernels::has_integer_products(kernels::MatmulRounding::int16) &&
         kernels::has_integer_products(kernels::MatmulRounding::int8);
}

KernelScope::KernelScope(Kernels kernels) : before_(std::exchange(chosen, kernels)) {}

KernelScope::~KernelScope() {
  chosen = before_;
}

}  // namespace zc
