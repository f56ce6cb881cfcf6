// SPDX-License-Identifier: Apache-2.0
#include "training/keyed_noise.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "kernels/keyed_random.h"

namespace zc {
namespace {

// Numbers for which waking another thread pays.
constexpr int64_t kNoiseGrain = 1 << 14;

uint64_t key_of(const BatchPlace& place, RandomUse use) {
  return kernels::random_key(static_cast<uint64_t>(place.seed), static_cast<uint64_t>(place.step),
                             static_cast<uint64_t>(use));
}

}  // namespace

at::Tensor keyed_noise(at::IntArrayRef shape, const BatchPlace& place, RandomUse use,
                       at::Device device) {
  const at::Tensor noise = at::empty(shape, at::kFloat);
  if (noise.numel() == 0) return noise.to(device);
  const uint64_t key = key_of(place, use);
  const int64_t row = noise.numel() / shape[0];
  const int64_t groups = (row + kernels::kNormalGroup - 1) / kernels::kNormalGroup;
  const int64_t grain = std::max<int64_t>(1, kNoiseGrain / kernels::kNormalGroup);
  float* out = noise.mutable_data_ptr<float>();
  at::parallel_for(0, shape[0] * groups, grain, [&](int64_t begin, int64_t end) {
    // Groups of one row in one call.
    for (int64_t g = begin, next = 0; g < end; g = next) {
      const int64_t sample = g / groups;
      next = std::min(end, (sample + 1) * groups);
      const int64_t from = (g - sample * groups) * kernels::kNormalGroup;
      const int64_t to = std::min(row, (next - sample * groups) * kernels::kNormalGroup);
      kernels::keyed_normals(key, static_cast<uint64_t>(place.first + sample), from, to - from,
                             out + sample * row + from);
    }
  });
  return noise.to(device);
}

double keyed_number(const BatchPlace& place, RandomUse use) {
  return kernels::keyed_uniform(key_of(place, use), 0);
}

}  // namespace zc
