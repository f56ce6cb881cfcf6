// SPDX-License-Identifier: Apache-2.0
#include "models/token_merging.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/argsort.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/max.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"

namespace zc {
namespace {

// Places in the grid: of the first of each 2 x 2, and of all others.
struct Places {
  std::vector<int64_t> targets, others;
};

Places places_of(const TokenGrid& grid) {
  Places p;
  for (int64_t row = 0; row < grid.height; ++row) {
    for (int64_t column = 0; column < grid.width; ++column) {
      const bool first = row % 2 == 0 && column % 2 == 0;
      (first ? p.targets : p.others).push_back(row * grid.width + column);
    }
  }
  return p;
}

at::Tensor index_of(const std::vector<int64_t>& places, at::Device device) {
  at::Tensor index = at::empty({static_cast<int64_t>(places.size())}, at::kLong);
  std::copy(places.begin(), places.end(), index.mutable_data_ptr<int64_t>());
  return index.to(device);
}

// Places [B,n] or [n] in each of B samples of `length` rows -> rows of all of them.
at::Tensor rows_of(const at::Tensor& places, int64_t batch, int64_t length) {
  const at::Tensor first = at::arange(batch, places.options()).unsqueeze(1) * length;
  return (places + first).flatten();
}

}  // namespace

MergedTokens::MergedTokens(const at::Tensor& features, const TokenGrid& grid, double part)
    : batch_(features.size(0)), tokens_(features.size(1)) {
  ZC_BUG_IF(tokens_ != grid.height * grid.width);
  const Places places = places_of(grid);
  targets_ = static_cast<int64_t>(places.targets.size());
  const auto others = static_cast<int64_t>(places.others.size());
  const auto merged =
      std::min(others, static_cast<int64_t>(std::llround(part * static_cast<double>(tokens_))));
  kept_ = others - merged;

  const at::Tensor target_index = index_of(places.targets, features.device());
  const at::Tensor other_index = index_of(places.others, features.device());
  const at::Tensor direction =
      features / at::linalg_vector_norm(features, 2, {-1}, /*keepdim=*/true).clamp_min(1e-12);
  const at::Tensor likeness = at::matmul(direction.index_select(1, other_index),
                                         direction.index_select(1, target_index).transpose(1, 2));
  const auto [value, target] = at::max(likeness, -1);  // [B,others]
  const at::Tensor order = at::argsort(value, /*stable=*/true, -1, /*descending=*/true);
  const at::Tensor first = order.narrow(1, 0, merged), rest = order.narrow(1, merged, kept_);

  const auto in_grid = [&](const at::Tensor& of_others) {
    return rows_of(other_index.index_select(0, of_others.flatten()).view_as(of_others), batch_,
                   tokens_);
  };
  kept_rows_ = in_grid(rest);
  merged_rows_ = in_grid(first);
  target_rows_ = rows_of(target_index, batch_, tokens_);
  target_of_merged_ = rows_of(at::gather(target, 1, first), batch_, targets_);
  const at::Tensor one = at::ones({batch_ * targets_, 1}, features.options());
  share_ =
      1.0 / one.index_add(0, target_of_merged_, one.narrow(0, 0, 1).expand({batch_ * merged, 1}));
}

at::Tensor MergedTokens::merge(const at::Tensor& x) const {
  const int64_t channels = x.size(2);
  const at::Tensor rows = x.reshape({batch_ * tokens_, channels});
  const at::Tensor sums = rows.index_select(0, target_rows_)
                              .index_add(0, target_of_merged_, rows.index_select(0, merged_rows_));
  return at::cat({rows.index_select(0, kept_rows_).view({batch_, kept_, channels}),
                  (sums * share_).view({batch_, targets_, channels})},
                 1);
}

at::Tensor MergedTokens::unmerge(const at::Tensor& y) const {
  const int64_t channels = y.size(2);
  const auto rows = [&](int64_t first, int64_t count) {
    return y.narrow(1, first, count).reshape({batch_ * count, channels});
  };
  const at::Tensor targets = rows(kept_, targets_);
  at::Tensor all = at::empty({batch_ * tokens_, channels}, y.options());
  all.index_copy_(0, kept_rows_, rows(0, kept_));
  all.index_copy_(0, target_rows_, targets);
  all.index_copy_(0, merged_rows_, targets.index_select(0, target_of_merged_));
  return all.view({batch_, tokens_, channels});
}

}  // namespace zc
