// SPDX-License-Identifier: Apache-2.0
// What products of 8 and of 16 bits have in common with AVX-512's VNNI. For the files that are
// compiled for it, so all of it has internal linkage.
#pragma once

#include "kernels/matmul_integers.h"
#include "kernels/vectors_avx512.h"

namespace zc::kernels {
namespace {

// Tiles as those of matmul_avx512(), which packs their weights and finishes their sums.
constexpr int64_t kPlaces = 8;
constexpr int64_t kParts = 4, kLanes = 16, kColumns = kParts * kLanes;
constexpr int64_t kMostDepth = 512;  // of a piece

// Row i of x, gathered into `room` where it is not in one piece.
inline const float* row_of(const MatmulRows& r, int64_t i, float (&room)[kMostDepth]) {
  const float* x = r.x + i * r.row_stride;
  if (r.depth_stride == 1) return x;
  for (int64_t k = 0; k < r.depth; ++k) room[k] = x[k * r.depth_stride];
  return room;
}

// One for each number of rows.
using MultiplyRows = void (*)(const MatmulTile&);

template <const MultiplyRows (&by_rows)[kRows]>
void multiply_tile(const MatmulTile& t) {
  by_rows[t.rows - 1](t);
}

// Null where the machine has no VNNI. One set for each file.
inline const MatmulKernels* vnni_kernels(const IntegerKernels& integers) {
  const MatmulKernels* base = matmul_avx512();
  if (base == nullptr || base->columns != kColumns || !__builtin_cpu_supports("avx512vnni") ||
      !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vl")) {
    return nullptr;
  }
  static const MatmulKernels own = with_integers(*base, kPlaces, integers);
  return &own;
}

}  // namespace
}  // namespace zc::kernels
