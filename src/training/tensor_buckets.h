// SPDX-License-Identifier: Apache-2.0
// Many tensors as few flat ones, for sending.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <vector>

namespace zc {

// Tensors that travel together. One alone and contiguous travels in place, others as a copy.
struct TensorBucket {
  std::vector<at::Tensor> members;  // of one type and device
  at::Tensor flat;                  // [elements of all members], between pack and unpack

  void pack();
  void unpack();  // `flat` into the members; the bucket is then empty
};

// Neighbours of one type and device, up to that many bytes or one that is larger; tensors without
// elements are left out. The same list gives the same buckets in every process.
std::deque<TensorBucket> tensor_buckets(const std::vector<at::Tensor>& tensors, int64_t max_bytes);

}  // namespace zc
