// SPDX-License-Identifier: Apache-2.0
// Products whose operands are rounded to 8 bits: x to 255 steps for each row and piece of depth,
// the weights for each column and piece, each by its largest value there. Sums of a piece are exact
// in int32. For the files of one instruction set each, so all of it has internal linkage.
#pragma once

#include "kernels/matmul_kernels.h"

namespace zc::kernels {
namespace {

// The value of one of 127 steps on either side; what is not a number stays one.
inline __attribute__((always_inline)) float int8_step(float largest) {
  return largest < 1e-30f ? 1.0f : largest / 127.0f;
}

}  // namespace
}  // namespace zc::kernels
