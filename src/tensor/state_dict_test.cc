// SPDX-License-Identifier: Apache-2.0
#include "tensor/state_dict.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace zc {
namespace {

TEST(StateDict, TakesTheEntriesUnderAPrefix) {
  const at::Tensor x = at::ones({1});
  const StateDict state = {{"a.x", x}, {"ab.x", x}, {"b.x", x}, {"b.y.z", x}, {"c", x}};
  const StateDict part = with_prefix_removed(state, "b.");
  ASSERT_EQ(part.size(), 2u);
  EXPECT_TRUE(part.contains("x"));
  EXPECT_TRUE(part.contains("y.z"));
  EXPECT_TRUE(part.at("x").is_same(x));
}

TEST(StateDict, AnEmptyPrefixTakesAll) {
  const StateDict state = {{"a", at::ones({1})}, {"b", at::ones({1})}};
  EXPECT_EQ(with_prefix_removed(state, "").size(), 2u);
  EXPECT_TRUE(with_prefix_removed(state, "none.").empty());
}

}  // namespace
}  // namespace zc
