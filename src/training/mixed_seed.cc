// SPDX-License-Identifier: Apache-2.0
#include "training/mixed_seed.h"

#include <ATen/CPUGeneratorImpl.h>

namespace zc {

at::Generator generator_for(int64_t seed, int64_t step, int64_t purpose) {
  // splitmix64 of the three, so that neighbouring steps share nothing.
  const uint64_t z = static_cast<uint64_t>(seed) * 0x9e3779b97f4a7c15ull +
                     static_cast<uint64_t>(step) * 0xbf58476d1ce4e5b9ull +
                     static_cast<uint64_t>(purpose) * 0x94d049bb133111ebull + 0x9e3779b97f4a7c15ull;
  return at::detail::createCPUGenerator(mixed_bits(z));
}

}  // namespace zc
