// SPDX-License-Identifier: Apache-2.0
#include "tensor/torch_workers.h"

#include <ATen/Parallel.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

namespace zc {

kernels::Workers torch_workers() {
  const int64_t count = at::get_num_threads();
  return {count, [count](const std::function<void()>& work) {
            at::parallel_for(0, count, 1, [&](int64_t, int64_t) { work(); });
          }};
}

std::optional<kernels::ElementType> element_type(const at::Tensor& t) {
  switch (t.scalar_type()) {
    case at::kFloat:
      return kernels::ElementType::float32;
    case at::kHalf:
      return kernels::ElementType::float16;
    case at::kBFloat16:
      return kernels::ElementType::bfloat16;
    default:
      return {};
  }
}

bool is_plain_float(const at::Tensor& t) {
  return t.is_cpu() && t.scalar_type() == at::kFloat && t.layout() == at::kStrided;
}

bool computes_in_float() {
  return !c10::impl::tls_is_dispatch_key_included(c10::DispatchKey::AutocastCPU);
}

}  // namespace zc
