// SPDX-License-Identifier: Apache-2.0
// Kernels whose operands are rounded to integers, made of those of the same instruction set, whose
// weights they pack and whose tiles they finish. For the files of one instruction set each, so all
// of it has internal linkage.
#pragma once

#include "kernels/matmul_kernels.h"

namespace zc::kernels {
namespace {

constexpr int64_t kRows = 6;  // of a tile

struct IntegerKernels {
  void (*pack_rows)(const MatmulRows&);
  void (*multiply)(const MatmulTile&);
  void (*split_weights)(const float* from, int64_t depth, float* to);
};

inline MatmulKernels with_integers(MatmulKernels base, int64_t places,
                                   const IntegerKernels& integers) {
  base.rows = kRows;
  base.places = places;
  base.pack_rows = integers.pack_rows;
  base.multiply = integers.multiply;
  base.split_weights = integers.split_weights;
  base.depth_unit = 16;
  base.split_when_packed = true;
  return base;
}

}  // namespace
}  // namespace zc::kernels
