// SPDX-License-Identifier: Apache-2.0
// Products of 16 bits (matmul_int16.h) for any processor: the plain twin of matmul_int16.cc.
#include <algorithm>
#include <cmath>

#include "kernels/matmul_int16.h"
#include "kernels/matmul_integers.h"

namespace zc::kernels {
namespace {

constexpr int64_t kColumns = 8;  // of matmul_portable()
int16_t quantized(float value, float inverse) {
  const float steps = std::nearbyint(value * inverse);
  return std::isfinite(steps) ? static_cast<int16_t>(steps) : int16_t{0};
}

// A line of integers after the other; then the steps of the blocks of each.
struct PackedLines {
  PackedLines(float* at, int64_t depth, int64_t lines)
      : values(reinterpret_cast<int16_t*>(at)),
        steps(at + (lines * depth + 1) / 2),
        blocks(int16_blocks(depth)) {}
  int16_t* values;
  float* steps;
  int64_t blocks;
};

float step_of(float largest, float squares) {
  if (squares < kLeastInt16 * kLeastInt16) return 1.0f;
  if (std::isnan(squares)) return squares;
  return std::max(largest / kMostInt16, std::sqrt(squares) / kMostInt16Norm);
}

// `depth` numbers, `stride` apart.
void quantize(const float* x, int64_t stride, int64_t depth, const PackedLines& packed,
              int64_t line) {
  for (int64_t b = 0; b < packed.blocks; ++b) {
    const int64_t first = b * kInt16Block, end = std::min(first + kInt16Block, depth);
    float largest = 0.0f, squares = 0.0f;
    for (int64_t k = first; k < end; ++k) {
      const float v = x[k * stride];
      largest = std::max(largest, std::abs(v));
      squares += v * v;
    }
    const float step = packed.steps[line * packed.blocks + b] = step_of(largest, squares);
    for (int64_t k = first; k < end; ++k)
      packed.values[line * depth + k] = quantized(x[k * stride], 1.0f / step);
  }
}

void pack_rows(const MatmulRows& r) {
  const PackedLines packed(r.to, r.depth, kRows);
  for (int64_t i = 0; i < r.rows; ++i)
    quantize(r.x + i * r.row_stride, r.depth_stride, r.depth, packed, i);
}

void quantize_weights(const float* from, int64_t depth, float* to) {
  const PackedLines packed(to, depth, kColumns);
  for (int64_t c = 0; c < kColumns; ++c) quantize(from + c, kColumns, depth, packed, c);
}

void multiply(const MatmulTile& t) {
  const PackedLines x(const_cast<float*>(t.x), t.depth, kRows);
  const PackedLines w(const_cast<float*>(t.weights), t.depth, kColumns);
  for (int64_t i = 0; i < t.rows; ++i) {
    for (int64_t c = 0; c < kColumns; ++c) {
      float& to = t.sums[i * kColumns + c];
      for (int64_t b = 0; b < x.blocks; ++b) {
        const int64_t first = b * kInt16Block, end = std::min(first + kInt16Block, t.depth);
        int32_t sum = 0;
        for (int64_t k = first; k < end; ++k)
          sum += int32_t{x.values[i * t.depth + k]} * int32_t{w.values[c * t.depth + k]};
        const float step = x.steps[i * x.blocks + b] * w.steps[c * w.blocks + b];
        to = static_cast<float>(sum) * step + (t.add || b > 0 ? to : 0.0f);
      }
    }
  }
}

}  // namespace

const MatmulKernels* matmul_int16_portable() {
  static const MatmulKernels kernels =
      with_integers(*matmul_portable(), kRows, {pack_rows, multiply, quantize_weights});
  return &kernels;
}

}  // namespace zc::kernels
