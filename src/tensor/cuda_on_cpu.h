// SPDX-License-Identifier: Apache-2.0
// For tests: what gpu_kernels.cu needs to run on the CPU. The threads of a block are fibres that
// take turns whenever they wait for each other, so that runs are repeatable and need no locks.
#pragma once

#include <c10/util/Half.h>
#include <ucontext.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <vector>

#include "kernels/gpu_arguments.h"
#include "kernels/gpu_plan.h"

#define __global__
#define __device__
#define __shared__
#define __forceinline__ inline
#define __launch_bounds__(threads)
#define ZC_UNROLL(times)

namespace zc::kernels {

struct Index3 {
  unsigned x = 0, y = 0, z = 0;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline Index3 threadIdx, blockIdx, blockDim, gridDim;

constexpr size_t kSharedFloats = 12288;  // the 48 KB that a block may have
inline float shared[kSharedFloats];      // gpu_kernels.cu declares it again

// The threads of one block.
class Fibres {
 public:
  explicit Fibres(int most) : fibres_(static_cast<size_t>(most)) {
    for (Fibre& f : fibres_) f.stack = std::make_unique<std::byte[]>(kStackBytes);
  }

  // Runs `body` as each of `threads` threads. Throws when some wait for others that never come.
  void run(int threads, const std::function<void()>& body) {
    body_ = &body;
    threads_ = running_ = threads;
    progress_ = block_arrived_ = block_generation_ = 0;
    for (Warp& warp : warps_) warp = {};
    for (int t = 0; t < threads; ++t) begin(fibres_[static_cast<size_t>(t)]);
    while (running_ > 0) {
      const int64_t before = progress_;
      for (int t = 0; t < threads; ++t) resume(t);
      if (progress_ == before) throw std::logic_error("threads of a block wait for ever");
    }
  }

  void wait_for_block() {
    if (++block_arrived_ == threads_) {
      block_arrived_ = 0;
      ++block_generation_;
      ++progress_;
      return;
    }
    const int generation = block_generation_;
    while (generation == block_generation_) yield();
  }

  // What the lane whose number differs in the bits of `offset` brought. Values of two calls lie in
  // two places: a lane may be one call ahead of those that still read.
  float exchange(float value, int offset) {
    Warp& warp = warps_[threadIdx.x / kWarp];
    const unsigned lane = threadIdx.x % kWarp;
    const int generation = warp.generation;
    float* const slots = warp.slots[generation % 2];
    slots[lane] = value;
    if (++warp.arrived == kWarp) {
      warp.arrived = 0;
      ++warp.generation;
      ++progress_;
    } else {
      while (generation == warp.generation) yield();
    }
    return slots[lane ^ static_cast<unsigned>(offset)];
  }

 private:
  static constexpr size_t kStackBytes = 64 * 1024;
  struct Fibre {
    ucontext_t context = {};
    std::unique_ptr<std::byte[]> stack;
    bool done = true;
  };
  struct Warp {
    float slots[2][kWarp] = {};
    int arrived = 0, generation = 0;
  };

  void begin(Fibre& fibre) {
    ::getcontext(&fibre.context);
    fibre.context.uc_stack.ss_sp = fibre.stack.get();
    fibre.context.uc_stack.ss_size = kStackBytes;
    fibre.context.uc_link = &scheduler_;
    fibre.done = false;
    current_run = this;
    ::makecontext(&fibre.context, &Fibres::main_of_fibre, 0);
  }

  static void main_of_fibre() {
    Fibres& self = *current_run;
    (*self.body_)();
    self.fibres_[threadIdx.x].done = true;
    --self.running_;
    ++self.progress_;
  }

  void resume(int thread) {
    Fibre& fibre = fibres_[static_cast<size_t>(thread)];
    if (fibre.done) return;
    threadIdx.x = static_cast<unsigned>(thread);
    ::swapcontext(&scheduler_, &fibre.context);
  }

  void yield() { ::swapcontext(&fibres_[threadIdx.x].context, &scheduler_); }

  static inline Fibres* current_run = nullptr;

  std::vector<Fibre> fibres_;
  Warp warps_[kMostThreads / kWarp];
  ucontext_t scheduler_ = {};
  const std::function<void()>* body_ = nullptr;
  int threads_ = 0, running_ = 0;
  int block_arrived_ = 0, block_generation_ = 0;
  int64_t progress_ = 0;
};

inline Fibres& fibres() {
  static Fibres all(kMostThreads);
  return all;
}

// Runs a kernel as `grid` says.
template <class Arguments>
void run_on_cpu(void (*kernel)(Arguments), const GpuGrid& grid, const Arguments& arguments) {
  if (static_cast<size_t>(grid.shared_bytes) > sizeof(shared) || grid.threads > kMostThreads)
    throw std::logic_error("a block takes more than it may");
  gridDim = {static_cast<unsigned>(grid.blocks), static_cast<unsigned>(grid.pictures), 1};
  blockDim = {static_cast<unsigned>(grid.threads), 1, 1};
  const std::function<void()> body = [&] { kernel(arguments); };
  for (blockIdx.y = 0; blockIdx.y < gridDim.y; ++blockIdx.y) {
    for (blockIdx.x = 0; blockIdx.x < gridDim.x; ++blockIdx.x) {
      // What a block reads before it has written it shows.
      std::fill(shared, shared + kSharedFloats, std::numeric_limits<float>::quiet_NaN());
      fibres().run(grid.threads, body);
    }
  }
}

inline void __syncthreads() {
  fibres().wait_for_block();
}

inline float __shfl_xor_sync(unsigned, float value, int offset) {
  return fibres().exchange(value, offset);
}

inline float __uint_as_float(unsigned bits) {
  return std::bit_cast<float>(bits);
}

inline unsigned __float_as_uint(float value) {
  return std::bit_cast<unsigned>(value);
}

inline float __expf(float x) {
  return std::exp(x);
}

inline float __fdividef(float a, float b) {
  return a / b;
}

inline float float_of_half(unsigned short bits) {
  return c10::Half(bits, c10::Half::from_bits());
}

inline unsigned short half_of_float(float value) {
  return c10::Half(value).x;
}

inline int min(int a, int b) {
  return std::min(a, b);
}

}  // namespace zc::kernels
