// SPDX-License-Identifier: Apache-2.0
// Which weights learn in which mode, and that the others stay as they were.
#include "training/control_modes.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>

#include "tensor/load.h"
#include "training/init_weights.h"
#include "training/optimizer.h"
#include "training/test_model.h"

namespace zc {
namespace {

StateDict copies_of(const Module& module) {
  StateDict copies = state_of(module);
  for (auto& [key, value] : copies) value = value.clone();
  return copies;
}

// A tiny UNet with a ControlNet that already acts, and one optimizer step in a mode.
struct ModeRun {
  explicit ModeRun(const ControlTraining& mode) : unet(tiny_unet()), control(tiny_unet()) {
    randomize(unet, 1);
    randomize(control, 2);
    unet_before = copies_of(unet);
    control_before = copies_of(control);
    modules = trained_modules(control, unet, mode, at::kCPU);
    locked_before = locked_weights_sha256(unet);
    Optimizer optimizer({.weight_decay = 0.0});
    for (const TrainedModule& m : modules) optimizer.add(*m.module, m.prefix);
    const at::Tensor x = at::randn({1, 4, 8, 8}), t = at::full({1}, 500, at::kLong);
    Context context(at::randn({1, 5, 32})), control_context(context.tokens());
    const at::Tensor features = control.encode_hint(at::rand({1, 3, 64, 64}));
    const Residuals residuals =
        residuals_to_add(control.forward(x, features, control.embed(t), control_context), mode);
    unet.forward(x, unet.embed(t), context, residuals).square().mean().backward();
    optimizer.step(1e-2);
  }

  // Every weight whose key `learns` names has moved, no other.
  static void expect_moved(const Module& module, const StateDict& before,
                           const std::function<bool(const std::string&)>& learns) {
    for (const auto& [key, value] : state_of(module))
      EXPECT_EQ(!at::equal(value, before.at(key)), learns(key)) << key;
  }

  UNet unet;
  ControlNet control;
  StateDict unet_before, control_before;
  std::vector<TrainedModule> modules;
  std::string locked_before;
};

bool all_keys(const std::string&) {
  return true;
}
bool no_key(const std::string&) {
  return false;
}
bool decoder_key(const std::string& key) {
  return key.starts_with("output_blocks.") || key.starts_with("out.");
}

TEST(ControlModes, ALockedBaseLeavesTheWholeUNetAlone) {
  ModeRun run({});
  ModeRun::expect_moved(run.control, run.control_before, all_keys);
  ModeRun::expect_moved(run.unet, run.unet_before, no_key);
  EXPECT_EQ(locked_weights_sha256(run.unet), run.locked_before);
  ASSERT_EQ(run.modules.size(), 1u);
}

TEST(ControlModes, AnUnlockedDecoderLearnsWithTheControlNet) {
  ModeRun run({.unlock_decoder = true});
  ModeRun::expect_moved(run.control, run.control_before, all_keys);
  ModeRun::expect_moved(run.unet, run.unet_before, decoder_key);
  EXPECT_EQ(locked_weights_sha256(run.unet), run.locked_before);
}

TEST(ControlModes, TheOptimizersOrderIsTheOriginals) {
  ModeRun run({.unlock_decoder = true});
  ASSERT_EQ(run.modules.size(), 2u);
  EXPECT_EQ(run.modules[0].prefix, "control_model.");
  EXPECT_EQ(run.modules[1].prefix, "model.diffusion_model.");
}

TEST(ControlModes, OnlyTheMiddleLeavesTheOtherZeroConvolutionsAlone) {
  ModeRun run({.only_middle = true});
  ModeRun::expect_moved(run.control, run.control_before,
                        [](const std::string& key) { return !key.starts_with("zero_convs."); });
  ModeRun::expect_moved(run.unet, run.unet_before, no_key);
}

TEST(ControlModes, ALockedBaseKeepsItsPrecision) {
  UNet unet(tiny_unet());
  ControlNet control(tiny_unet());
  randomize(unet, 1);
  randomize(control, 2);
  unet.visit(
      Module::Visitor([](const std::string&, Parameter& p) { p.set(p.stored().to(at::kHalf)); }));
  trained_modules(control, unet, {.unlock_decoder = true}, at::kCPU);
  for (const auto& [key, value] : state_of(unet))
    EXPECT_EQ(value.scalar_type(), decoder_key(key) ? at::kFloat : at::kHalf) << key;
}

TEST(ControlModes, TheHashOfLockedWeightsSeesEachOfThem) {
  UNet unet(tiny_unet());
  randomize(unet, 1);
  set_locked(unet);
  const std::string before = locked_weights_sha256(unet);
  unet.visit(Module::Visitor([](const std::string& key, Parameter& p) {
    if (key == "out.2.bias") p.stored().add_(1e-3);
  }));
  EXPECT_NE(locked_weights_sha256(unet), before);
}

}  // namespace
}  // namespace zc
