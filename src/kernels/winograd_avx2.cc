// SPDX-License-Identifier: Apache-2.0
// Winograd steps for AVX2 with FMA. This file alone is compiled for them; see winograd_body.h.
#include "kernels/winograd_kernels.h"

#if defined(__AVX2__) && defined(__FMA__)

#include "kernels/vectors_avx2.h"
#include "kernels/winograd_body.h"

namespace zc::kernels {

const WinogradKernels* winograd_avx2(int64_t tile) {
  static constexpr WinogradKernels four = kernels_of<EightFloats, 4, 6, 2>();
  static constexpr WinogradKernels six = kernels_of<EightFloats, 6, 6, 2>();
  return tile == 6 ? &six : &four;
}

}  // namespace zc::kernels

#else

namespace zc::kernels {

const WinogradKernels* winograd_avx2(int64_t) {
  return nullptr;
}

}  // namespace zc::kernels

#endif
