// SPDX-License-Identifier: Apache-2.0
#include "tensor/fast_conv.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/silu.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "tensor/torch_workers.h"

namespace zc {
namespace {

constexpr size_t kMostKeptBytes = size_t{2} << 20;
bool wants_gradient(const at::Tensor& t) {
  return t.defined() && t.requires_grad();
}

kernels::WinogradShape shape_of(const at::Tensor& x, const ops::ConvOptions& o) {
  return {.batch = x.size(0), .height = x.size(2), .width = x.size(3), .padding = o.padding};
}

bool can_use_winograd(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      const ops::ConvOptions& o, const at::Tensor& residual) {
  if (residual.defined() && !is_plain_float(residual)) return false;
  if (c10::GradMode::is_enabled() && (wants_gradient(x) || wants_gradient(weight) ||
                                      wants_gradient(bias) || wants_gradient(residual))) {
    return false;
  }
  return is_plain_float(weight) && suits_winograd(x, weight, bias, o);
}

// Tensors made in inference mode count no versions, and cannot be written to outside it.
int64_t version_of(const at::Tensor& t) {
  return !t.defined() || t.is_inference() ? 0 : static_cast<int64_t>(t._version());
}

}  // namespace

bool suits_winograd(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                    const ops::ConvOptions& o) {
  if (!is_plain_float(x) || (bias.defined() && !is_plain_float(bias))) return false;
  if (!weight.is_cpu() || !element_type(weight)) return false;
  if (!computes_in_float()) return false;
  // Anything unusual goes to ATen, which also words the error about it.
  if (x.dim() != 4 || weight.dim() != 4 || x.numel() == 0 || x.size(1) != weight.size(1)) {
    return false;
  }
  if (weight.size(2) != 3 || weight.size(3) != 3 || o.stride != 1) return false;
  if (o.padding != 0 && o.padding != 1) return false;
  if (x.size(2) + 2 * o.padding < 3 || x.size(3) + 2 * o.padding < 3) return false;
  return kernels::winograd_pays(x.size(1), weight.size(0), shape_of(x, o));
}

bool takes_large_tiles(const at::Tensor& x, const ops::ConvOptions& o) {
  return kernels::winograd_tile(x.size(3) + 2 * o.padding - 2) > 4;
}

at::Tensor with_epilogue(at::Tensor y, const ConvEpilogue& e) {
  if (e.residual.defined()) y = y + e.residual;
  switch (e.activation) {
    case kernels::Activation::none:
      return y;
    case kernels::Activation::relu:
      return at::relu(y);
    case kernels::Activation::silu:
      return at::silu(y);
  }
  return y;
}

namespace {

kernels::WinogradConv packed(const at::Tensor& weight, const at::Tensor& bias) {
  const at::Tensor w = weight.contiguous();
  const at::Tensor b = bias.defined() ? bias.contiguous() : bias;
  return kernels::WinogradConv({.in = w.size(1),
                                .out = w.size(0),
                                .weight = w.const_data_ptr<float>(),
                                .bias = b.defined() ? b.const_data_ptr<float>() : nullptr},
                               torch_workers());
}

// The taps of a filter follow each other at one distance in the usual layouts; anything else is
// copied.
at::Tensor with_even_taps(const at::Tensor& weight) {
  return weight.stride(2) == 3 * weight.stride(3) ? weight : weight.contiguous();
}

}  // namespace

struct FastConv::Packed {
  Packed(const at::Tensor& w, const at::Tensor& b)
      : weight(w),
        bias(b),
        weight_version(version_of(w)),
        bias_version(version_of(b)),
        conv(packed(w, b)) {}

  bool is_of(const at::Tensor& w, const at::Tensor& b) const {
    return weight.is_same(w) && bias.is_same(b) && weight_version == version_of(w) &&
           bias_version == version_of(b);
  }

  // Held, so that no other tensor can come to lie at the same address.
  at::Tensor weight, bias;
  int64_t weight_version, bias_version;
  kernels::WinogradConv conv;
};

std::shared_ptr<const FastConv::Packed> FastConv::packed_for(const at::Tensor& weight,
                                                             const at::Tensor& bias) const {
  const std::lock_guard lock(mutex_);
  if (packed_ == nullptr || !packed_->is_of(weight, bias)) {
    packed_.reset();  // first, so that two never lie side by side
    packed_ = std::make_shared<const Packed>(weight, bias);
  }
  return packed_;
}

size_t FastConv::packed_bytes() const {
  const std::lock_guard lock(mutex_);
  return packed_ == nullptr ? 0 : packed_->conv.packed_bytes();
}

namespace {

constexpr auto kLast = at::MemoryFormat::ChannelsLast;

// A call with its input, result and residual, which it points into.
struct Prepared {
  Prepared(const at::Tensor& x, const at::Tensor& weight, const ops::ConvOptions& o,
           const ConvEpilogue& epilogue)
      : input(x.detach().contiguous(kLast)),
        y(at::empty({x.size(0), weight.size(0), x.size(2) + 2 * o.padding - 2,
                     x.size(3) + 2 * o.padding - 2},
                    x.options().requires_grad(false).memory_format(kLast))) {
    if (epilogue.residual.defined()) residual = epilogue.residual.expand_as(y).contiguous(kLast);
    call = {.shape = shape_of(x, o),
            .x = input.const_data_ptr<float>(),
            .y = y.mutable_data_ptr<float>(),
            .residual = residual.defined() ? residual.const_data_ptr<float>() : nullptr,
            .activation = epilogue.activation};
  }
  at::Tensor input, y, residual;
  kernels::WinogradCall call;
};

}  // namespace

namespace {

// Filters [C',C,3,3] of any strides. `turned`: by half a turn.
kernels::WinogradWeights weights_of(const at::Tensor& w, const at::Tensor& bias, bool turned) {
  const int64_t tap_stride = w.stride(3);
  const auto* first_tap = static_cast<const char*>(w.const_data_ptr());
  const auto last_tap = static_cast<size_t>(8 * tap_stride) * w.element_size();
  return {.in = w.size(1),
          .out = w.size(0),
          .weight = first_tap + (turned ? last_tap : 0),
          .type = *element_type(w),
          .bias = bias.defined() ? bias.const_data_ptr<float>() : nullptr,
          .out_stride = w.stride(0),
          .in_stride = w.stride(1),
          .tap_stride = turned ? -tap_stride : tap_stride};
}

}  // namespace

at::Tensor winograd_conv(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                         const ops::ConvOptions& o, const ConvEpilogue& epilogue) {
  const Prepared p(x, weight, o, epilogue);
  const at::Tensor w = with_even_taps(weight.detach());
  const at::Tensor b = bias.defined() ? bias.contiguous() : bias;
  kernels::winograd_conv(weights_of(w, b, false), p.call, torch_workers());
  return p.y;
}

at::Tensor winograd_conv_turned(const at::Tensor& dy, const at::Tensor& weight) {
  const at::Tensor w = with_even_taps(weight.detach().transpose(0, 1));
  const Prepared p(dy, w, {.stride = 1, .padding = 1}, {});
  kernels::winograd_conv(weights_of(w, {}, true), p.call, torch_workers());
  return p.y;
}

at::Tensor FastConv::operator()(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& bias, ops::ConvOptions o,
                                const ConvEpilogue& epilogue) const {
  if (!can_use_winograd(x, weight, bias, o, epilogue.residual)) {
    return with_epilogue(ops::conv2d(x, weight, bias, o), epilogue);
  }
  if (weight.nbytes() > kMostKeptBytes) return winograd_conv(x, weight, bias, o, epilogue);
  const Prepared p(x, weight, o, epilogue);
  packed_for(weight, bias)->conv.run(p.call, torch_workers());
  return p.y;
}

}  // namespace zc
