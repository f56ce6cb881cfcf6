// SPDX-License-Identifier: Apache-2.0
// The synthetic weights and inputs of the parity data (its README, section 1).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zc::parity {

constexpr uint64_t fnv1a64(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return hash;
}

constexpr uint64_t splitmix64(uint64_t x) {
  uint64_t z = x + 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

constexpr uint64_t bits24(uint64_t hash, uint64_t i) {
  return splitmix64(hash + i) >> 40;
}

// In (-1, 1), exact in double.
constexpr double uniform(uint64_t hash, uint64_t i) {
  return static_cast<double>(2 * bits24(hash, i) + 1) / 16777216.0 - 1.0;
}

// base + scale * uniform.
struct WeightRule {
  double base = 0.0;
  double scale = 0.0;
};
WeightRule weight_rule(std::string_view key, const std::vector<int64_t>& shape);

// The parameter whose full name is `key`; int64 for position_ids, else float32.
at::Tensor synthetic_weight(std::string_view key, const std::vector<int64_t>& shape);

struct InputRule {
  std::string kind;   // uniform, unit01, normal, ints
  double factor = 1;  // a power of two
  int64_t low = 0, high = 0;
};
// Throws bad_file for an unknown kind.
at::Tensor synthetic_input(std::string_view key, const std::vector<int64_t>& shape,
                           const InputRule& rule);

}  // namespace zc::parity
