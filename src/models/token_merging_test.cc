// SPDX-License-Identifier: Apache-2.0
#include "models/token_merging.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

namespace zc {
namespace {

class MergingTokens : public ::testing::Test {
 protected:
  c10::InferenceMode inference_;
};

TEST_F(MergingTokens, OfNoneGivesThemBack) {
  const at::Tensor x = at::randn({2, 15, 7});
  const MergedTokens m(x, {3, 5}, 0.0);
  EXPECT_EQ(m.merge(x).sizes(), x.sizes());
  EXPECT_TRUE(at::equal(m.unmerge(m.merge(x)), x));
}

TEST_F(MergingTokens, LeavesOneOfEachSquareAtLeast) {
  const at::Tensor x = at::randn({2, 15, 7});
  EXPECT_EQ(MergedTokens(x, {3, 5}, 0.9).merge(x).size(1), 6);  // rows 0, 2 by columns 0, 2, 4
}

TEST_F(MergingTokens, GivesThoseThatAreAlikeOneResult) {
  // A grid of 4 x 4: the left half is one thing, the right half another, but for one token.
  at::Tensor x = at::zeros({1, 4, 4, 2});
  x.slice(2, 0, 2).select(3, 0).fill_(1.0);
  x.slice(2, 2, 4).select(3, 1).fill_(1.0);
  x.index({0, 3, 3}).copy_(at::tensor({-1.0f, 0.2f}));
  const at::Tensor tokens = x.flatten(1, 2);
  const MergedTokens m(tokens, {4, 4}, 11.0 / 16);  // all others but the odd one
  const at::Tensor merged = m.merge(tokens);
  ASSERT_EQ(merged.size(1), 5);
  EXPECT_TRUE(at::equal(merged[0][0], x[0][3][3]));
  EXPECT_TRUE(at::allclose(m.unmerge(merged), tokens));
}

TEST_F(MergingTokens, MergesToTheMeanInEachSampleByItself) {
  at::Tensor x = at::randn({2, 4, 3});
  x[1] = x[1] * 100;
  const MergedTokens m(x, {2, 2}, 0.75);
  const at::Tensor merged = m.merge(x);
  ASSERT_EQ(merged.size(1), 1);
  EXPECT_TRUE(at::allclose(merged.squeeze(1), x.mean(1), 1e-4, 1e-5));
  EXPECT_TRUE(at::allclose(m.unmerge(merged), x.mean(1, true).expand_as(x), 1e-4, 1e-5));
}

}  // namespace
}  // namespace zc
