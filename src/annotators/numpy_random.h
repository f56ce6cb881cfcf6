// SPDX-License-Identifier: Apache-2.0
// Random numbers that equal numpy's legacy generator (numpy.random.seed and what follows it).
#pragma once

#include <cstdint>
#include <optional>
#include <random>

namespace zc {

// The same seed and the same calls give the same numbers as numpy.random.RandomState(seed). Arrays
// are filled by one call for each element, in the order of memory.
class NumpyRandom {
 public:
  explicit NumpyRandom(uint32_t seed) : engine_(seed) {}

  // random_sample(), uniform(0, 1): [0, 1) with 53 bits.
  double uniform();
  // standard_normal(), normal(0, 1).
  double normal();

 private:
  std::mt19937 engine_;
  std::optional<double> cached_normal_;  // the polar method gives two
};

}  // namespace zc
