// SPDX-License-Identifier: Apache-2.0
// Winograd steps for any processor, in the compiler's vectors of four.
#include "kernels/vectors_portable.h"
#include "kernels/winograd_body.h"

namespace zc::kernels {

const WinogradKernels* winograd_portable() {
  static constexpr WinogradKernels kernels = kernels_of<FourFloats, 6, 2>();
  return &kernels;
}

}  // namespace zc::kernels
