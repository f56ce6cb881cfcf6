// SPDX-License-Identifier: Apache-2.0
// What the files for AMX share: floats as sums of two bfloat16, and the shapes of tiles. Only files
// that are compiled for AMX may include this.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstdint>

namespace zc::kernels::amx {

// A tile has 16 rows of 64 bytes: 32 terms of 16 rows of x, or pairs of terms of 16 columns.
constexpr int64_t kTileRows = 16, kTerms = 32, kTileColumns = 16;
constexpr int64_t kTileHalves = kTileRows * kTerms;
constexpr int64_t kRowBytes = 64;

// The compiler does not know what tiles read and write.
inline void memory_barrier() {
  asm volatile("" ::: "memory");
}

struct Split {
  __m256i high, low;  // bfloat16
};

inline Split split(__m512 x) {
  const auto high = reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x));
  const __m512 rest =
      _mm512_sub_ps(x, _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16)));
  return {high, reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(rest))};
}

// a's in the lower halves of 16 words, b's in the upper ones.
inline __m512i pairs(__m256i a, __m256i b) {
  return _mm512_or_si512(_mm512_cvtepu16_epi32(a), _mm512_slli_epi32(_mm512_cvtepu16_epi32(b), 16));
}

inline __mmask16 first_of(int64_t count) {
  return static_cast<__mmask16>((1u << std::clamp<int64_t>(count, 0, 16)) - 1u);
}

// One row of a step: `count` terms, zeros behind them.
inline void pack_terms(const float* from, int64_t count, uint16_t* high, uint16_t* low) {
  for (int64_t half = 0; half < 2; ++half) {
    const Split s = split(_mm512_maskz_loadu_ps(first_of(count - half * 16), from + half * 16));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(high + half * 16), s.high);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(low + half * 16), s.low);
  }
}

// Palette 1 of the processor's manual: bytes in a row and rows of each tile.
struct alignas(64) TileShapes {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

inline void use_shapes(const TileShapes& shapes) {
  asm volatile("ldtilecfg %0" ::"m"(shapes) : "memory");
}

}  // namespace zc::kernels::amx
