// SPDX-License-Identifier: Apache-2.0
// Attention for any processor, in the compiler's vectors of four.
#include "kernels/attention_grad_body.h"
#include "kernels/vectors_portable.h"

namespace zc::kernels {

const AttentionKernels* attention_portable() {
  static constexpr AttentionKernels kernels = attention_kernels_of<FourFloats>();
  return &kernels;
}

}  // namespace zc::kernels
