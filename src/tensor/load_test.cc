// SPDX-License-Identifier: Apache-2.0
#include "tensor/load.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "base/error.h"
#include "tensor/layers.h"

namespace zc {
namespace {

struct Stack : Module {
  explicit Stack(int count) {
    for (int i = 0; i < count; ++i) layers.emplace_back(*this, std::to_string(i), 2, 3);
  }
  std::deque<Linear> layers;
};

StateDict full_state(int count, const std::string& prefix = "") {
  StateDict state;
  for (int i = 0; i < count; ++i) {
    state[prefix + std::to_string(i) + ".weight"] = at::rand({3, 2});
    state[prefix + std::to_string(i) + ".bias"] = at::rand({3});
  }
  return state;
}

std::string message_of(Module& module, const StateDict& state, std::string_view prefix = "") {
  try {
    load_strict(module, state, "model.safetensors", prefix);
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::bad_file);
    EXPECT_EQ(e.where(), "model.safetensors");
    return e.text();
  }
  return "";
}

TEST(LoadStrict, GivesEveryParameterItsTensorWithoutACopy) {
  Stack stack(2);
  StateDict state = full_state(2, "unet.");
  state["unet.other"] = at::zeros({1});  // unused keys are not an error
  EXPECT_EQ(message_of(stack, state, "unet."), "");
  EXPECT_TRUE(stack.layers[1].weight().stored().is_same(state.at("unet.1.weight")));
}

TEST(LoadStrict, NamesTheFirstTenMissingKeysAndHowManyThereAre) {
  Stack stack(7);
  const std::string text = message_of(stack, {}, "unet.");
  EXPECT_EQ(text,
            "14 keys are missing: unet.0.weight, unet.0.bias, unet.1.weight, unet.1.bias, "
            "unet.2.weight, unet.2.bias, "
            "unet.3.weight, unet.3.bias, unet.4.weight, unet.4.bias, ...");
}

TEST(LoadStrict, SaysWhichShapesDiffer) {
  Stack stack(1);
  StateDict state = full_state(1);
  state["0.weight"] = at::zeros({3, 2, 1, 1});
  EXPECT_EQ(message_of(stack, state),
            "1 tensors have another shape: 0.weight is [3,2,1,1], the model wants [3,2]");
  EXPECT_FALSE(stack.layers[0].weight().loaded());  // nothing is loaded by halves
}

TEST(Compare, ListsUnusedKeysUnderThePrefixOnly) {
  const Stack stack(1);
  StateDict state = full_state(1, "a.");
  state["a.x"] = state["b.y"] = at::zeros({1});
  const LoadReport report = compare(stack, state, "a.");
  EXPECT_TRUE(report.complete());
  EXPECT_EQ(report.unused, std::vector<std::string>{"a.x"});
}

TEST(StateOf, GivesBackWhatWasLoaded) {
  Stack stack(2);
  const StateDict state = full_state(2);
  load_strict(stack, state, "x");
  const StateDict again = state_of(stack, "p.");
  ASSERT_EQ(again.size(), state.size());
  EXPECT_TRUE(at::equal(again.at("p.1.bias"), state.at("1.bias")));
}

TEST(CopyMatching, CopiesAsFloatWhatAgreesInKeyAndShape) {
  Stack stack(2);
  StateDict source = full_state(2);
  source["0.weight"] = source["0.weight"].to(at::kHalf);
  source["1.weight"] = at::zeros({3, 5});
  EXPECT_EQ(copy_matching(stack, source), 3);
  const at::Tensor copied = stack.layers[0].weight().stored();
  EXPECT_EQ(copied.scalar_type(), at::kFloat);
  source["0.weight"].zero_();
  EXPECT_GT(copied.abs().sum().item<float>(), 0.0f);
  EXPECT_FALSE(stack.layers[1].weight().loaded());
}

}  // namespace
}  // namespace zc
