// SPDX-License-Identifier: Apache-2.0
// Opens libzc_nccl.so (nccl_backend.cc), which a build with ZC_NCCL makes.
#pragma once

#include <chrono>

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace zc {

// NCCL between the GPUs of all ranks, who find each other through the store. Throws unsupported
// when the library is not there or does not work.
c10::intrusive_ptr<c10d::Backend> open_nccl_backend(const c10::intrusive_ptr<c10d::Store>& store,
                                                    int rank, int size,
                                                    std::chrono::milliseconds timeout);

}  // namespace zc
