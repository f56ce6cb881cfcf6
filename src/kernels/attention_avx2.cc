// SPDX-License-Identifier: Apache-2.0
// Attention for AVX2 with FMA. This file alone is compiled for them; see attention_body.h.
#include "kernels/attention_kernels.h"

#if defined(__AVX2__) && defined(__FMA__)

#include "kernels/attention_grad_body.h"
#include "kernels/vectors_avx2.h"

namespace zc::kernels {

const AttentionKernels* attention_avx2() {
  static constexpr AttentionKernels kernels = attention_kernels_of<EightFloats>();
  return &kernels;
}

}  // namespace zc::kernels

#else

namespace zc::kernels {

const AttentionKernels* attention_avx2() {
  return nullptr;
}

}  // namespace zc::kernels

#endif
