// SPDX-License-Identifier: Apache-2.0
#include "tensor/split_conv.h"

#include <ATen/ops/empty.h>

#include "kernels/split_conv.h"
#include "tensor/kernel_choice.h"
#include "tensor/torch_workers.h"

namespace zc {
namespace {

// With fewer, most of each tile would be zeros.
constexpr int64_t kFewestIn = 32, kFewestOut = 16;

at::Tensor run_split(const at::Tensor& x, kernels::SplitConvWeights weights, int64_t stride,
                     int64_t padding) {
  constexpr auto kLast = at::MemoryFormat::ChannelsLast;
  const at::Tensor input = x.detach().contiguous(kLast);
  const auto out_of = [&](int64_t length) {
    return (length + 2 * padding - weights.size) / stride + 1;
  };
  at::Tensor y = at::empty({x.size(0), weights.out, out_of(x.size(2)), out_of(x.size(3))},
                           x.options().requires_grad(false).memory_format(kLast));
  kernels::split_conv(weights,
                      {.batch = x.size(0),
                       .height = x.size(2),
                       .width = x.size(3),
                       .stride = stride,
                       .padding = padding,
                       .x = input.const_data_ptr<float>(),
                       .y = y.mutable_data_ptr<float>(),
                       .high_only = kernels_in_use() == Kernels::bf16},
                      torch_workers());
  return y;
}

}  // namespace

bool suits_split_conv(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      const ops::ConvOptions& o) {
  if (!fast_kernels_in_use() || !kernels::has_split_conv()) return false;
  if (!is_plain_float(x) || !computes_in_float() || (bias.defined() && !is_plain_float(bias)))
    return false;
  // Anything unusual goes to ATen, which also words the error about it.
  if (x.dim() != 4 || weight.dim() != 4 || x.numel() == 0 || !weight.is_cpu() ||
      !element_type(weight)) {
    return false;
  }
  const int64_t size = weight.size(2);
  return weight.size(3) == size && x.size(1) == weight.size(1) && o.stride >= 1 && o.padding >= 0 &&
         x.size(2) + 2 * o.padding >= size && x.size(3) + 2 * o.padding >= size &&
         weight.size(1) >= kFewestIn && weight.size(0) >= kFewestOut;
}

at::Tensor split_conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                        const ops::ConvOptions& o) {
  const at::Tensor w = weight.detach().contiguous();
  const at::Tensor b = bias.defined() ? bias.detach().contiguous() : bias;
  return run_split(x,
                   {.in = w.size(1),
                    .out = w.size(0),
                    .size = w.size(2),
                    .weight = w.const_data_ptr(),
                    .type = *element_type(w),
                    .bias = b.defined() ? b.const_data_ptr<float>() : nullptr},
                   o.stride, o.padding);
}

at::Tensor split_conv2d_turned(const at::Tensor& dy, const at::Tensor& weight) {
  const at::Tensor w = weight.detach().contiguous();
  const int64_t size = w.size(2), taps = size * size;
  const auto* last_tap = static_cast<const char*>(w.const_data_ptr()) +
                         static_cast<size_t>(taps - 1) * w.element_size();
  return run_split(dy,
                   {.in = w.size(0),
                    .out = w.size(1),
                    .size = size,
                    .weight = last_tap,
                    .type = *element_type(w),
                    .out_stride = taps,
                    .in_stride = taps * w.size(1),
                    .tap_stride = -1},
                   1, size / 2);
}

}  // namespace zc
