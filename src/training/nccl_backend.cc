// SPDX-License-Identifier: Apache-2.0
// libzc_nccl.so: NCCL between the GPUs of a run. A library of its own, opened when a run trains on
// GPUs, because ProcessGroupNCCL.hpp wants CUDA's and NCCL's headers, which no other file needs.
#include <chrono>
#include <utility>

#define USE_C10D_NCCL  // as libtorch was built; the header is empty without it
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

// The caller owns the backend (one reference) and keeps its own on the store. May throw what c10d
// throws, which fits because both sides use one libtorch.
extern "C" c10d::Backend* zc_make_nccl_backend(c10d::Store* store, int rank, int size,
                                               int64_t timeout_ms) {
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = std::chrono::milliseconds(timeout_ms);
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(
             c10::intrusive_ptr<c10d::Store>::reclaim_copy(store), rank, size, std::move(options))
      .release();
}
