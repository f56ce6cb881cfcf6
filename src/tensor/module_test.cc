// SPDX-License-Identifier: Apache-2.0
#include "tensor/module.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "base/error.h"
#include "tensor/layers.h"

namespace zc {
namespace {

std::vector<std::string> keys_of(const Module& module, const std::string& prefix = "") {
  std::vector<std::string> keys;
  module.visit(
      Module::ConstVisitor([&](const std::string& key, const Parameter&) { keys.push_back(key); }),
      prefix);
  return keys;
}

struct Leaf : Module {
  Leaf(Module& parent, std::string_view key)
      : Module(parent, key), a(*this, "a", {2, 3}), b(*this, "b", {4}) {}
  Parameter a, b;
};

struct Tree : Module {
  Tree() : first(*this, "x.y"), scale(*this, "scale", {}), second(*this, "") {
    for (int i = 0; i < 2; ++i) list.emplace_back(*this, "list." + std::to_string(i));
  }
  Leaf first;
  Parameter scale;
  Leaf second;
  std::deque<Leaf> list;
};

TEST(Module, JoinsKeysWithDotsInTheOrderOfDeclaration) {
  const Tree tree;
  EXPECT_EQ(keys_of(tree, "p."),
            (std::vector<std::string>{"p.x.y.a", "p.x.y.b", "p.scale", "p.a", "p.b", "p.list.0.a",
                                      "p.list.0.b", "p.list.1.a", "p.list.1.b"}));
}

TEST(Module, CountsElementsAndAScalarAsOne) {
  EXPECT_EQ(Tree().parameter_count(), 4 * (6 + 4) + 1);
}

TEST(Parameter, GivesTheTensorItWasGiven) {
  Tree tree;
  const at::Tensor x = at::rand({2, 3});
  EXPECT_FALSE(tree.first.a.loaded());
  tree.first.a.set(x);
  EXPECT_TRUE(tree.first.a.loaded());
  EXPECT_TRUE(tree.first.a.stored().is_same(x));
  EXPECT_TRUE(tree.first.a.as(at::kFloat).is_same(x));
}

TEST(Parameter, RefusesAnotherShapeAndUseBeforeLoading) {
  Tree tree;
  EXPECT_THROW(tree.first.a.set(at::rand({3, 2})), Error);
  EXPECT_THROW(tree.first.a.stored(), Error);
  EXPECT_THROW(tree.first.a.as(at::kFloat), Error);
}

TEST(Parameter, WidensAHalfPrecisionWeightOnceAndKeepsIt) {
  Tree tree;
  const at::Tensor half = at::rand({2, 3}).to(at::kHalf);
  tree.first.a.set(half);
  const at::Tensor wide = tree.first.a.as(at::kFloat);
  EXPECT_EQ(wide.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(wide, half.to(at::kFloat)));
  EXPECT_TRUE(tree.first.a.as(at::kFloat).is_same(wide));
  EXPECT_TRUE(tree.first.a.stored().is_same(wide));
}

TEST(Parameter, KeepsNoConvertedCopyOfAModuleThatIsToStaySmall) {
  Tree tree;
  const at::Tensor half = at::rand({2, 3}).to(at::kHalf);
  for (Leaf* leaf : {&tree.first, &tree.list[1]}) leaf->a.set(half);
  convert_weights(tree, Conversion::each_use);
  for (const Leaf* leaf : {&tree.first, &tree.list[1]}) {
    EXPECT_TRUE(at::equal(leaf->a.as(at::kFloat), half.to(at::kFloat)));
    EXPECT_TRUE(leaf->a.stored().is_same(half));
  }
  convert_weights(tree, Conversion::kept);
  tree.first.a.as(at::kFloat);
  EXPECT_EQ(tree.first.a.stored().scalar_type(), at::kFloat);
}

TEST(Parameter, AWeightThatIsTrainedStaysTheLeafThatItIs) {
  Tree tree;
  tree.first.a.set(at::rand({2, 3}).requires_grad_(true));
  const at::Tensor used = tree.first.a.as(at::kFloat);
  (used * used).sum().backward();
  EXPECT_TRUE(tree.first.a.stored().is_leaf());
  EXPECT_TRUE(at::allclose(tree.first.a.stored().grad(), 2.0 * used.detach()));
}

TEST(Layers, NameTheirWeightsAsCheckpointsDo) {
  Module root;
  const Conv2d conv(root, "conv", 2, 3, 3);
  const Linear linear(root, "linear", 2, 3, /*bias=*/false);
  const GroupNorm norm(root, "norm", 4, 1e-5, 2);
  const Embedding embedding(root, "embedding", 5, 2);
  EXPECT_EQ(keys_of(root),
            (std::vector<std::string>{"conv.weight", "conv.bias", "linear.weight", "norm.weight",
                                      "norm.bias", "embedding.weight"}));
}

}  // namespace
}  // namespace zc
