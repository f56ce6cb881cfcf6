// SPDX-License-Identifier: Apache-2.0
// How fast this machine can multiply and add: what a kernel's speed is measured against.
#pragma once

#include "kernels/machine.h"

namespace zc::kernels {

// 10^9 float32 operations a second, two for each multiplication with its addition, of a loop that
// stays in registers, on `threads` threads at once. The best of several runs of some milliseconds
// each, in all about 50 ms. Throws bug for an instruction set that this machine lacks.
double measured_peak_gflops(InstructionSet set, int threads);

// The same of bfloat16 products in AMX's tiles, which split products consist of. Throws bug where
// the machine has no AMX.
double measured_split_peak_gflops(int threads);

// 10^9 bytes a second that one thread reads and writes when it copies memory that no cache holds.
double measured_copy_gbytes();

}  // namespace zc::kernels
