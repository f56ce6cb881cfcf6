// SPDX-License-Identifier: Apache-2.0
// Winograd steps for any processor, in the compiler's vectors of four.
#include "kernels/vectors_portable.h"
#include "kernels/winograd_body.h"

namespace zc::kernels {

const WinogradKernels* winograd_portable(int64_t tile) {
  static constexpr WinogradKernels four = kernels_of<FourFloats, 4, 6, 2>();
  static constexpr WinogradKernels six = kernels_of<FourFloats, 6, 6, 2>();
  return tile == 6 ? &six : &four;
}

}  // namespace zc::kernels
