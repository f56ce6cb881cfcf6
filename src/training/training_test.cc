// SPDX-License-Identifier: Apache-2.0
// The gates of a trainer that people trust, on tiny networks.
#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "tensor/load.h"
#include "training/init_weights.h"
#include "training/latents.h"
#include "training/loop.h"
#include "training/loss.h"
#include "training/optimizer.h"
#include "training/snapshot.h"
#include "training/test_folder.h"
#include "training/test_model.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

Recipe line_recipe(Line& line) {
  Recipe recipe;
  recipe.modules = {{&line, "line."}};
  recipe.loss = [&line](const Pass&, at::Generator& generator) -> PassLoss {
    const at::Tensor x = at::randn({8, 4}, generator, at::kFloat);
    const at::Tensor error = (x * (line.weight.stored() - 2.0)).sum(1);
    return (error * error).mean();
  };
  recipe.finish = [](const fs::path&) {};
  return recipe;
}

TrainOptions line_options(const fs::path& out, int64_t steps) {
  TrainOptions o;
  o.out = out.string();
  o.steps = steps;
  o.lr = 0.05;
  o.ema = 0.9;
  o.save_every = 7;
  o.sample_every = 1000;
  return o;
}

TEST(Training, AFreshControlNetChangesNothing) {
  UNet unet(tiny_unet());
  init_weights(unet, 1);
  ControlNet control(tiny_unet());
  init_control(control, unet, 2);
  const c10::NoGradGuard no_grad;
  const at::Tensor x = at::randn({1, 4, 8, 8}), t = at::full({1}, 500, at::kLong);
  Context context(at::randn({1, 5, 32})), control_context(context.tokens());
  const at::Tensor features = control.encode_hint(at::rand({1, 3, 64, 64}));
  const Residuals residuals = control.forward(x, features, control.embed(t), control_context);
  for (const at::Tensor& r : residuals) EXPECT_EQ(r.abs().max().item<float>(), 0.0f);
  const at::Tensor with = unet.forward(x, unet.embed(t), context, residuals);
  EXPECT_TRUE(at::equal(with, unet.forward(x, unet.embed(t), context)));
}

TEST(Training, AFreshLayerBesideTheResidualBranchesKeepsEveryDirection) {
  UNet unet(tiny_unet());
  init_weights(unet, 1);
  int layers = 0;
  unet.visit(Module::Visitor([&](const std::string& key, Parameter& p) {
    if (key.find(".op.weight") == std::string::npos) return;
    const at::Tensor middle = p.stored().select(3, 1).select(2, 1);
    const at::Tensor strengths = std::get<1>(at::linalg_svd(middle, false));
    EXPECT_GT(strengths.min().item<double>(), 0.7) << key;
    EXPECT_LT(strengths.max().item<double>(), 1.3) << key;
    ++layers;
  }));
  EXPECT_GT(layers, 0);
}

TEST(Training, AtStepZeroOnlyZeroConvolutionsHaveAGradient) {
  UNet unet(tiny_unet());
  init_weights(unet, 1);
  // A fresh UNet ends in a zero convolution, through which no gradient comes back.
  unet.visit(Module::Visitor([](const std::string& key, Parameter& p) {
    if (key.starts_with("out.2.")) p.set(at::full(p.shape(), 0.1));
  }));
  set_trainable(unet, false);
  ControlNet control(tiny_unet());
  init_control(control, unet, 2);
  set_trainable(control, true);
  Context context(at::randn({1, 5, 32})), control_context(context.tokens());
  const at::Tensor x = at::randn({1, 4, 8, 8}), t = at::full({1}, 500, at::kLong);
  const at::Tensor features = control.encode_hint(at::rand({1, 3, 64, 64}));
  const Residuals residuals = control.forward(x, features, control.embed(t), control_context);
  unet.forward(x, unet.embed(t), context, residuals).square().mean().backward();
  control.visit(Module::Visitor([](const std::string& key, Parameter& p) {
    const at::Tensor grad = p.stored().grad();
    const double size = grad.defined() ? grad.abs().max().item<double>() : 0.0;
    const bool zero_conv = key.starts_with("zero_convs.") || key.starts_with("middle_block_out.");
    EXPECT_EQ(size > 0.0, zero_conv) << key;
  }));
  unet.visit(Module::Visitor([](const std::string& key, Parameter& p) {
    EXPECT_FALSE(p.stored().grad().defined()) << key;
  }));
}

TEST(AdamW, FollowsItsFormula) {
  Line line;
  Optimizer optimizer({});
  optimizer.add(line, "");
  double w = 0.5, m = 0.0, v = 0.0;
  for (int step = 1; step <= 5; ++step) {
    const double g = 2.0 * (w - 3.0);
    (line.weight.stored() - 3.0).square().sum().backward();
    optimizer.step(0.1);
    optimizer.zero_grad();
    w -= 0.1 * 0.01 * w;
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    w -=
        0.1 * (m / (1 - std::pow(0.9, step))) / (std::sqrt(v / (1 - std::pow(0.999, step))) + 1e-8);
    EXPECT_NEAR(line.weight.stored()[0].item<double>(), w, 1e-5);
  }
}

TEST(Muon, MakesSingularValuesAlike) {
  at::Generator generator = generator_for(1, 0, 0);
  for (const auto& [rows, columns] : {std::pair{24, 24}, {16, 100}, {100, 16}}) {
    const at::Tensor matrix = at::randn({rows, columns}, generator, at::kFloat);
    const at::Tensor s = std::get<1>(at::linalg_svd(orthogonalized(matrix.unsqueeze(0))[0], false));
    EXPECT_GT(s[-1].item<double>(), 0.1) << rows;
    EXPECT_GT(s.median().item<double>(), 0.6) << rows;
    EXPECT_LT(s[0].item<double>(), 1.3) << rows;
  }
}

TEST(Muon, StepsByTheOrthogonalMomentum) {
  struct Layers : Module {
    Layers() : conv(*this, "conv", {8, 6, 3, 3}), bias(*this, "bias", {8}) {
      at::Generator generator = generator_for(2, 0, 0);
      conv.set(at::randn({8, 6, 3, 3}, generator, at::kFloat).set_requires_grad(true));
      bias.set(at::zeros({8}).set_requires_grad(true));
    }
    Parameter conv, bias;
  } layers;
  Optimizer optimizer({.weight_decay = 0.5, .muon = true});
  optimizer.add(layers, "");
  at::Generator generator = generator_for(3, 0, 0);
  at::Tensor momentum = at::zeros({8, 6, 3, 3});
  for (int step = 0; step < 3; ++step) {
    const at::Tensor grad = at::randn({8, 6, 3, 3}, generator, at::kFloat);
    const at::Tensor before = layers.conv.stored().detach().clone();
    ((layers.conv.stored() * grad).sum() + layers.bias.stored().sum()).backward();
    optimizer.step(0.01);
    optimizer.zero_grad();
    momentum = 0.95 * momentum + grad;
    // One row for each output channel; the order of a row's columns changes nothing.
    const at::Tensor update =
        orthogonalized((grad + 0.95 * momentum).flatten(1).unsqueeze(0)).view_as(before);
    const at::Tensor wanted = before * (1 - 0.01 * 0.5) - 0.01 * 0.2 * std::sqrt(54.0) * update;
    EXPECT_LT((layers.conv.stored() - wanted).abs().max().item<double>(), 1e-5) << step;
    EXPECT_NEAR(layers.bias.stored()[0].item<double>(), -0.01 * (step + 1), 1e-3) << step;
  }
}

TEST(Training, ResumesBitExactly) {
  Line whole, first, second;
  run_training(line_options(empty_folder("whole"), 20), line_recipe(whole), {});
  const fs::path folder = empty_folder("parts");
  TrainOptions part = line_options(folder, 20);
  part.steps = 9;
  run_training(part, line_recipe(first), {});
  part.steps = 20;
  part.resume = true;
  run_training(part, line_recipe(second), {});
  EXPECT_TRUE(at::equal(whole.weight.stored(), second.weight.stored()));
}

TEST(Training, ALineOfTheLogIsTheMeanOfItsStepsAfterAResumeToo) {
  const fs::path folder = empty_folder("log");
  TrainOptions o = line_options(folder, 9);
  o.log_every = 5;
  Line line;
  Recipe recipe = line_recipe(line);
  recipe.loss = [&](const Pass&, at::Generator&) -> PassLoss {
    return (line.weight.stored() * 0.0).sum() + 1.0;
  };
  run_training(o, recipe, {});
  o.steps = 10;
  o.resume = true;
  run_training(o, recipe, {});
  std::ifstream log(folder / "log.jsonl");
  std::string text;
  for (const int step : {5, 10}) {
    ASSERT_TRUE(std::getline(log, text)) << step;
    EXPECT_EQ(nlohmann::json::parse(text).at("loss"), 1.0) << step;
  }
}

TEST(Training, WritesASnapshotWhenCancelled) {
  const fs::path folder = empty_folder("cancel");
  Line line;
  CancelToken cancel;
  TaskContext task;
  task.cancel = &cancel;
  task.progress = [&](const Progress& p) {
    if (p.done == 5) cancel.cancel();
  };
  EXPECT_THROW(run_training(line_options(folder, 20), line_recipe(line), task), Error);
  const auto snapshot = newest_snapshot(folder / "ckpt");
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(snapshot->step, 5);
}

// Grey squares with a dot, and how often they were asked for.
class CountedPairs : public PairSource {
 public:
  explicit CountedPairs(std::string name) : name_(std::move(name)) {}
  int64_t size() const override { return 3; }
  Pair pair(int64_t index, int size) const override {
    ++asked_;
    Pair pair{Image(size, size, 3), Image(size, size, 3)};
    std::fill(pair.target.pixels.begin(), pair.target.pixels.end(), uint8_t(40 * index));
    pair.hint.pixels[0] = pair.hint.pixels[1] = pair.hint.pixels[2] = 255;
    return pair;
  }
  std::string prompt(int64_t, uint64_t) const override { return ""; }
  std::string description() const override { return name_; }
  std::string fingerprint() const override { return name_; }
  int asked() const { return asked_; }

 private:
  std::string name_;
  mutable std::atomic<int> asked_{0};
};

TEST(Latents, AreKeptForTheNextRunOnTheSamePictures) {
  const std::string cache = empty_folder("latents").string();
  VaeConfig config;
  config.channels = 8;
  config.channel_mult = {1, 1};
  config.num_res_blocks = 1;
  config.norm_groups = 1;
  Vae vae(config);
  init_weights(vae, 1);
  const CountedPairs pairs("a"), again("a"), others("b");
  const LatentSet first = encode_pairs(pairs, vae, 16, false, cache, {});
  const LatentSet second = encode_pairs(again, vae, 16, false, cache, {});
  EXPECT_TRUE(at::equal(first.moments, second.moments));
  EXPECT_TRUE(at::equal(first.hints, second.hints));
  EXPECT_EQ(pairs.asked(), 4);  // one for the name of the file
  EXPECT_EQ(again.asked(), 1);
  encode_pairs(others, vae, 16, false, cache, {});
  EXPECT_EQ(others.asked(), 4);
  init_weights(vae, 2);
  const CountedPairs after("a");
  encode_pairs(after, vae, 16, false, cache, {});
  EXPECT_EQ(after.asked(), 4);
}

TEST(Snapshot, ADamagedOneIsPassedOver) {
  const fs::path folder = empty_folder("damaged");
  write_snapshot(folder, 1, {{"model", {{"a", at::full({3}, 1.0)}}}}, {}, 2);
  write_snapshot(folder, 2, {{"model", {{"a", at::full({3}, 2.0)}}}}, {}, 2);
  std::ofstream(folder / "step-00000002" / "model.safetensors", std::ios::app) << "x";
  const auto snapshot = newest_snapshot(folder);
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(snapshot->step, 1);
}

TEST(Snapshot, KeepsOnlyTheNewest) {
  const fs::path folder = empty_folder("keep");
  for (int64_t step = 1; step <= 4; ++step)
    write_snapshot(folder, step, {{"model", {{"a", at::full({3}, 1.0)}}}}, {}, 2);
  EXPECT_FALSE(fs::exists(folder / "step-00000002"));
  EXPECT_TRUE(fs::exists(folder / "step-00000003"));
}

TEST(Training, ALossThatIsNotANumberEndsTheRun) {
  Line line;
  Recipe recipe = line_recipe(line);
  recipe.loss = [&](const Pass&, at::Generator&) -> PassLoss {
    return (line.weight.stored() * std::nan("")).sum();
  };
  EXPECT_THROW(run_training(line_options(empty_folder("nan"), 3), recipe, {}), Error);
}

TEST(Loss, EachBatchSeesAllNoiseLevels) {
  at::Generator generator = generator_for(4, 0, 0);
  const NoisedBatch batch =
      noise_batch(at::randn({10, 4, 8, 8}), alphas_cumprod_float(), {}, generator);
  std::set<int64_t> tenths;
  for (int64_t i = 0; i < 10; ++i) tenths.insert(batch.t[i].item<int64_t>() / 100);
  EXPECT_EQ(tenths.size(), 10u);
}

TEST(Loss, NoiseOffsetAddsOneValueToEachPictureAndChannel) {
  const at::Tensor abar = alphas_cumprod_float();
  const at::Tensor z0 = at::zeros({2, 4, 32, 32});
  const auto means_of = [&](double offset) {
    at::Generator generator = generator_for(1, 2, 3);
    const LossOptions options = {.prediction = ModelPrediction::epsilon, .noise_offset = offset};
    return noise_batch(z0, abar, options, generator).target.mean({2, 3});
  };
  const at::Tensor added = means_of(2.0) - means_of(0.0);
  EXPECT_NEAR((means_of(1.0) - means_of(0.0)).mul(2.0).sub(added).abs().max().item<double>(), 0.0,
              1e-5);
  EXPECT_GT(added.abs().min().item<double>(), 1e-3);
  EXPECT_GT(added.std().item<double>(), 0.5);
}

TEST(Loss, MinSnrWeighsAsInThePaper) {
  at::Generator generator = generator_for(1, 2, 3);
  const at::Tensor abar = alphas_cumprod_float();
  const NoisedBatch batch = noise_batch(
      at::randn({4, 4, 8, 8}), abar, {.prediction = ModelPrediction::v, .min_snr = 5.0}, generator);
  for (int64_t i = 0; i < 4; ++i) {
    const double a = abar[batch.t[i].item<int64_t>()].item<double>();
    const double snr = a / (1 - a);
    EXPECT_NEAR(batch.weight[i].item<double>(), std::min(snr, 5.0) / (snr + 1), 1e-4);
  }
}

}  // namespace
}  // namespace zc
