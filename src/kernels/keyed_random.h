// SPDX-License-Identifier: Apache-2.0
// Random numbers by name instead of by turn: what is asked for alone decides, so that any thread,
// pass or machine may draw any part of them (Philox 4x32-10; Salmon et al. 2011).
#pragma once

#include <cstdint>

namespace zc::kernels {

// One key for each purpose at each step of a seed.
uint64_t random_key(uint64_t seed, uint64_t step, uint64_t purpose);

// Numbers are made in groups of this many.
inline constexpr int64_t kNormalGroup = 256;

// Standard normal numbers first .. first + count - 1 of a stream; `first` is a multiple of
// kNormalGroup. The same bits on every machine: arithmetic only, no library's sine or logarithm.
void keyed_normals(uint64_t key, uint64_t stream, int64_t first, int64_t count, float* out);

// One number in [0, 1) with 53 bits.
double keyed_uniform(uint64_t key, uint64_t stream);

}  // namespace zc::kernels
