// SPDX-License-Identifier: Apache-2.0
// Parts of a matrix product for AVX2 with FMA. This file alone is compiled for them; see
// matmul_body.h.
#include "kernels/matmul_kernels.h"

#if defined(__AVX2__) && defined(__FMA__)

#include "kernels/matmul_body.h"

namespace zc::kernels {

// 6 x 16 sums take 12 of the 16 registers; two more hold weights and one the input.
const MatmulKernels* matmul_avx2() {
  static constexpr MatmulKernels kernels = matmul_kernels_of<Vectors<8>, 2, 6>();
  return &kernels;
}

}  // namespace zc::kernels

#else

namespace zc::kernels {

const MatmulKernels* matmul_avx2() {
  return nullptr;
}

}  // namespace zc::kernels

#endif
