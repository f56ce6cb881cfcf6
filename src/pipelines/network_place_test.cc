// SPDX-License-Identifier: Apache-2.0
// Networks in another precision than the pictures, as on a GPU: what crosses over is converted on
// its way. The CPU computes in halves, too, so no GPU is needed for that.
#include "pipelines/network_place.h"

#include <c10/core/InferenceMode.h>

#include "pipelines/generate.h"
#include "pipelines/model_set.h"
#include "pipelines/tiny_run.h"

namespace zc {
namespace {

class PlacedNetworks : public TinyRun {
 protected:
  static GenerateResult run_in(const GenerateRequest& r, const GenerateInputs& in,
                               const std::string& network) {
    ModelPaths paths = paths_of_request(r);
    paths.network = network;
    return generate(*load_models(paths), *tokenizer_, r, in, {});
  }
  static void expect_alike(const GenerateRequest& r, const GenerateInputs& in) {
    const GenerateResult wanted = run_in(r, in, "fp32"), got = run_in(r, in, "bf16");
    ASSERT_EQ(got.images.size(), wanted.images.size());
    EXPECT_NE(got.images, wanted.images);
    EXPECT_LT(mean_difference(got.images.front(), wanted.images.front()), 3.0);
  }
  static double mean_difference(const Image& a, const Image& b) {
    double sum = 0;
    for (size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
    return sum / static_cast<double>(a.pixels.size());
  }
};

TEST_F(PlacedNetworks, WithAControlGiveAlmostTheSamePicture) {
  const GenerateRequest r = request("control.safetensors");
  expect_alike(r, inputs(r));
}

TEST_F(PlacedNetworks, WithARegionAndTwoPassesToo) {
  GenerateRequest r = request("control.safetensors");
  r.controls[0].mode = ControlMode::control;  // the sides differ
  GenerateInputs in = inputs(r);
  in.unit_masks[0] = test_photo(64, 64);
  expect_alike(r, in);
}

TEST_F(PlacedNetworks, FromAPictureThroughASecondPassToo) {
  GenerateRequest r = request();
  r.denoise = 0.7;
  r.hires.scale = 2;
  GenerateInputs in = inputs(r);
  in.init = test_photo(64, 64);
  expect_alike(r, in);
}

TEST_F(PlacedNetworks, SkippedWorkToo) {
  GenerateRequest r = request("control.safetensors");
  r.steps = 8;
  r.skip = {.steps = 0, .deep = 0.4, .control = 0.3, .guidance = 0.2};
  expect_alike(r, inputs(r));
}

// A set of one run whose networks pass through a ring of the device's memory, which is the host's
// here: the numbers are those of networks that stay.
class PassingWeights : public PlacedNetworks {
 protected:
  static GenerateResult run_with(const GenerateRequest& r, const GenerateInputs& in,
                                 const GenerateLimits& limits) {
    ModelPaths paths = paths_of_request(r);
    paths.network = "bf16";
    paths.one_run = true;
    return generate(*load_models(paths), *tokenizer_, r, in, {}, limits);
  }
};

TEST_F(PassingWeights, MakeThePictureOfThoseThatStay) {
  GenerateRequest r = request("control.safetensors");
  r.cfg = 1;  // one pass in any plan
  const GenerateInputs in = inputs(r);
  const GenerateResult wanted = run_in(r, in, "bf16");
  const GenerateResult kept = run_with(r, in, {.one_run = true});
  EXPECT_EQ(kept.images, wanted.images);
  EXPECT_FALSE(kept.plan.savings.streamed);
  const GenerateResult least = run_with(r, in, {.one_run = true, .low_memory = true});
  EXPECT_TRUE(least.plan.savings.streamed);
  EXPECT_LT(least.plan.device.on_device(), least.plan.device.all);
  EXPECT_EQ(least.images, wanted.images);
}

TEST_F(PassingWeights, StayWithinTheLimitOrAreRefused) {
  const GenerateRequest r = request("control.safetensors");
  const GenerateInputs in = inputs(r);
  const MemoryPlan all = run_with(r, in, {.one_run = true}).plan;
  const MemoryPlan fitting =
      run_with(r, in, {.memory_bytes = all.peak() - 1, .one_run = true}).plan;
  EXPECT_TRUE(fitting.savings.streamed);
  EXPECT_LT(fitting.peak(), all.peak());
  EXPECT_EQ(error_of([&] { run_with(r, in, {.memory_bytes = 1, .one_run = true}); }).kind(),
            ErrorKind::out_of_memory);
}

TEST_F(PassingWeights, PassAgainInTheNextRunOfTheirSet) {
  GenerateRequest r = request("control.safetensors");
  r.cfg = 1;
  const GenerateInputs in = inputs(r);
  ModelPaths paths = paths_of_request(r);
  paths.network = "bf16";
  paths.one_run = true;
  const auto models = load_models(paths);
  const auto run = [&](const GenerateHooks& hooks) {
    return generate(*models, *tokenizer_, r, in, hooks, {.one_run = true, .low_memory = true});
  };
  const GenerateResult first = run({});
  CancelToken cancel;
  const GenerateHooks cancelled{.task = {.cancel = &cancel,
                                         .progress =
                                             [&](const Progress& p) {
                                               if (p.phase == "sample" && p.done > 0)
                                                 cancel.cancel();
                                             }},
                                .on_image = {}};
  EXPECT_EQ(error_of([&] { run(cancelled); }).kind(), ErrorKind::cancelled);
  const GenerateResult again = run({});
  EXPECT_TRUE(again.plan.savings.streamed);
  EXPECT_EQ(again.images, first.images);
}

// What a command hands on from open_device() on a machine with a GPU.
TEST(PlaceNetworks, TakesAGpuAsItIsSpeltWhereItWasOpened) {
  const NetworkPlace place = network_place(at::Device(at::kCUDA, 0).str(), "fp16");
  EXPECT_EQ(place.device, at::Device(at::kCUDA, 0));
  EXPECT_EQ(place.type, at::kHalf);
  EXPECT_FALSE(place.on_cpu());
  EXPECT_TRUE(network_place("cpu", "fp32").on_cpu());
}

TEST(PlaceNetworks, TakesHalvesOnAGpuAndFloatsOnTheCpu) {
  ModelPaths paths;
  place_networks(paths, "cuda:0", "auto");
  EXPECT_EQ(paths.network, "fp16");
  place_networks(paths, "cuda:0", "bf16");
  EXPECT_EQ(paths.network, "bf16");
  ModelPaths on_cpu;
  place_networks(on_cpu, "cpu", "bf16");  // its kernels round, its weights stay
  EXPECT_EQ(on_cpu.network, "fp32");
  EXPECT_EQ(error_of([&] { place_networks(on_cpu, "cpu", "fp16"); }).where(), "precision");
}

TEST(PlaceNetworks, RefusesOnAGpuWhatIsForTheCpu) {
  ModelPaths paths;
  EXPECT_EQ(error_of([&] { place_networks(paths, "cuda:1", "int8"); }).where(), "precision");
  const Error error = error_of([] { check_exact(true, /*on_cpu=*/false); });
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  EXPECT_EQ(error.where(), "exact");
  EXPECT_NO_THROW(check_exact(true, /*on_cpu=*/true));
  EXPECT_NO_THROW(check_exact(false, /*on_cpu=*/false));
}

TEST(PrecisionThere, SaysWhatAutoBecame) {
  EXPECT_EQ(precision_there(network_place("cuda:0", "fp16"), "auto"), "fp16");
  EXPECT_EQ(precision_there(network_place("cuda:0", "bf16"), "bf16"), "bf16");
  EXPECT_EQ(precision_there(network_place("cuda:0", "fp32"), "fp32"), "fp32");
  EXPECT_EQ(precision_there(network_place("cpu", "fp32"), "auto"), "fp32");
  EXPECT_EQ(precision_there(network_place("cpu", "fp32"), "int8"), "int8");
}

// A request that said "auto" says it still, so that another machine may choose anew.
TEST_F(PlacedNetworks, SayTheirPrecisionInTheRecord) {
  const GenerateRequest r = request();
  ModelPaths paths = paths_of_request(r);
  paths.network = "bf16";
  std::vector<PictureRecord> records;
  GenerateHooks hooks;
  hooks.on_image = [&](const Image&, const PictureRecord& record) { records.push_back(record); };
  const auto models = load_models(paths);
  const GenerateResult result = generate(*models, *tokenizer_, r, inputs(r), hooks);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records.front().precision, "bf16");
  EXPECT_EQ(records.front().request.precision, "auto");
  EXPECT_EQ(result.precision, "bf16");
}

}  // namespace
}  // namespace zc
