// SPDX-License-Identifier: Apache-2.0
// Streams of random numbers that depend on a run's seed, the step and what they are for.
#pragma once

#include <ATen/core/Generator.h>

#include <cstdint>

namespace zc {

// Mixes 64 bits so that each bit of the input changes half of the output (the finaliser of
// splitmix64).
constexpr uint64_t mixed_bits(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

// Stream of random numbers for one purpose at one step, on the CPU.
at::Generator generator_for(int64_t seed, int64_t step, int64_t purpose);

}  // namespace zc
