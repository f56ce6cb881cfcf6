// SPDX-License-Identifier: Apache-2.0
#include "tensor/fast_linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>

#include "base/error.h"
#include "kernels/matmul.h"
#include "kernels/split_conv.h"
#include "tensor/kernel_choice.h"
#include "tensor/torch_workers.h"

namespace zc {
namespace {

// Below, a product is bound by reading the weights, and packing would read them twice. Tokens and
// pictures, of more than two dimensions, take our own product however few they are: what it gives
// for one does not depend on how many there are, and so not on what else is in the batch.
constexpr int64_t kFewRows = 32;

int64_t rows_of(const at::Tensor& x) {
  return x.numel() / std::max<int64_t>(1, x.size(-1));
}

// x as [rows,D], in memory too.
at::Tensor as_rows(const at::Tensor& x) {
  return x.reshape({-1, x.size(-1)}).contiguous();
}

kernels::MatmulRounding rounding_in_use() {
  using kernels::MatmulRounding;
  switch (kernels_in_use()) {
    case Kernels::plain:
      return MatmulRounding::none;
    case Kernels::fast:
    case Kernels::bf16:
      return MatmulRounding::fast;
    case Kernels::int16:
      return MatmulRounding::int16;
    case Kernels::int8:
      return MatmulRounding::int8;
  }
  return MatmulRounding::none;
}

// y = x W, `w` [depth,columns] of any strides.
void multiply(const at::Tensor& x, const at::Tensor& w, at::Tensor& y, const at::Tensor& bias,
              const at::Tensor& residual, bool gated) {
  const float* bias_data = bias.defined() ? bias.const_data_ptr<float>() : nullptr;
  const float* residual_data = residual.defined() ? residual.const_data_ptr<float>() : nullptr;
  const int64_t columns = gated ? w.size(1) / 2 : w.size(1);
  const kernels::MatmulRounding rounding = rounding_in_use();
  if (rounding == kernels::MatmulRounding::fast && kernels::has_split_conv() && x.is_contiguous() &&
      (w.stride(0) == 1 || (w.stride(1) == 1 && !gated))) {
    kernels::split_conv({.in = w.size(0),
                         .out = columns,
                         .size = 1,
                         .weight = w.const_data_ptr(),
                         .type = *element_type(w),
                         .bias = bias_data,
                         .gated = gated,
                         .out_stride = w.stride(1),
                         .in_stride = w.stride(0)},
                        {.batch = 1,
                         .height = 1,
                         .width = x.size(0),
                         .padding = 0,
                         .x = x.const_data_ptr<float>(),
                         .y = y.mutable_data_ptr<float>(),
                         .residual = residual_data,
                         .high_only = kernels_in_use() == Kernels::bf16},
                        torch_workers());
    return;
  }
  const kernels::Matmul product({.depth = w.size(0),
                                 .columns = columns,
                                 .weight = w.const_data_ptr(),
                                 .type = *element_type(w),
                                 .depth_stride = w.stride(0),
                                 .column_stride = w.stride(1),
                                 .bias = bias_data,
                                 .gated = gated,
                                 .rounding = rounding,
                                 .transient = true});
  product.run({.rows = x.size(0),
               .x = x.const_data_ptr<float>(),
               .x_row_stride = x.stride(0),
               .x_depth_stride = x.stride(1),
               .y = y.mutable_data_ptr<float>(),
               .residual = residual_data},
              torch_workers());
}

at::Tensor product_of(const at::Tensor& x, const at::Tensor& w) {
  at::Tensor y = at::empty({x.size(0), w.size(1)}, x.options());
  multiply(x, w, y, {}, {}, false);
  return y;
}

at::Tensor forward_of(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      const LinearEpilogue& epilogue) {
  const at::Tensor rows = as_rows(x.detach());
  const int64_t columns = epilogue.gated ? weight.size(0) / 2 : weight.size(0);
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() = columns;
  at::Tensor y = at::empty({rows.size(0), columns}, rows.options());
  at::Tensor residual;
  if (epilogue.residual.defined())
    residual = epilogue.residual.detach().reshape({-1, columns}).contiguous();
  multiply(rows, weight.detach().t(), y, bias.defined() ? bias.detach().contiguous() : bias,
           residual, epilogue.gated);
  return y.view(sizes);
}

class FastLinear : public torch::autograd::Function<FastLinear> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                            const std::optional<at::Tensor>& residual) {
    // The input is needed for the gradient of the weight alone.
    context->save_for_backward({weight.requires_grad() ? x : at::Tensor(), weight});
    context->saved_data["bias"] = bias && bias->requires_grad();
    context->saved_data["residual"] = residual && residual->requires_grad();
    return forward_of(x, weight, bias.value_or(at::Tensor()),
                      {.residual = residual.value_or(at::Tensor())});
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor dy = as_rows(gradients[0]);
    at::Tensor dx, d_weight, d_bias;
    if (context->needs_input_grad(0)) {
      std::vector<int64_t> sizes = gradients[0].sizes().vec();
      sizes.back() = saved[1].size(1);
      dx = product_of(dy, saved[1]).view(sizes);
    }
    if (saved[0].defined()) d_weight = product_of(dy.t(), as_rows(saved[0]));
    if (context->saved_data["bias"].toBool()) d_bias = dy.sum(0);
    return {dx, d_weight, d_bias,
            context->saved_data["residual"].toBool() ? gradients[0] : at::Tensor()};
  }
};

bool wants(const at::Tensor& t) {
  return t.defined() && t.requires_grad();
}

}  // namespace

bool suits_fast_linear(const at::Tensor& x, const at::Tensor& weight) {
  return is_plain_float(x) && computes_in_float() && weight.is_cpu() && weight.dim() == 2 &&
         element_type(weight) && x.dim() >= 2 && x.size(-1) == weight.size(1) &&
         (x.dim() > 2 || rows_of(x) >= kFewRows);
}

at::Tensor fast_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                       const LinearEpilogue& epilogue) {
  const bool differentiates =
      c10::GradMode::is_enabled() &&
      (wants(x) || wants(weight) || wants(bias) || wants(epilogue.residual));
  if (!differentiates) return forward_of(x, weight, bias, epilogue);
  ZC_BUG_IF(epilogue.gated);
  const auto optional = [](const at::Tensor& t) {
    return t.defined() ? std::optional<at::Tensor>(t) : std::nullopt;
  };
  return FastLinear::apply(x, weight, optional(bias), optional(epilogue.residual));
}

}  // namespace zc
