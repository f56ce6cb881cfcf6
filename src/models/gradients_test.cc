// SPDX-License-Identifier: Apache-2.0
// Gradients of the blocks against finite differences in float64, and of whole networks with
// recomputation against those without.
#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "models/controlnet.h"
#include "models/key_tables.h"
#include "models/unet.h"

namespace zc {
namespace {

using Named = std::vector<std::pair<std::string, at::Tensor>>;

at::Tensor double_leaf(at::IntArrayRef shape) {
  return at::randn(shape, at::kDouble).set_requires_grad(true);
}

void fill_with_doubles(Module& module, Named& leaves) {
  module.visit(Module::Visitor([&](const std::string& key, Parameter& p) {
    p.set((at::randn(p.shape(), at::kDouble) * 0.5).set_requires_grad(true));
    leaves.emplace_back(key, p.stored());
  }));
}

// d loss along a random direction of each leaf, by the backward pass and by central differences.
void expect_gradients_of(const std::function<at::Tensor()>& output, const Named& leaves) {
  const at::Tensor weights = at::randn(output().sizes(), at::kDouble);
  const auto loss = [&] { return (output() * weights).sum(); };
  loss().backward();
  constexpr double kStep = 3e-6;
  for (const auto& [name, leaf] : leaves) {
    ASSERT_TRUE(leaf.grad().defined()) << name;
    const at::Tensor direction = at::randn(leaf.sizes(), at::kDouble);
    const double wanted = (leaf.grad() * direction).sum().item<double>();
    const c10::NoGradGuard no_grad;
    leaf.detach().add_(direction, kStep);
    const double above = loss().item<double>();
    leaf.detach().sub_(direction, 2 * kStep);
    const double below = loss().item<double>();
    leaf.detach().add_(direction, kStep);
    const double scale = leaf.grad().norm().item<double>() + 1e-2;
    EXPECT_LT(std::abs((above - below) / (2 * kStep) - wanted) / scale, 1e-6) << name;
  }
}

UNetConfig two_groups() {
  UNetConfig c;
  c.model_channels = 4;
  c.num_heads = 2;
  c.context_dim = 6;
  c.norm_groups = 2;
  return c;
}

TEST(Gradients, OfAZeroConvolution) {
  Module root;
  const Conv2d conv(root, "zero", 3, 3, 1);
  Named leaves = {{"x", double_leaf({2, 3, 4, 5})}};
  fill_with_doubles(root, leaves);
  for (size_t i = 1; i < leaves.size(); ++i) leaves[i].second.detach().zero_();
  const at::Tensor x = leaves[0].second;
  expect_gradients_of([&] { return conv(x); }, leaves);
  EXPECT_EQ(x.grad().abs().max().item<double>(), 0.0);                 // it lets nothing back
  EXPECT_GT(leaves[1].second.grad().abs().min().item<double>(), 0.0);  // and learns all the same
}

TEST(Gradients, OfAResidualBlockWithItsGroupNorms) {
  at::manual_seed(1);
  Module root;
  const ResBlock block(root, "block", two_groups(), 4, 6);
  Named leaves = {{"x", double_leaf({2, 4, 3, 5})}, {"emb", double_leaf({2, 16})}};
  const at::Tensor x = leaves[0].second, emb = leaves[1].second;
  fill_with_doubles(root, leaves);
  expect_gradients_of([&] { return block(x, emb); }, leaves);
}

TEST(Gradients, OfAttentionToItselfAndToTheText) {
  at::manual_seed(2);
  Module root;
  const CrossAttention self(root, "self", 8, 8, 2), cross(root, "cross", 8, 6, 2);
  Named leaves = {{"x", double_leaf({2, 5, 8})}, {"tokens", double_leaf({2, 3, 6})}};
  const at::Tensor x = leaves[0].second, tokens = leaves[1].second;
  fill_with_doubles(root, leaves);
  expect_gradients_of(
      [&] {
        Context context(tokens);
        return self.self(x) + cross.cross(x, context);
      },
      leaves);
}

TEST(Gradients, OfASpatialTransformer) {
  at::manual_seed(3);
  Module root;
  const SpatialTransformer transformer(root, "transformer", two_groups(), 4, 2);
  Named leaves = {{"x", double_leaf({1, 4, 3, 2})}, {"tokens", double_leaf({1, 3, 6})}};
  const at::Tensor x = leaves[0].second, tokens = leaves[1].second;
  fill_with_doubles(root, leaves);
  expect_gradients_of(
      [&] {
        Context context(tokens);
        return transformer(x, context);
      },
      leaves);
}

struct Networks {
  // Trained: the ControlNet, and of the UNet the keys that begin so ("": all).
  Networks(const UNetConfig& config, const std::vector<std::string>& unet_keys)
      : unet(config), control(config) {
    at::manual_seed(5);
    fill_randomly(unet);
    fill_randomly(control);
    unet.visit(Module::Visitor([&](const std::string& key, Parameter& p) {
      for (const std::string& begin : unet_keys) {
        if (key.starts_with(begin)) p.stored().set_requires_grad(true);
      }
    }));
    control.visit(Module::Visitor(
        [](const std::string&, Parameter& p) { p.stored().set_requires_grad(true); }));
    x = at::randn({2, 4, 4, 6});
    hint = at::rand({2, 3, 32, 48});
    tokens = at::randn({2, 5, config.context_dim});
    t = at::full({2}, 500, at::kLong);
  }

  // The output, and the gradients of its square of everything that is trained.
  Named step(bool recompute, bool bf16 = false) {
    each([](const std::string&, const at::Tensor& p) { p.mutable_grad() = at::Tensor(); });
    Context context(tokens), control_context(tokens);
    context.recompute = control_context.recompute = recompute;
    at::autocast::set_autocast_enabled(at::kCPU, bf16);
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    const Residuals residuals =
        control.forward(x, control.encode_hint(hint), control.embed(t), control_context);
    const at::Tensor y = unet.forward(x, unet.embed(t), context, residuals);
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
    y.to(at::kFloat).square().mean().backward();
    Named result = {{"output", y.detach()}};
    each([&](const std::string& key, const at::Tensor& p) {
      if (p.grad().defined()) result.emplace_back(key, p.grad());
    });
    return result;
  }

  void each(const std::function<void(const std::string&, const at::Tensor&)>& f) {
    const auto visitor = [&](const std::string& prefix) {
      return Module::Visitor(
          [&f, prefix](const std::string& key, Parameter& p) { f(prefix + key, p.stored()); });
    };
    control.visit(visitor("control "));
    unet.visit(visitor("unet "));
  }

  UNet unet;
  ControlNet control;
  at::Tensor x, hint, tokens, t;
};

UNetConfig tiny_for_gradients() {
  UNetConfig c;
  c.model_channels = 8;
  c.channel_mult = {1, 2};
  c.num_res_blocks = 1;
  c.transformer_depth = {1, 1};
  c.num_heads = 2;
  c.context_dim = 8;
  c.norm_groups = 4;
  c.hint_widths = {4, 4, 4, 4, 8, 8, 8};
  return c;
}

void expect_equal_bits(const Named& wanted, const Named& got) {
  ASSERT_EQ(wanted.size(), got.size());
  ASSERT_GT(wanted.size(), 10u);
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(wanted[i].first, got[i].first);
    EXPECT_TRUE(at::equal(wanted[i].second, got[i].second)) << wanted[i].first;
  }
}

TEST(RecomputedNetworks, GiveTheGradientsOfALockedBaseBitForBit) {
  Networks n(tiny_for_gradients(), {});
  const Named wanted = n.step(false);
  expect_equal_bits(wanted, n.step(true));
  for (const auto& [key, gradient] : wanted) EXPECT_FALSE(key.starts_with("unet ")) << key;
}

TEST(RecomputedNetworks, GiveTheGradientsOfAnUnlockedDecoderBitForBit) {
  Networks n(tiny_for_gradients(), {"output_blocks.", "out."});
  const Named wanted = n.step(false);
  expect_equal_bits(wanted, n.step(true));
  EXPECT_TRUE(wanted.back().first.starts_with("unet output_blocks."));
}

TEST(RecomputedNetworks, GiveTheGradientsOfDeepTransformersBitForBit) {
  UNetConfig c = tiny_for_gradients();
  c.transformer_depth = {1, 2};
  c.middle_depth = 2;
  c.linear_projection = true;
  Networks n(c, {"output_blocks.", "out."});
  const Named wanted = n.step(false);
  expect_equal_bits(wanted, n.step(true));
}

TEST(RecomputedNetworks, GiveTheGradientsOfBfloat16BitForBit) {
  Networks n(tiny_for_gradients(), {});
  const Named wanted = n.step(false, /*bf16=*/true);
  expect_equal_bits(wanted, n.step(true, /*bf16=*/true));
}

TEST(RecomputedNetworks, ALockedBaseInHalfPrecisionStaysSoAndGivesTheSameGradients) {
  Networks n(tiny_for_gradients(), {});
  n.unet.visit(
      Module::Visitor([](const std::string&, Parameter& p) { p.set(p.stored().to(at::kHalf)); }));
  convert_weights(n.unet, Conversion::each_use);
  const Named wanted = n.step(false);
  expect_equal_bits(wanted, n.step(true));
  n.unet.visit(Module::Visitor([](const std::string& key, Parameter& p) {
    EXPECT_EQ(p.stored().scalar_type(), at::kHalf) << key;
  }));
}

TEST(RecomputedNetworks, AWholeBaseWithItsTextGetsTheSameGradientsUpToRounding) {
  Networks n(tiny_for_gradients(), {""});
  n.tokens.set_requires_grad(true);
  const Named wanted = n.step(false);
  const at::Tensor wanted_tokens = n.tokens.grad();
  n.tokens.mutable_grad() = at::Tensor();
  const Named got = n.step(true);
  ASSERT_EQ(wanted.size(), got.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_TRUE(at::allclose(wanted[i].second, got[i].second, 1e-4, 1e-6)) << wanted[i].first;
  }
  EXPECT_TRUE(at::allclose(wanted_tokens, n.tokens.grad(), 1e-4, 1e-6));
}

}  // namespace
}  // namespace zc
