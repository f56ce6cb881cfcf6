// SPDX-License-Identifier: Apache-2.0
// Products of 8 bits (matmul_int8.h) for any processor: the plain twin of matmul_int8.cc.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/matmul_int8.h"
#include "kernels/matmul_integers.h"

namespace zc::kernels {
namespace {

constexpr int64_t kColumns = 8;  // of matmul_portable()

float larger(float largest, float value) {
  if (std::isnan(largest) || std::isnan(value)) return std::numeric_limits<float>::quiet_NaN();
  return std::max(largest, std::abs(value));
}

int8_t quantized(float value, float inverse) {
  const float steps = std::nearbyint(value * inverse);
  return std::isfinite(steps) ? static_cast<int8_t>(steps) : int8_t{0};
}

// A row of bytes after the other; then the steps of all.
struct PackedRows {
  PackedRows(float* at, int64_t depth, int64_t rows)
      : bytes(reinterpret_cast<int8_t*>(at)), steps(at + (rows * depth + 3) / 4) {}
  int8_t* bytes;
  float* steps;
};

void pack_rows(const MatmulRows& r) {
  const PackedRows packed(r.to, r.depth, kRows);
  for (int64_t i = 0; i < r.rows; ++i) {
    const float* x = r.x + i * r.row_stride;
    float largest = 0.0f;
    for (int64_t k = 0; k < r.depth; ++k) largest = larger(largest, x[k * r.depth_stride]);
    packed.steps[i] = int8_step(largest);
    const float inverse = 1.0f / packed.steps[i];
    for (int64_t k = 0; k < r.depth; ++k)
      packed.bytes[i * r.depth + k] = quantized(x[k * r.depth_stride], inverse);
  }
}

void quantize_weights(const float* from, int64_t depth, float* to) {
  const PackedRows packed(to, depth, kColumns);
  for (int64_t c = 0; c < kColumns; ++c) {
    float largest = 0.0f;
    for (int64_t k = 0; k < depth; ++k) largest = larger(largest, from[k * kColumns + c]);
    packed.steps[c] = int8_step(largest);
    const float inverse = 1.0f / packed.steps[c];
    for (int64_t k = 0; k < depth; ++k)
      packed.bytes[c * depth + k] = quantized(from[k * kColumns + c], inverse);
  }
}

void multiply(const MatmulTile& t) {
  const PackedRows x(const_cast<float*>(t.x), t.depth, kRows);
  const PackedRows w(const_cast<float*>(t.weights), t.depth, kColumns);
  for (int64_t i = 0; i < t.rows; ++i) {
    for (int64_t c = 0; c < kColumns; ++c) {
      int32_t sum = 0;
      for (int64_t k = 0; k < t.depth; ++k)
        sum += int32_t{x.bytes[i * t.depth + k]} * int32_t{w.bytes[c * t.depth + k]};
      const float product = static_cast<float>(sum) * (x.steps[i] * w.steps[c]);
      float& to = t.sums[i * kColumns + c];
      to = t.add ? to + product : product;
    }
  }
}

}  // namespace

const MatmulKernels* matmul_int8_portable() {
  static const MatmulKernels kernels =
      with_integers(*matmul_portable(), kRows, {pack_rows, multiply, quantize_weights});
  return &kernels;
}

}  // namespace zc::kernels
