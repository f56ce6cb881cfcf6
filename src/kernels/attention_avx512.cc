// SPDX-License-Identifier: Apache-2.0
// Attention for AVX-512 F. This file alone is compiled for it; see attention_body.h.
#include "kernels/attention_kernels.h"

#if defined(__AVX512F__)

#include "kernels/attention_grad_body.h"
#include "kernels/vectors_avx512.h"

namespace zc::kernels {

const AttentionKernels* attention_avx512() {
  static constexpr AttentionKernels kernels = attention_kernels_of<SixteenFloats>();
  return &kernels;
}

}  // namespace zc::kernels

#else

namespace zc::kernels {

const AttentionKernels* attention_avx512() {
  return nullptr;
}

}  // namespace zc::kernels

#endif
