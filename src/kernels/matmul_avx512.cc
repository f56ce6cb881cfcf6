// SPDX-License-Identifier: Apache-2.0
// Parts of a matrix product for AVX-512 F. This file alone is compiled for it; see matmul_body.h.
#include "kernels/matmul_kernels.h"

#if defined(__AVX512F__)

#include "kernels/matmul_body.h"

namespace zc::kernels {

// 6 x 64 sums take 24 of the 32 registers; four more hold weights and one the input. Tiles of 14 x
// 32 are as fast on a core of its own, but take more instructions, which shows where two threads
// share one.
const MatmulKernels* matmul_avx512() {
  static constexpr MatmulKernels kernels = matmul_kernels_of<Vectors<16>, 4, 6>();
  return &kernels;
}

}  // namespace zc::kernels

#else

namespace zc::kernels {

const MatmulKernels* matmul_avx512() {
  return nullptr;
}

}  // namespace zc::kernels

#endif
