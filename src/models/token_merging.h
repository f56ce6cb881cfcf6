// SPDX-License-Identifier: Apache-2.0
// Fewer tokens for self-attention: those that are most like a neighbour take its result (Token
// Merging for Stable Diffusion, arXiv 2303.17604).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace zc {

struct TokenGrid {
  int64_t height = 0, width = 0;
};

// Of each 2 x 2 tokens the first stays. The `part` of all tokens that is most like one of these, by
// the cosine of their features, is merged with it; at most all others are.
class MergedTokens {
 public:
  // features [B,height*width,C]
  MergedTokens(const at::Tensor& features, const TokenGrid& grid, double part);

  // x [B,height*width,C] -> [B,T',C]: the mean of those that are merged.
  at::Tensor merge(const at::Tensor& x) const;
  // y [B,T',C] -> [B,height*width,C]
  at::Tensor unmerge(const at::Tensor& y) const;

 private:
  int64_t batch_, tokens_, kept_, targets_;  // the numbers of one sample
  // Rows of [B*height*width,C]; of the last, rows of [B*targets,C].
  at::Tensor kept_rows_, target_rows_, merged_rows_, target_of_merged_;
  at::Tensor share_;  // [B*targets,1]: 1 / how many a target is the mean of
};

}  // namespace zc
