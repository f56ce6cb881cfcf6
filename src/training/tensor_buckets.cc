// SPDX-License-Identifier: Apache-2.0
#include "training/tensor_buckets.h"

#include <ATen/ops/cat.h>

namespace zc {

void TensorBucket::pack() {
  if (members.size() == 1 && members.front().is_contiguous()) {
    flat = members.front().view({-1});
    return;
  }
  std::vector<at::Tensor> parts;
  for (const at::Tensor& member : members) parts.push_back(member.reshape({-1}));
  flat = at::cat(parts);
}

void TensorBucket::unpack() {
  int64_t offset = 0;
  for (at::Tensor& member : members) {
    const at::Tensor part = flat.narrow(0, offset, member.numel());
    if (part.data_ptr() != member.data_ptr()) member.copy_(part.view_as(member));
    offset += member.numel();
  }
  *this = {};
}

std::deque<TensorBucket> tensor_buckets(const std::vector<at::Tensor>& tensors, int64_t max_bytes) {
  std::deque<TensorBucket> buckets;
  int64_t bytes = 0;
  for (const at::Tensor& tensor : tensors) {
    if (tensor.numel() == 0) continue;
    const int64_t size = tensor.numel() * tensor.element_size();
    const auto joins = [&](const at::Tensor& neighbour) {
      return bytes + size <= max_bytes && neighbour.scalar_type() == tensor.scalar_type() &&
             neighbour.device() == tensor.device();
    };
    if (buckets.empty() || !joins(buckets.back().members.front())) {
      buckets.emplace_back();
      bytes = 0;
    }
    buckets.back().members.push_back(tensor);
    bytes += size;
  }
  return buckets;
}

}  // namespace zc
