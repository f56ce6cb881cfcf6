// SPDX-License-Identifier: Apache-2.0
// Parts of a matrix product for any processor, in the compiler's vectors of four.
#include "kernels/matmul_body.h"

namespace zc::kernels {

const MatmulKernels* matmul_portable() {
  static constexpr MatmulKernels kernels = matmul_kernels_of<Vectors<4>, 2, 6>();
  return &kernels;
}

}  // namespace zc::kernels
