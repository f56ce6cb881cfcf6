// SPDX-License-Identifier: Apache-2.0
// What matmul.cc asks of each instruction set: products of a tile, the end of a tile, and halves
// as float32.
#pragma once

#include <cstdint>

#include "kernels/matmul.h"

namespace zc::kernels {

// Rows of x into to[depth][MatmulKernels::places].
struct MatmulRows {
  const float* x;
  int64_t row_stride, depth_stride;
  int64_t depth;
  int64_t rows;  // at most MatmulKernels::rows
  float* to;
};

// sums[row][column] (+)= sum over k of x[k][row] weights[k][column].
struct MatmulTile {
  const float* x;        // [depth][places], see MatmulRows
  const float* weights;  // [depth][columns]
  int64_t depth;
  int64_t rows;
  bool add;     // to what is in sums
  float* sums;  // [rows][columns]
  // What is needed next comes into a nearer cache meanwhile: where the results will be written,
  // and a part of as many rows of x that follow. Null: nothing.
  const float* y;
  int64_t y_stride, y_floats;
  const float* ahead;
  int64_t ahead_stride, ahead_floats;
};

// y = activation(sums + bias + residual) for the `count` columns of the result that a tile has.
// Gated: the second half of the tile's columns are the gates of the first.
struct MatmulEnd {
  const float* sums;  // [rows][columns]
  const float* bias;  // [columns]
  int64_t rows, count;
  const float* residual;  // null: none
  int64_t residual_stride;
  float* y;
  int64_t y_stride;
  MatmulActivation activation;
  bool gated;
};

struct MatmulKernels {
  int64_t rows, columns;  // of a tile
  int64_t places;         // of a depth of packed x: rows, and a few that are not used
  void (*pack_rows)(const MatmulRows&);
  void (*multiply)(const MatmulTile&);
  void (*finish)(const MatmulEnd&);
  void (*widen_float16)(const uint16_t* from, int64_t count, float* to);
  void (*widen_bfloat16)(const uint16_t* from, int64_t count, float* to);
  // to[k][column] = from[column][k] for half a tile's columns; strides are between columns of
  // `from` and between rows of `to`. Null: the portable way.
  void (*turn)(const float* from, int64_t from_stride, int64_t depth, float* to,
               int64_t to_stride) = nullptr;
  // The same of float16, which becomes float32. Null: widened first.
  void (*turn_float16)(const uint16_t* from, int64_t from_stride, int64_t depth, float* to,
                       int64_t to_stride) = nullptr;
  // Where a tile's x and weights are split into bfloat16 (matmul_amx.cc), rounded to integers or
  // scaled (matmul_pairs.cc): the weights of a piece of depth, from[depth][columns], take as many
  // floats after it, if `depth` is a multiple of the unit, and those of a few more rows; and so
  // does packed x.
  int64_t depth_unit = 1, extra_rows = 0;
  void (*split_weights)(const float* from, int64_t depth, float* to) = nullptr;
  bool split_when_packed = false;  // else by each task for itself
  // Multiplies and adds, and touches no memory; returns how many operations that was.
  double (*multiply_in_registers)(int64_t rounds);
};

// Null where the compiler does not know the instruction set. Whether the machine has it is asked
// elsewhere.
const MatmulKernels* matmul_portable();
const MatmulKernels* matmul_avx2();
const MatmulKernels* matmul_avx512();
// Null too where the machine's additions wait for its products.
const MatmulKernels* matmul_pairs();
// Null too where the machine or the system has no AMX.
const MatmulKernels* matmul_amx();

// Products of 16 bits (matmul_int16.h) and of 8 (matmul_int8.h). Null too where the machine has no
// AVX-512 with VNNI.
const MatmulKernels* matmul_int16_avx512();
const MatmulKernels* matmul_int16_portable();
const MatmulKernels* matmul_int8_avx512();
const MatmulKernels* matmul_int8_portable();

// Null for an instruction set that this build or this machine lacks.
const MatmulKernels* matmul_kernels_for(InstructionSet set);

}  // namespace zc::kernels
