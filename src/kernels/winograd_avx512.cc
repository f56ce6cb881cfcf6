// SPDX-License-Identifier: Apache-2.0
// Winograd steps for AVX-512 F. This file alone is compiled for it; see winograd_body.h.
#include "kernels/winograd_kernels.h"

#if defined(__AVX512F__)

#include "kernels/vectors_avx512.h"
#include "kernels/winograd_body.h"

namespace zc::kernels {

namespace {

template <int64_t tile>
constexpr WinogradKernels make_kernels() {
  WinogradKernels kernels = kernels_of<SixteenFloats, tile, 14, 2>();
  kernels.turn_float16 = turn_filters<SixteenFloats, 32, uint16_t>;
  return kernels;
}

}  // namespace

// 14 x 32 sums take 28 of the 32 registers; two more hold weights and one the input.
const WinogradKernels* winograd_avx512(int64_t tile) {
  static constexpr WinogradKernels four = make_kernels<4>(), six = make_kernels<6>();
  return tile == 6 ? &six : &four;
}

}  // namespace zc::kernels

#else

namespace zc::kernels {

const WinogradKernels* winograd_avx512(int64_t) {
  return nullptr;
}

}  // namespace zc::kernels

#endif
