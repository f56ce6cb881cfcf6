// SPDX-License-Identifier: Apache-2.0
#include "tensor/fast_attention.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "kernels/attention.h"
#include "tensor/kernel_choice.h"
#include "tensor/torch_workers.h"

namespace zc {
namespace {

// Of [B,rows,heads*d], contiguous.
template <class Float>
kernels::HeadRows<Float> head_rows(const at::Tensor& t, int64_t heads) {
  return {static_cast<Float*>(t.data_ptr()), t.size(1) * t.size(2), t.size(2), t.size(2) / heads};
}

kernels::AttentionShape attention_shape(const at::Tensor& q, const at::Tensor& k, int64_t heads,
                                        bool causal) {
  return {.batch = q.size(0),
          .heads = heads,
          .queries = q.size(1),
          .keys = k.size(1),
          .channels = q.size(2) / heads,
          .causal = causal};
}

float scale_of(const at::Tensor& q, int64_t heads) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(q.size(2) / heads)));
}

// `logsumexp` [B,heads,T], or undefined.
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                  bool causal, const at::Tensor& logsumexp) {
  const at::Tensor o = at::empty_like(q);
  kernels::attention({.shape = attention_shape(q, k, heads, causal),
                      .scale = scale_of(q, heads),
                      .q = head_rows<const float>(q, heads),
                      .k = head_rows<const float>(k, heads),
                      .v = head_rows<const float>(v, heads),
                      .o = head_rows<float>(o, heads),
                      .logsumexp = logsumexp.defined() ? logsumexp.data_ptr<float>() : nullptr,
                      // The backward pass computes the logits again, in float32.
                      .fast = fast_kernels_in_use() && !logsumexp.defined(),
                      .high_only = kernels_in_use() == Kernels::bf16},
                     torch_workers());
  return o;
}

class FastAttention : public torch::autograd::Function<FastAttention> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& q_given,
                            const at::Tensor& k_given, const at::Tensor& v_given, int64_t heads,
                            bool causal) {
    const at::Tensor q = q_given.contiguous(), k = k_given.contiguous(), v = v_given.contiguous();
    const at::Tensor logsumexp = at::empty({q.size(0), heads, q.size(1)}, q.options());
    const at::Tensor o = attend(q, k, v, heads, causal, logsumexp);
    context->save_for_backward({q, k, v, o, logsumexp});
    context->saved_data["heads"] = heads;
    context->saved_data["causal"] = causal;
    return o;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2], &o = saved[3];
    const int64_t heads = context->saved_data["heads"].toInt();
    const at::Tensor d_o = gradients[0].contiguous();
    const auto wanted = [&](size_t index, const at::Tensor& of) {
      return context->needs_input_grad(index) ? at::empty_like(of) : at::Tensor();
    };
    const auto rows_or_none = [&](const at::Tensor& t) {
      return t.defined() ? head_rows<float>(t, heads) : kernels::HeadRows<float>{};
    };
    const at::Tensor dq = wanted(0, q), dk = wanted(1, k), dv = wanted(2, v);
    kernels::attention_backward(
        {.shape = attention_shape(q, k, heads, context->saved_data["causal"].toBool()),
         .scale = scale_of(q, heads),
         .q = head_rows<const float>(q, heads),
         .k = head_rows<const float>(k, heads),
         .v = head_rows<const float>(v, heads),
         .o = head_rows<const float>(o, heads),
         .logsumexp = saved[4].const_data_ptr<float>(),
         .grad_o = head_rows<const float>(d_o, heads),
         .grad_q = rows_or_none(dq),
         .grad_k = rows_or_none(dk),
         .grad_v = rows_or_none(dv)},
        torch_workers());
    return {dq, dk, dv, {}, {}};
  }
};

}  // namespace

bool suits_fast_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return is_plain_float(q) && is_plain_float(k) && is_plain_float(v) && computes_in_float() &&
         q.dim() == 3 && q.numel() > 0 && k.numel() > 0;
}

at::Tensor fast_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          int64_t heads, bool causal) {
  if (c10::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad()))
    return FastAttention::apply(q, k, v, heads, causal);
  return attend(q.detach().contiguous(), k.detach().contiguous(), v.detach().contiguous(), heads,
                causal, {});
}

}  // namespace zc
