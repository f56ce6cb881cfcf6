// SPDX-License-Identifier: Apache-2.0
// Products whose operands are 16-bit integers with one step for each block of 64 along the depth
// (block floating point): of a row of x, and of a column of the weights. The step is chosen by the
// block's norm, so that by the Cauchy-Schwarz inequality neither a sum of a block nor a part of it
// leaves int32: some 12 bits and a sign for a standard deviation. Sums of a block are exact, and
// sums of blocks are added in float32. Numbers above 1e19, whose squares float32 has not, give no
// number. For the files of one instruction set each, so all of it has internal linkage.
#pragma once

#include "kernels/matmul_kernels.h"

namespace zc::kernels {
namespace {

constexpr int64_t kInt16Block = 64;
// The largest size and the largest norm of a block; the square root of 2^31, less what rounding 64
// numbers may add.
constexpr float kMostInt16 = 32767.0f, kMostInt16Norm = 46340.0f - 8.0f;
// A block of smaller numbers becomes zeros: their squares would be none of float32's.
constexpr float kLeastInt16 = 1e-15f;

constexpr int64_t int16_blocks(int64_t depth) {
  return (depth + kInt16Block - 1) / kInt16Block;
}

}  // namespace
}  // namespace zc::kernels
