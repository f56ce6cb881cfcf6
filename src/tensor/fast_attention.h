// SPDX-License-Identifier: Apache-2.0
// Attention by our own kernel, which reads the heads where the projections have them;
// differentiable.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace zc {

// Whether fast_attention() takes these: float32 on the CPU, no autocast.
bool suits_fast_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

// softmax(q k^T / sqrt(d)) v over heads; q [B,T,N*d], k and v [B,S,N*d] -> [B,T,N*d].
at::Tensor fast_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          int64_t heads, bool causal);

}  // namespace zc
