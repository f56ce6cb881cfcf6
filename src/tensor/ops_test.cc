// SPDX-License-Identifier: Apache-2.0
// Each operator against its definition, in double, on odd sizes.
#include "tensor/ops.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace zc {
namespace {

class Ops : public testing::Test {
 protected:
  Ops() { at::manual_seed(7); }
};

void expect_near(const at::Tensor& got, const at::Tensor& wanted, double tolerance) {
  ASSERT_EQ(got.sizes(), wanted.sizes());
  EXPECT_LE((got.to(at::kDouble) - wanted.to(at::kDouble)).abs().max().item<double>(), tolerance);
}

at::Tensor naive_conv(const at::Tensor& input, const at::Tensor& kernel, const at::Tensor& bias,
                      int64_t stride, int64_t padding) {
  const at::Tensor x =
      at::constant_pad_nd(input.to(at::kDouble), {padding, padding, padding, padding});
  const at::Tensor w = kernel.to(at::kDouble);
  const int64_t k = w.size(2), height = (x.size(2) - k) / stride + 1,
                width = (x.size(3) - k) / stride + 1;
  at::Tensor y = at::zeros({x.size(0), w.size(0), height, width}, at::kDouble);
  for (int64_t r = 0; r < height; ++r) {
    for (int64_t c = 0; c < width; ++c) {
      const at::Tensor patch =
          x.narrow(2, r * stride, k).narrow(3, c * stride, k).unsqueeze(1);  // [B,1,C,k,k]
      y.select(2, r).select(2, c).copy_((patch * w.unsqueeze(0)).sum({2, 3, 4}));
    }
  }
  return bias.defined() ? y + bias.to(at::kDouble).view({1, -1, 1, 1}) : y;
}

TEST_F(Ops, Conv2dEqualsTheSumOverPatches) {
  for (const int64_t k : {1, 3}) {
    for (const int64_t stride : {1, 2}) {
      const at::Tensor x = at::randn({2, 5, 7, 6}), w = at::randn({3, 5, k, k}), b = at::randn({3});
      for (const at::Tensor& bias : {b, at::Tensor()}) {
        expect_near(ops::conv2d(x, w, bias, {stride, k / 2}), naive_conv(x, w, bias, stride, k / 2),
                    1e-4);
        const at::Tensor last = x.contiguous(at::MemoryFormat::ChannelsLast);
        expect_near(ops::conv2d(last, w, bias, {stride, k / 2}),
                    naive_conv(x, w, bias, stride, k / 2), 1e-4);
      }
    }
  }
}

TEST_F(Ops, LinearActsOnTheLastDimension) {
  const at::Tensor x = at::randn({2, 3, 5}), w = at::randn({4, 5}), b = at::randn({4});
  expect_near(ops::linear(x, w, b), (x.unsqueeze(-2).to(at::kDouble) * w).sum(-1) + b, 1e-5);
}

at::Tensor naive_group_norm(const at::Tensor& input, const at::Tensor& w, const at::Tensor& b,
                            const ops::GroupNormOptions& o) {
  const at::Tensor x = input.to(at::kDouble);
  const at::Tensor groups = x.reshape({x.size(0), o.groups, -1});
  const at::Tensor mean = groups.mean(-1, true);
  const at::Tensor variance = (groups - mean).pow(2).mean(-1, true);
  at::Tensor y = ((groups - mean) / (variance + o.eps).sqrt()).view(x.sizes());
  y = y * w.to(at::kDouble).view({1, -1, 1, 1}) + b.to(at::kDouble).view({1, -1, 1, 1});
  return o.silu ? y * at::sigmoid(y) : y;
}

TEST_F(Ops, GroupNormNormalisesGroupsWithTheEpsilonGiven) {
  for (const double scale : {1.0, 1e-3}) {  // tiny inputs show the epsilon
    for (const bool silu : {false, true}) {
      const at::Tensor x = at::randn({2, 12, 5, 3}) * scale, w = at::randn({12}),
                       b = at::randn({12});
      const ops::GroupNormOptions o{4, 1e-5, silu};
      expect_near(ops::group_norm(x, w, b, o), naive_group_norm(x, w, b, o), 2e-5);
      expect_near(ops::group_norm(x.contiguous(at::MemoryFormat::ChannelsLast), w, b, o),
                  naive_group_norm(x, w, b, o), 2e-5);
    }
  }
}

// d(sum of f(x) * direction) for each of `inputs`.
std::vector<at::Tensor> gradients(const std::function<at::Tensor()>& f,
                                  std::vector<at::Tensor> inputs, const at::Tensor& direction) {
  for (at::Tensor& x : inputs) x.mutable_grad().reset();
  (f() * direction).sum().backward();
  std::vector<at::Tensor> result;
  for (const at::Tensor& x : inputs) result.push_back(x.grad().clone());
  return result;
}

TEST_F(Ops, GroupNormsGradientsEqualThoseOfItsDefinition) {
  for (const bool silu : {false, true}) {
    for (const int64_t channels : {32, 36}) {
      const ops::GroupNormOptions o{4, 1e-5, silu};
      const at::Tensor base = at::randn({2, channels, 5, 3});
      const at::Tensor direction = at::randn(base.sizes());
      at::Tensor x = base.contiguous(at::MemoryFormat::ChannelsLast).requires_grad_(true);
      at::Tensor w = at::randn({channels}).requires_grad_(true),
                 b = at::randn({channels}).requires_grad_(true);
      const auto ours =
          gradients([&] { return ops::group_norm(x, w, b, o); }, {x, w, b}, direction);
      const auto wanted =
          gradients([&] { return naive_group_norm(x, w, b, o); }, {x, w, b}, direction);
      for (size_t i = 0; i < ours.size(); ++i) expect_near(ours[i], wanted[i], 1e-4);
    }
  }
}

TEST_F(Ops, GroupNormsGradientEqualsFiniteDifferences) {
  const ops::GroupNormOptions o{2, 1e-5, true};
  const at::Tensor base = at::randn({1, 8, 3, 3}), w = at::randn({8}), b = at::randn({8});
  const at::Tensor direction = at::randn(base.sizes());
  at::Tensor x = base.clone(at::MemoryFormat::ChannelsLast).requires_grad_(true);
  const at::Tensor gradient =
      gradients([&] { return ops::group_norm(x, w, b, o); }, {x}, direction)[0];
  const auto f = [&](const at::Tensor& y) {
    return (naive_group_norm(y, w, b, o) * direction).sum().item<double>();
  };
  const double h = 1e-5;
  for (const int64_t i : {0, 7, 30, 71}) {
    at::Tensor up = base.to(at::kDouble).contiguous(), down = up.clone();
    up.view(-1)[i] += h;
    down.view(-1)[i] -= h;
    EXPECT_NEAR(gradient.contiguous().view(-1)[i].item<double>(), (f(up) - f(down)) / (2 * h),
                1e-3);
  }
}

TEST_F(Ops, LayerNormNormalisesTheLastDimension) {
  const at::Tensor x = at::randn({2, 3, 7}) * 1e-2, w = at::randn({7}), b = at::randn({7});
  const at::Tensor d = x.to(at::kDouble);
  const at::Tensor centred = d - d.mean(-1, true);
  expect_near(ops::layer_norm(x, w, b, 1e-5),
              centred / (centred.pow(2).mean(-1, true) + 1e-5).sqrt() * w + b, 1e-5);
}

at::Tensor naive_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           int64_t heads, bool causal) {
  const int64_t d = q.size(2) / heads;
  std::vector<at::Tensor> results;
  for (int64_t n = 0; n < heads; ++n) {
    const auto head = [&](const at::Tensor& x) { return x.narrow(2, n * d, d).to(at::kDouble); };
    at::Tensor scores =
        at::matmul(head(q), head(k).transpose(1, 2)) / std::sqrt(static_cast<double>(d));
    if (causal) {
      const at::Tensor future = at::ones({q.size(1), k.size(1)}, at::kBool).triu(1);
      scores = scores.masked_fill(future, -INFINITY);
    }
    results.push_back(at::matmul(at::softmax(scores, -1), head(v)));
  }
  return at::cat(results, 2);
}

TEST_F(Ops, AttentionEqualsSoftmaxOfEachHead) {
  for (const int64_t heads : {1, 3}) {
    const at::Tensor q = at::randn({2, 9, 15}), k = at::randn({2, 11, 15}),
                     v = at::randn({2, 11, 15});
    expect_near(ops::attention(q, k, v, heads), naive_attention(q, k, v, heads, false), 1e-5);
  }
}

TEST_F(Ops, CausalAttentionSeesNoLaterToken) {
  const at::Tensor q = at::randn({1, 6, 8}), k = at::randn({1, 6, 8}), v = at::randn({1, 6, 8});
  expect_near(ops::attention(q, k, v, 2, true), naive_attention(q, k, v, 2, true), 1e-5);
}

TEST_F(Ops, AttentionInBfloat16TrainsAsInFloat) {
  const at::Tensor q = at::randn({1, 9, 16}), k = at::randn({1, 7, 16}), v = at::randn({1, 7, 16});
  const auto half = [](const at::Tensor& x) { return x.to(at::kBFloat16); };
  const c10::AutoGradMode on(true);
  expect_near(ops::attention(half(q), half(k), half(v), 2),
              naive_attention(half(q), half(k), half(v), 2, false), 3e-2);
}

TEST_F(Ops, GegluTakesTheExactGeluOfTheSecondHalf) {
  const at::Tensor x = at::randn({2, 3, 10});
  const at::Tensor gate = x.narrow(-1, 5, 5).to(at::kDouble);
  expect_near(ops::geglu(x),
              x.narrow(-1, 0, 5) * gate * 0.5 * (1.0 + at::erf(gate / std::sqrt(2.0))), 1e-6);
}

TEST_F(Ops, UpsamplingRepeatsEachPixel) {
  const at::Tensor x = at::randn({1, 2, 3, 5});
  expect_near(ops::upsample_twice(x), x.repeat_interleave(2, 2).repeat_interleave(2, 3), 0.0);
}

}  // namespace
}  // namespace zc
