// SPDX-License-Identifier: Apache-2.0
// Parts of a matrix product for AVX-512 F. This file alone is compiled for it; see matmul_body.h.
#include "kernels/matmul_kernels.h"

#if defined(__AVX512F__)

#include "kernels/matmul_body.h"
#include "kernels/vectors_avx512.h"

namespace zc::kernels {
namespace {

void widen_float16_avx512(const uint16_t* from, int64_t count, float* to) {
  const int64_t whole = count / 16 * 16;
  for (int64_t i = 0; i < whole; i += 16) {
    _mm512_storeu_ps(to + i, SixteenFloats::load(from + i));
  }
  widen_float16(from + whole, count - whole, to + whole);
}

constexpr int64_t kParts = 4;

constexpr MatmulKernels make_kernels() {
  MatmulKernels kernels = matmul_kernels_of<Vectors<16>, kParts, 6>();
  kernels.widen_float16 = widen_float16_avx512;
  kernels.turn = turn_columns<kParts * SixteenFloats::width / 2, float>;
  kernels.turn_float16 = turn_columns<kParts * SixteenFloats::width / 2, uint16_t>;
  return kernels;
}

}  // namespace

// 6 x 64 sums take 24 of the 32 registers; four more hold weights and one the input. Tiles of 14 x
// 32 are as fast on a core of its own, but take more instructions, which shows where two threads
// share one.
const MatmulKernels* matmul_avx512() {
  static constexpr MatmulKernels kernels = make_kernels();
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
