// SPDX-License-Identifier: Apache-2.0
#include "tensor/group_norm_grad.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/group_norm.h"

namespace zc::ops {
namespace {

kernels::Real real_of(const at::Tensor& x) {
  return x.scalar_type() == at::kBFloat16 ? kernels::Real::bf16 : kernels::Real::f32;
}

// Whole groups of one sample: what one thread works on.
struct Part {
  int64_t sample, first_group, first_channel;
  kernels::GroupNormShape shape;
};

template <class Work>
void for_each_part(const at::Tensor& x, int64_t groups, double eps, bool silu, const Work& work) {
  const int64_t channels = x.size(1), positions = x.size(2) * x.size(3);
  const int64_t part = kernels::group_norm_part(channels, groups), parts = groups / part;
  const int64_t width = part * (channels / groups);
  at::parallel_for(0, x.size(0) * parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t index = i % parts;
      work(Part{
          i / parts, index * part, index * width, {positions, width, part, eps, silu, channels}});
    }
  });
}

uint8_t* bytes_of(const at::Tensor& x, const Part& part) {
  return static_cast<uint8_t*>(x.data_ptr()) +
         (part.sample * x[0].numel() + part.first_channel) * static_cast<int64_t>(x.element_size());
}

// `moments` [2,B,groups] gets mean and rstd.
at::Tensor normalized(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      const at::Tensor& moments, GroupNormOptions o) {
  const at::Tensor y = at::empty_like(x);
  float* mean = moments.data_ptr<float>();
  float* rstd = mean + x.size(0) * o.groups;
  for_each_part(x, o.groups, o.eps, o.silu, [&](const Part& p) {
    const int64_t group = p.sample * o.groups + p.first_group;
    kernels::group_norm_forward(
        p.shape, real_of(x), bytes_of(x, p), weight.const_data_ptr<float>() + p.first_channel,
        bias.const_data_ptr<float>() + p.first_channel, bytes_of(y, p), mean + group, rstd + group);
  });
  return y;
}

at::Tensor moments_of(const at::Tensor& x, int64_t groups) {
  return at::empty({2, x.size(0), groups}, at::kFloat);
}

class GroupNormSilu : public torch::autograd::Function<GroupNormSilu> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight, const at::Tensor& bias, int64_t groups,
                            double eps, bool silu) {
    const at::Tensor x = input.contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor moments = moments_of(x, groups);
    const at::Tensor y = normalized(x, weight, bias, moments, {groups, eps, silu});
    context->save_for_backward({x, weight, bias, moments});
    context->saved_data["eps"] = eps;
    context->saved_data["silu"] = silu;
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& x = saved[0];
    const at::Tensor& moments = saved[3];
    const int64_t groups = moments.size(2);
    const at::Tensor dy =
        gradients[0].to(x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor dx = at::empty_like(x);
    // One row a sample, summed in order afterwards: the result does not depend on the number of
    // threads.
    const at::Tensor d_weight = at::zeros({x.size(0), x.size(1)}, at::kFloat);
    const at::Tensor d_bias = at::zeros({x.size(0), x.size(1)}, at::kFloat);
    const float* mean = moments.const_data_ptr<float>();
    const float* rstd = mean + x.size(0) * groups;
    for_each_part(x, groups, context->saved_data["eps"].toDouble(),
                  context->saved_data["silu"].toBool(), [&](const Part& p) {
                    const int64_t group = p.sample * groups + p.first_group;
                    const int64_t channel = p.sample * x.size(1) + p.first_channel;
                    kernels::group_norm_backward(
                        p.shape, real_of(x), bytes_of(dy, p), bytes_of(x, p),
                        saved[1].const_data_ptr<float>() + p.first_channel,
                        saved[2].const_data_ptr<float>() + p.first_channel, mean + group,
                        rstd + group, bytes_of(dx, p), d_weight.data_ptr<float>() + channel,
                        d_bias.data_ptr<float>() + channel);
                  });
    return {dx, d_weight.sum(0), d_bias.sum(0), {}, {}, {}};
  }
};

}  // namespace

bool can_train_group_norm(const at::Tensor& x, const at::Tensor& weight) {
  const bool real = x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16;
  return real && x.is_cpu() && x.dim() == 4 && weight.scalar_type() == at::kFloat;
}

at::Tensor group_norm_fast(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           GroupNormOptions o) {
  return normalized(x.contiguous(at::MemoryFormat::ChannelsLast), weight, bias,
                    moments_of(x, o.groups), o);
}

GroupNormScales group_norm_scales(const at::Tensor& picture, const at::Tensor& weight,
                                  const at::Tensor& bias, GroupNormOptions o) {
  const at::Tensor x = picture.contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor moments = moments_of(x, o.groups);
  const GroupNormScales result{at::empty({x.size(0), x.size(1)}, at::kFloat),
                               at::empty({x.size(0), x.size(1)}, at::kFloat)};
  float* mean = moments.data_ptr<float>();
  float* rstd = mean + x.size(0) * o.groups;
  for_each_part(x, o.groups, o.eps, o.silu, [&](const Part& p) {
    const int64_t group = p.sample * o.groups + p.first_group;
    const int64_t channel = p.sample * x.size(1) + p.first_channel;
    kernels::group_norm_scales(
        p.shape, real_of(x), bytes_of(x, p), weight.const_data_ptr<float>() + p.first_channel,
        bias.const_data_ptr<float>() + p.first_channel,
        result.scale.mutable_data_ptr<float>() + channel,
        result.shift.mutable_data_ptr<float>() + channel, mean + group, rstd + group);
  });
  return result;
}

at::Tensor group_norm_apply(const at::Tensor& picture, const GroupNormScales& scales,
                            GroupNormOptions o) {
  const at::Tensor x = picture.contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor y = at::empty_like(x);
  for_each_part(x, o.groups, o.eps, o.silu, [&](const Part& p) {
    const int64_t channel = p.sample * x.size(1) + p.first_channel;
    kernels::group_norm_apply(p.shape, real_of(x), bytes_of(x, p),
                              scales.scale.const_data_ptr<float>() + channel,
                              scales.shift.const_data_ptr<float>() + channel, bytes_of(y, p));
  });
  return y;
}

at::Tensor group_norm_trainable(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& bias, GroupNormOptions o) {
  return GroupNormSilu::apply(x, weight, bias, o.groups, o.eps, o.silu);
}

}  // namespace zc::ops
