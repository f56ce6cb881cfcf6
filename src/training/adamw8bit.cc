// SPDX-License-Identifier: Apache-2.0
#include "training/adamw8bit.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/bucketize.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/square.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <vector>

#include "base/error.h"
#include "kernels/adamw8bit.h"

namespace zc {
namespace {

constexpr uint8_t kZeroCodeOfFirst = 127;
// Blocks for which waking another thread pays.
constexpr int64_t kBlockGrain = 64;

int64_t blocks_of(const at::Tensor& value) {
  return (value.numel() + kernels::kMomentBlock - 1) / kernels::kMomentBlock;
}

// The order of the moments; a view where the value lies in that order, as trained weights do.
at::Tensor in_moment_order(const at::Tensor& x) {
  return x.dim() == 4 ? x.permute({0, 2, 3, 1}) : x;
}

kernels::AdamW8bitStep numbers_of(const AdamW8bitOptions& o) {
  const auto t = static_cast<double>(o.step);
  return {.decay = static_cast<float>(1.0 - o.learning_rate * o.weight_decay),
          .beta1 = static_cast<float>(o.beta1),
          .beta2 = static_cast<float>(o.beta2),
          .eps = static_cast<float>(o.eps),
          .step_size = static_cast<float>(o.learning_rate / (1.0 - std::pow(o.beta1, t))),
          .root_correction = static_cast<float>(std::sqrt(1.0 - std::pow(o.beta2, t)))};
}

void update_on_cpu(const at::Tensor& value, const at::Tensor& gradient, const EightBitMoments& m,
                   const kernels::AdamW8bitStep& step) {
  auto* values = value.mutable_data_ptr<float>();
  const auto* gradients = gradient.const_data_ptr<float>();
  auto* first = m.first.mutable_data_ptr<uint8_t>();
  auto* second = m.second.mutable_data_ptr<uint8_t>();
  auto* first_scale = m.first_scale.mutable_data_ptr<float>();
  auto* second_scale = m.second_scale.mutable_data_ptr<float>();
  const int64_t total = value.numel();
  at::parallel_for(0, blocks_of(value), kBlockGrain, [&](int64_t begin, int64_t end) {
    const int64_t from = begin * kernels::kMomentBlock;
    kernels::adamw8bit(step, {.count = std::min(total, end * kernels::kMomentBlock) - from,
                              .value = values + from,
                              .gradient = gradients + from,
                              .first = first + from,
                              .first_scale = first_scale + begin,
                              .second = second + from,
                              .second_scale = second_scale + begin});
  });
}

at::Tensor column_of(const std::array<kernels::MomentDecade, 7>& decades,
                     const at::TensorOptions& options,
                     const std::function<double(const kernels::MomentDecade&)>& field) {
  std::vector<double> values;
  for (const auto& d : decades) values.push_back(field(d));
  return at::tensor(values, at::kDouble).to(options);
}

// Codes int32 of parts in [0,1], as kernels/adamw8bit.cc counts them: from zero's.
at::Tensor codes_of(const at::Tensor& part, const std::array<kernels::MomentDecade, 7>& decades) {
  const auto reals = part.options();
  const at::Tensor lows = column_of(decades, reals, [](const auto& d) { return d.low; });
  const at::Tensor steps =
      column_of(decades, reals, [](const auto& d) { return d.steps_per_unit; });
  const at::Tensor offsets =
      column_of(decades, reals.dtype(at::kInt), [](const auto& d) { return d.offset; });
  const at::Tensor decade =
      at::clamp(at::bucketize(part, lows, /*out_int32=*/true, /*right=*/true) - 1, 0).flatten();
  const at::Tensor above = part.flatten() - lows.index_select(0, decade);
  const at::Tensor code =
      offsets.index_select(0, decade) + (above * steps.index_select(0, decade)).to(at::kInt);
  return code.view(part.sizes());
}

at::Tensor values_of(const at::Tensor& codes, const kernels::MomentMap& map,
                     const at::Tensor& scale) {
  const at::Tensor table =
      at::tensor(at::ArrayRef<float>(map.data(), map.size()), at::kFloat).to(codes.device());
  return table.index_select(0, codes.flatten().to(at::kInt)).view(codes.sizes()) *
         scale.unsqueeze(1);
}

// x [blocks,256] -> its scale [blocks], and codes that it writes.
void keep_first(const at::Tensor& x, const EightBitMoments& m) {
  const at::Tensor most = x.amax({1}), least = x.amin({1});
  const at::Tensor scale = at::where(most >= -least, most, least);
  m.first_scale.copy_(scale);
  const at::Tensor part = x / at::where(scale == 0, 1.0, scale).unsqueeze(1);
  const at::Tensor size = at::abs(part);
  at::Tensor code = codes_of(size, kernels::first_moment_decades());
  code = code.masked_fill(size < kernels::kFirstMomentZero, 0).masked_fill(size >= 1.0, 128);
  const at::Tensor below = kZeroCodeOfFirst - at::clamp(code, {}, int64_t{kZeroCodeOfFirst});
  code = at::where(part < 0, below, code + kZeroCodeOfFirst);
  m.first.copy_(code.flatten().narrow(0, 0, m.first.numel()));
}

void keep_second(const at::Tensor& x, const EightBitMoments& m) {
  const at::Tensor scale = x.amax({1});
  m.second_scale.copy_(scale);
  const at::Tensor part = x / at::where(scale == 0, 1.0, scale).unsqueeze(1);
  at::Tensor code = codes_of(part, kernels::second_moment_decades());
  code = code.masked_fill(part <= 0.0, 0).masked_fill(part >= 1.0, 255);
  m.second.copy_(code.flatten().narrow(0, 0, m.second.numel()));
}

// value and gradient flat, in the order of the moments.
void update_by_operators(const at::Tensor& value, const at::Tensor& gradient,
                         const EightBitMoments& m, const kernels::AdamW8bitStep& s) {
  const int64_t blocks = blocks_of(value), count = value.numel();
  const auto in_blocks = [&](const at::Tensor& x, int64_t filler) {
    return at::constant_pad_nd(x, {0, blocks * kernels::kMomentBlock - count}, filler)
        .view({blocks, kernels::kMomentBlock});
  };
  const at::Tensor g = in_blocks(gradient, 0);
  const at::Tensor old_first =
      values_of(in_blocks(m.first, kZeroCodeOfFirst), kernels::first_moment_map(), m.first_scale);
  const at::Tensor old_second =
      values_of(in_blocks(m.second, 0), kernels::second_moment_map(), m.second_scale);
  const at::Tensor first = s.beta1 * old_first + (1.0f - s.beta1) * g;
  const at::Tensor second = s.beta2 * old_second + (1.0f - s.beta2) * at::square(g);
  const at::Tensor divisor = at::sqrt(second) / s.root_correction + s.eps;
  const at::Tensor change = (first / divisor).flatten().narrow(0, 0, count);
  value.copy_(value * s.decay - s.step_size * change);
  keep_first(first, m);
  keep_second(second, m);
}

using Update = void (*)(const at::Tensor&, const at::Tensor&, const EightBitMoments&,
                        const kernels::AdamW8bitStep&);

void update_in_order(const at::Tensor& value, const at::Tensor& gradient, const EightBitMoments& m,
                     const AdamW8bitOptions& o, Update update) {
  ZC_BUG_IF(value.scalar_type() != at::kFloat || gradient.scalar_type() != at::kFloat);
  const c10::NoGradGuard no_grad;
  const at::Tensor in_order = in_moment_order(value);
  const at::Tensor flat = in_order.contiguous().view({-1});
  update(flat, in_moment_order(gradient).contiguous().view({-1}), m, numbers_of(o));
  if (!in_order.is_contiguous()) in_order.copy_(flat.view(in_order.sizes()));
}

}  // namespace

EightBitMoments eight_bit_zeros(const at::Tensor& value) {
  const auto bytes = value.options().dtype(at::kByte), reals = value.options().dtype(at::kFloat);
  return {.first = at::full({value.numel()}, int64_t{kZeroCodeOfFirst}, bytes),
          .second = at::zeros({value.numel()}, bytes),
          .first_scale = at::zeros({blocks_of(value)}, reals),
          .second_scale = at::zeros({blocks_of(value)}, reals)};
}

void adamw8bit_step(const at::Tensor& value, const at::Tensor& gradient,
                    const EightBitMoments& moments, const AdamW8bitOptions& options) {
  update_in_order(value, gradient, moments, options,
                  value.is_cpu() ? update_on_cpu : update_by_operators);
}

void adamw8bit_step_plain(const at::Tensor& value, const at::Tensor& gradient,
                          const EightBitMoments& moments, const AdamW8bitOptions& options) {
  update_in_order(value, gradient, moments, options, update_by_operators);
}

}  // namespace zc
