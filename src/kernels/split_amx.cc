// SPDX-License-Identifier: Apache-2.0
// Parts of a split convolution for AMX. This file alone is compiled for it.
#include "kernels/split_kernels.h"

#if defined(__AMX_BF16__) && defined(__AVX512BF16__) && defined(__linux__)

#include <cstring>

#include "kernels/amx.h"
#include "kernels/matmul_body.h"

namespace zc::kernels {
namespace {

using namespace amx;

void clear_positions(uint16_t* to, int64_t count, int64_t stride, int64_t halves) {
  for (int64_t p = 0; p < count; ++p)
    std::memset(to + p * stride, 0, static_cast<size_t>(halves) * sizeof(uint16_t));
}

void split_line_amx(const SplitLine& l) {
  const int64_t steps = (l.channels + kTerms - 1) / kTerms, halves = steps * 2 * kTerms;
  clear_positions(l.to, l.before, l.position_stride, halves);
  uint16_t* to = l.to + l.before * l.position_stride;
  for (int64_t p = 0; p < l.count; ++p) {
    const float* from = l.x + p * l.x_stride;
    for (int64_t step = 0; step < steps; ++step) {
      uint16_t* high = to + step * 2 * kTerms;
      pack_terms(from + step * kTerms, l.channels - step * kTerms, high, high + kTerms);
    }
    to += l.position_stride;
  }
  clear_positions(to, l.after, l.position_stride, halves);
}

// 16 rows of 16 floats into 16 columns of 16: pairs of words, of double words, and so on change
// places.
void turn_amx(const float* from, int64_t stride, int64_t count, const int32_t* places, float* to) {
  using Words = float __attribute__((vector_size(64)));
  const auto low_half = [](Words a, Words b) {
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
  };
  const auto high_half = [](Words a, Words b) {
    return __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15,
                                   31);
  };
  const auto low_pairs = [](Words a, Words b) {
    return __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
  };
  const auto high_pairs = [](Words a, Words b) {
    return __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30,
                                   31);
  };
  for (int64_t j = 0; j < count; j += 16) {
    Words r[16], s[16];
    for (int i = 0; i < 16; ++i)
      r[i] = reinterpret_cast<Words>(_mm512_loadu_ps(from + i * stride + j));
    for (int i = 0; i < 16; i += 2) {
      s[i] = low_half(r[i], r[i + 1]);
      s[i + 1] = high_half(r[i], r[i + 1]);
    }
    // r[4 k + c]: column 4 q + c of the rows 4 k to 4 k + 3 in its quarter q.
    for (int i = 0; i < 16; i += 4) {
      r[i] = low_pairs(s[i], s[i + 2]);
      r[i + 1] = high_pairs(s[i], s[i + 2]);
      r[i + 2] = low_pairs(s[i + 1], s[i + 3]);
      r[i + 3] = high_pairs(s[i + 1], s[i + 3]);
    }
    const auto quarters = [](Words a, Words b, bool odd) {
      const auto x = reinterpret_cast<__m512>(a), y = reinterpret_cast<__m512>(b);
      return odd ? _mm512_shuffle_f32x4(x, y, 0xdd) : _mm512_shuffle_f32x4(x, y, 0x88);
    };
    for (int c = 0; c < 4; ++c) {
      const __m512 even_low = quarters(r[c], r[4 + c], false);
      const __m512 odd_low = quarters(r[c], r[4 + c], true);
      const __m512 even_high = quarters(r[8 + c], r[12 + c], false);
      const __m512 odd_high = quarters(r[8 + c], r[12 + c], true);
      _mm512_storeu_ps(to + places[j + c], _mm512_shuffle_f32x4(even_low, even_high, 0x88));
      _mm512_storeu_ps(to + places[j + 4 + c], _mm512_shuffle_f32x4(odd_low, odd_high, 0x88));
      _mm512_storeu_ps(to + places[j + 8 + c], _mm512_shuffle_f32x4(even_low, even_high, 0xdd));
      _mm512_storeu_ps(to + places[j + 12 + c], _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd));
    }
  }
}

void pick_amx(const float* from, int64_t stride, float* to) {
  const __m512i places =
      _mm512_mullo_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
                         _mm512_set1_epi32(static_cast<int>(stride)));
  _mm512_storeu_ps(to, _mm512_i32gather_ps(places, from, 4));
  _mm512_storeu_ps(to + 16, _mm512_i32gather_ps(places, from + 16 * stride, 4));
}

void split_weights_amx(const float* terms, int64_t terms_stride, uint16_t* to) {
  for (int64_t pair = 0; pair < kTerms / 2; ++pair) {
    for (int64_t tile = 0; tile < 2; ++tile) {
      const float* at = terms + pair * 2 * terms_stride + tile * kTileColumns;
      const Split a = split(_mm512_loadu_ps(at)), b = split(_mm512_loadu_ps(at + terms_stride));
      uint16_t* high = to + tile * kTileHalves + pair * kTerms;
      _mm512_storeu_si512(high, pairs(a.high, b.high));
      _mm512_storeu_si512(high + 2 * kTileHalves, pairs(a.low, b.low));
    }
  }
}

void begin_amx() {
  static constexpr TileShapes shapes = [] {
    TileShapes s;
    for (int tile = 0; tile < 8; ++tile) {
      s.row_bytes[tile] = kRowBytes;
      s.rows[tile] = kTileRows;
    }
    return s;
  }();
  use_shapes(shapes);
}

void end_amx() {
  _tile_release();
}

// Tiles 0 to 3: sums of two tiles of positions and two of filters; 4, 5: positions; 6, 7: filters.
template <bool high_only>
void multiply_tiles(const SplitTiles& t) {
  constexpr int64_t sum_bytes = kSplitColumns * static_cast<int64_t>(sizeof(float));
  float* const lower = t.sums + kTileRows * kSplitColumns;
  memory_barrier();
  if (t.add) {
    _tile_loadd(0, t.sums, sum_bytes);
    _tile_loadd(1, t.sums + kTileColumns, sum_bytes);
    _tile_loadd(2, lower, sum_bytes);
    _tile_loadd(3, lower + kTileColumns, sum_bytes);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  const int64_t row_bytes = t.row_stride * static_cast<int64_t>(sizeof(uint16_t));
  const uint16_t* ahead = t.ahead;
  for (int64_t tap = 0; tap < t.taps; ++tap) {
    const uint16_t *a = t.x[0] + tap * t.tap_stride, *b = t.x[1] + tap * t.tap_stride;
    const uint16_t* w = t.weights + tap * t.weights_stride;
    for (int64_t step = 0; step < t.steps; ++step) {
      // high x high
      _tile_loadd(4, a, row_bytes);
      _tile_loadd(6, w, kRowBytes);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(5, b, row_bytes);
      _tile_dpbf16ps(2, 5, 6);
      _tile_loadd(7, w + kTileHalves, kRowBytes);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(3, 5, 7);
      if constexpr (!high_only) {
        // high x low
        _tile_loadd(6, w + 2 * kTileHalves, kRowBytes);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(2, 5, 6);
        _tile_loadd(7, w + 3 * kTileHalves, kRowBytes);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(3, 5, 7);
        // low x high
        _tile_loadd(4, a + kTerms, row_bytes);
        _tile_loadd(6, w, kRowBytes);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(5, b + kTerms, row_bytes);
        _tile_dpbf16ps(2, 5, 6);
        _tile_loadd(7, w + kTileHalves, kRowBytes);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(3, 5, 7);
      }
      for (int64_t i = 0; i < t.ahead_halves; i += 32)
        _mm_prefetch(reinterpret_cast<const char*>(ahead + i), _MM_HINT_T1);
      ahead += t.ahead_halves;
      a += 2 * kTerms;
      b += 2 * kTerms;
      w += kSplitStepHalves;
    }
  }
  _tile_stored(0, t.sums, sum_bytes);
  _tile_stored(1, t.sums + kTileColumns, sum_bytes);
  _tile_stored(2, lower, sum_bytes);
  _tile_stored(3, lower + kTileColumns, sum_bytes);
  memory_barrier();
}

void multiply_amx(const SplitTiles& t) {
  t.high_only ? multiply_tiles<true>(t) : multiply_tiles<false>(t);
}

double multiply_in_tiles(int64_t rounds) {
  alignas(64) static constexpr uint16_t zeros[kTileHalves] = {};
  begin_amx();
  _tile_loadd(4, zeros, kRowBytes);
  _tile_loadd(5, zeros, kRowBytes);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  rounds /= 16;  // each takes as long as many of a vector's
  for (int64_t i = 0; i < rounds; ++i) {
    _tile_dpbf16ps(0, 4, 5);
    _tile_dpbf16ps(1, 4, 5);
    _tile_dpbf16ps(2, 4, 5);
    _tile_dpbf16ps(3, 4, 5);
  }
  end_amx();
  return 4.0 * 2 * kTileRows * kTileColumns * kTerms * static_cast<double>(rounds);
}

}  // namespace

const SplitKernels* split_amx() {
  static constexpr SplitKernels kernels = {
      begin_amx,        end_amx,           split_line_amx, turn_amx,
      pick_amx,         split_weights_amx, multiply_amx,   finish_tile<Vectors<16>, 2>,
      multiply_in_tiles};
  return matmul_amx() == nullptr ? nullptr : &kernels;
}

}  // namespace zc::kernels

#else

namespace zc::kernels {

const SplitKernels* split_amx() {
  return nullptr;
}

}  // namespace zc::kernels

#endif
