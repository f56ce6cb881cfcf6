// SPDX-License-Identifier: Apache-2.0
// How fast this machine can multiply and add: what a kernel's speed is measured against.
#pragma once

#include "kernels/machine.h"

namespace zc::kernels {

// 10^9 float32 operations a second, two for each multiplication with its addition, of a loop that
// stays in registers, on `threads` threads at once. The best of several runs of some milliseconds
// each, in all about 50 ms. Throws bug for an instruction set that this machine lacks.
double measured_peak_gflops(InstructionSet set, int threads);

}  // namespace zc::kernels
