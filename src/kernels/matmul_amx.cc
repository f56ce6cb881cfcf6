// SPDX-License-Identifier: Apache-2.0
// Parts of a matrix product for AMX, whose tiles multiply bfloat16: each operand is the sum of a
// high and a low bfloat16, and the product of the two low ones is left out. Sums are float32. This
// file alone is compiled for it.
#include "kernels/matmul_kernels.h"

#if defined(__AMX_BF16__) && defined(__AVX512BF16__) && defined(__linux__)

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "kernels/amx.h"

namespace zc::kernels {
namespace {

using namespace amx;

constexpr int64_t kTiles = 4;
constexpr int64_t kColumns = kTiles * kTileColumns;

inline int64_t steps_of(int64_t depth) {
  return (depth + kTerms - 1) / kTerms;
}

// A step whose rows lie side by side in memory: 16 rows of a term at a time, then turned.
void pack_turned(const MatmulRows& r, int64_t first, uint16_t* high, uint16_t* low) {
  alignas(64) uint32_t words[2][kTileRows][kTileRows];
  const __mmask16 rows = first_of(r.rows);
  for (int64_t pair = 0; pair < kTerms / 2; ++pair) {
    Split s[2];
    for (int64_t i = 0; i < 2; ++i) {
      const int64_t k = first + pair * 2 + i;
      s[i] = split(k < r.depth ? _mm512_maskz_loadu_ps(rows, r.x + k * r.depth_stride)
                               : _mm512_setzero_ps());
    }
    _mm512_store_si512(words[0][pair], pairs(s[0].high, s[1].high));
    _mm512_store_si512(words[1][pair], pairs(s[0].low, s[1].low));
  }
  for (int64_t row = 0; row < r.rows; ++row) {
    uint32_t turned[2][kTileRows];
    for (int64_t pair = 0; pair < kTileRows; ++pair) {
      turned[0][pair] = words[0][pair][row];
      turned[1][pair] = words[1][pair][row];
    }
    std::memcpy(high + row * kTerms, turned[0], sizeof turned[0]);
    std::memcpy(low + row * kTerms, turned[1], sizeof turned[1]);
  }
}

void pack_any(const MatmulRows& r, int64_t first, uint16_t* high, uint16_t* low) {
  const int64_t count = std::min(kTerms, r.depth - first);
  for (int64_t row = 0; row < r.rows; ++row) {
    float terms[kTerms];
    const float* from = r.x + row * r.row_stride + first * r.depth_stride;
    for (int64_t k = 0; k < count; ++k) terms[k] = from[k * r.depth_stride];
    pack_terms(terms, count, high + row * kTerms, low + row * kTerms);
  }
}

// to[step][high, low][row][term]
void pack_rows(const MatmulRows& r) {
  for (int64_t step = 0; step < steps_of(r.depth); ++step) {
    const int64_t first = step * kTerms;
    uint16_t* high = reinterpret_cast<uint16_t*>(r.to) + step * 2 * kTileHalves;
    uint16_t* low = high + kTileHalves;
    if (r.depth_stride == 1) {
      for (int64_t row = 0; row < r.rows; ++row) {
        pack_terms(r.x + row * r.row_stride + first, std::min(kTerms, r.depth - first),
                   high + row * kTerms, low + row * kTerms);
      }
    } else if (r.row_stride == 1) {
      pack_turned(r, first, high, low);
    } else {
      pack_any(r, first, high, low);
    }
  }
}

// from[depth][columns] -> to[step][tile of columns][high, low][pair of terms][column][2]
void split_weights(const float* from, int64_t depth, float* to) {
  for (int64_t step = 0; step < steps_of(depth); ++step) {
    for (int64_t pair = 0; pair < kTerms / 2; ++pair) {
      const int64_t k = step * kTerms + pair * 2;
      for (int64_t tile = 0; tile < kTiles; ++tile) {
        const float* at = from + k * kColumns + tile * kTileColumns;
        const Split a = split(k < depth ? _mm512_loadu_ps(at) : _mm512_setzero_ps());
        const Split b = split(k + 1 < depth ? _mm512_loadu_ps(at + kColumns) : _mm512_setzero_ps());
        uint16_t* high = reinterpret_cast<uint16_t*>(to) +
                         (step * kTiles + tile) * 2 * kTileHalves + pair * kTerms;
        _mm512_storeu_si512(high, pairs(a.high, b.high));
        _mm512_storeu_si512(high + kTileHalves, pairs(a.low, b.low));
      }
    }
  }
}

// Tiles 0 to 3: sums; 4, 5: x, high and low; 6, 7: weights.
void shape_tiles(int64_t rows) {
  TileShapes shapes;
  for (int tile = 0; tile < 8; ++tile) {
    shapes.row_bytes[tile] = kRowBytes;
    shapes.rows[tile] = static_cast<uint8_t>(tile < 6 ? rows : kTileRows);
  }
  use_shapes(shapes);
}

#define ZC_MULTIPLY_TILE(tile)                                   \
  _tile_loadd(6, w + (tile) * 2 * kTileHalves, kRowBytes);       \
  _tile_dpbf16ps(tile, 4, 6);                                    \
  _tile_dpbf16ps(tile, 5, 6);                                    \
  _tile_loadd(7, w + ((tile) * 2 + 1) * kTileHalves, kRowBytes); \
  _tile_dpbf16ps(tile, 4, 7)

void multiply(const MatmulTile& t) {
  constexpr int64_t sum_bytes = kColumns * static_cast<int64_t>(sizeof(float));
  shape_tiles(t.rows);
  if (t.add) {
    _tile_loadd(0, t.sums, sum_bytes);
    _tile_loadd(1, t.sums + kTileColumns, sum_bytes);
    _tile_loadd(2, t.sums + 2 * kTileColumns, sum_bytes);
    _tile_loadd(3, t.sums + 3 * kTileColumns, sum_bytes);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  const auto* x = reinterpret_cast<const uint16_t*>(t.x);
  const auto* w = reinterpret_cast<const uint16_t*>(t.weights);
  for (int64_t step = 0; step < steps_of(t.depth); ++step) {
    _tile_loadd(4, x, kRowBytes);
    _tile_loadd(5, x + kTileHalves, kRowBytes);
    ZC_MULTIPLY_TILE(0);
    ZC_MULTIPLY_TILE(1);
    ZC_MULTIPLY_TILE(2);
    ZC_MULTIPLY_TILE(3);
    x += 2 * kTileHalves;
    w += kTiles * 2 * kTileHalves;
  }
  _tile_stored(0, t.sums, sum_bytes);
  _tile_stored(1, t.sums + kTileColumns, sum_bytes);
  _tile_stored(2, t.sums + 2 * kTileColumns, sum_bytes);
  _tile_stored(3, t.sums + 3 * kTileColumns, sum_bytes);
  _tile_release();
  memory_barrier();
}

#undef ZC_MULTIPLY_TILE

// The processor has it, and Linux lets this process keep the tiles' 8 KiB.
bool has_amx() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  const bool tiles = ((d >> 22) & 1u) != 0 && ((d >> 24) & 1u) != 0;
  if (!tiles || __get_cpuid_count(7, 1, &a, &b, &c, &d) == 0 || ((a >> 5) & 1u) == 0) return false;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

const MatmulKernels* matmul_amx() {
  static const MatmulKernels* const kernels = []() -> const MatmulKernels* {
    const MatmulKernels* base = matmul_avx512();
    if (base == nullptr || base->columns != kColumns || !has_amx()) return nullptr;
    static MatmulKernels own = *base;
    own.rows = own.places = kTileRows;
    own.pack_rows = pack_rows;
    own.multiply = multiply;
    own.split_weights = split_weights;
    own.depth_unit = kTerms;
    return &own;
  }();
  return kernels;
}

}  // namespace zc::kernels

#else

namespace zc::kernels {

const MatmulKernels* matmul_amx() {
  return nullptr;
}

}  // namespace zc::kernels

#endif
