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

}  // namespace
}  // namespace zc
