// SPDX-License-Identifier: Apache-2.0
// What a request may ask for beyond the plain run: regions, block weights, variations, a second
// pass, previews.
#include <gtest/gtest.h>

#include "image/codec.h"
#include "pipelines/base_model.h"
#include "pipelines/tiny_run.h"
#include "tensor/kernel_choice.h"

namespace zc {
namespace {

class GenerateOptions : public TinyRun {
 protected:
  static GenerateResult replayed(const std::string& png) {
    const Replay replay = read_replay(png, "x.png");
    return run(replay.request, replay_inputs(replay));
  }

  // As write_tiny_control(), with a note that it was trained to begin at pure noise.
  static void write_zero_terminal_control(const std::string& name) {
    const ModelConfig config = tiny_config();
    ControlNet control(config.unet);
    randomize(control, 4);
    write_safetensors(folder_ / name, quantize(state_of(control, kControlPrefix)),
                      {{std::string(kModelMetadataKey), to_json(config).dump()},
                       {kQuantizationKey, kInt8Channel},
                       {std::string(kZeroTerminalMetadataKey), "true"}});
  }
};

// Keeps the PNG of each picture as well.
GenerateHooks keeping_pngs(std::vector<std::string>& pngs) {
  GenerateHooks hooks;
  hooks.on_image = [&pngs](const Image& image, const PictureRecord& record) {
    pngs.push_back(encode_png(image, {.level = 1, .texts = png_texts(record)}));
  };
  return hooks;
}

TEST_F(GenerateOptions, AWhiteMaskChangesNothingAndABlackOneLeavesTheControlOut) {
  const GenerateRequest r = request("control.safetensors");
  const Image plain = run(r).images[0];
  GenerateInputs in = inputs(r);
  in.unit_masks[0] = Image(64, 64, 3, 255);
  EXPECT_EQ(run(r, in).images[0], plain);
  in.unit_masks[0] = Image(64, 64, 3, 0);
  const GenerateResult black = run(r, in);
  EXPECT_EQ(black.images[0], run(request()).images[0]);
  EXPECT_EQ(black.warnings.size(), 1u);
}

TEST_F(GenerateOptions, RepeatsARegionFromItsPngAlone) {
  GenerateRequest r = request("control.safetensors");
  r.controls[0].mask = "elsewhere.png";
  GenerateInputs in = inputs(r);
  Image half(80, 80, 3);
  for (int y = 0; y < 80; ++y) std::fill_n(half.row(y), 40 * 3, uint8_t{255});
  in.unit_masks[0] = half;
  std::vector<std::string> pngs;
  const GenerateResult first = run(r, in, keeping_pngs(pngs));
  EXPECT_NE(first.images[0], run(request("control.safetensors")).images[0]);
  EXPECT_EQ(replayed(pngs.at(0)).images[0], first.images[0]);
  EXPECT_EQ(error_of([&] { run(r); }).where(), "controls[0].mask");
}

TEST_F(GenerateOptions, BlockWeightsOfOneAreTheWeight) {
  GenerateRequest r = request("control.safetensors");
  const Image plain = run(r).images[0];
  r.controls[0].block_weights.assign(5, 1.0);
  EXPECT_EQ(run(r).images[0], plain);
  r.controls[0].block_weights = {0, 0, 0, 0, 1};
  const Image middle = run(r).images[0];
  EXPECT_NE(middle, plain);
  r.controls[0].block_weights.clear();
  r.controls[0].only_mid = true;
  EXPECT_EQ(run(r).images[0], middle);
}

TEST_F(GenerateOptions, RefusesAnotherNumberOfBlockWeights) {
  GenerateRequest r = request("control.safetensors");
  r.controls[0].block_weights.assign(13, 1.0);
  const Error error = error_of([&] { run(r); });
  EXPECT_EQ(error.where(), "controls[0].block_weights");
  EXPECT_NE(error.text().find("wants 5: 4 for"), std::string::npos) << error.text();
}

TEST_F(GenerateOptions, PreviewsComeEachStepAndChangeNothing) {
  GenerateRequest r = request("control.safetensors");
  r.batch = 2;
  const std::vector<Image> plain = run(r).images;
  GenerateHooks hooks;
  std::vector<int64_t> steps;
  hooks.preview_interval_ms = 0;
  hooks.on_preview = [&](int64_t step, const Image& picture) {
    steps.push_back(step);
    EXPECT_EQ(picture.width, 8);
    EXPECT_EQ(picture.channels, 3);
  };
  EXPECT_EQ(run(r, hooks).images, plain);
  EXPECT_EQ(steps, (std::vector<int64_t>{1, 2, 3, 4, 5, 6, 7, 8}));
  steps.clear();
  hooks.preview_interval_ms = 3600 * 1000;
  run(r, hooks);
  EXPECT_EQ(steps, std::vector<int64_t>{1});
}

TEST_F(GenerateOptions, SeedsStepAsTheWebUisDo) {
  GenerateRequest r = request();
  r.seed_step = 1;
  r.batch = 3;
  const GenerateResult three = run(r);
  GenerateRequest last = request();
  last.seed = r.seed + 2;
  EXPECT_EQ(run(last).images[0], three.images[2]);
}

TEST_F(GenerateOptions, VariationsAreOfOnePicture) {
  GenerateRequest r = request();
  const Image plain = run(r).images[0];
  r.batch = 2;
  r.variation_seed = 7;
  r.variation_strength = 1e-9;
  const GenerateResult nearly = run(r);
  EXPECT_LE(largest_difference(nearly.images[0], plain), 1);
  EXPECT_LE(largest_difference(nearly.images[1], plain), 1);
  r.variation_strength = 0.3;
  std::vector<std::string> pngs;
  const GenerateResult varied = run(r, keeping_pngs(pngs));
  EXPECT_NE(varied.images[0], varied.images[1]);
  EXPECT_EQ(replayed(pngs.at(1)).images[0], varied.images[1]);
  // The second is the first of the next variation seed.
  r.batch = 1;
  r.variation_seed = 8;
  EXPECT_EQ(run(r).images[0], varied.images[1]);
}

TEST_F(GenerateOptions, AWholeVariationIsThePictureOfItsSeed) {
  GenerateRequest r = request();
  r.variation_seed = 99;
  r.variation_strength = 1;
  const Image whole = run(r).images[0];
  GenerateRequest other = request();
  other.seed = 99;
  EXPECT_LE(largest_difference(whole, run(other).images[0]), 1);
}

TEST_F(GenerateOptions, ClipSkipTakesAnEarlierLayer) {
  GenerateRequest r = request();
  r.clip_skip = 2;  // the tiny text encoder has one
  const Error error = error_of([&] { run(r); });
  EXPECT_EQ(error.where(), "clip_skip");
  EXPECT_NE(error.text().find("has 1 layers"), std::string::npos) << error.text();
}

TEST_F(GenerateOptions, ASecondPassMakesThePictureLarger) {
  for (const HiresUpscaler upscaler :
       {HiresUpscaler::latent, HiresUpscaler::lanczos, HiresUpscaler::nearest}) {
    GenerateRequest r = request("control.safetensors");
    r.batch = 2;
    r.hires = {.scale = 1.5, .steps = 4, .denoise = 0.7, .upscaler = upscaler};
    std::vector<std::string> pngs;
    GenerateHooks hooks = keeping_pngs(pngs);
    Progress last;
    hooks.task.progress = [&](const Progress& p) {
      if (p.phase == "sample") last = p;
    };
    const GenerateResult result = run(r, hooks);
    ASSERT_EQ(result.images.size(), 2u);
    EXPECT_EQ(result.images[0].width, 96);
    EXPECT_EQ(result.maps[0].width, 64);
    EXPECT_EQ(last.done, last.total);
    EXPECT_TRUE(result.warnings.empty());
    for (size_t k = 0; k < 2; ++k) EXPECT_EQ(replayed(pngs[k]).images[0], result.images[k]) << k;
  }
}

TEST_F(GenerateOptions, TheSecondPassFollowsItsOwnMap) {
  GenerateRequest r = request("control.safetensors");
  r.hires.scale = 2;
  const GenerateResult with = run(r);
  ASSERT_TRUE(with.receipts[0][0].obeys.has_value());
  r.controls[0].start = r.controls[0].end = 1;  // never acts
  EXPECT_NE(run(r).images[0], with.images[0]);
}

TEST_F(GenerateOptions, RefusesASecondPassThatIsTooLarge) {
  GenerateRequest r = request();
  r.width = r.height = 4096;
  r.hires.scale = 3;
  EXPECT_EQ(error_of([&] { run(r); }).where(), "hires.scale");
}

TEST_F(GenerateOptions, BeginsAtPureNoiseWithAControlNetThatWasTrainedSo) {
  write_zero_terminal_control("zero.safetensors");
  GenerateRequest r = request("zero.safetensors");
  const Error error = error_of([&] { run(r); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_EQ(error.where(), "sampler");
  EXPECT_NE(error.text().find("ddim_diffusers"), std::string::npos) << error.text();
  GenerateRequest usual = request("control.safetensors");
  for (const char* sampler : {"ddim_diffusers", "euler", "euler_a", "dpmpp_2m", "unipc"}) {
    r.sampler = usual.sampler = sampler;
    EXPECT_NE(run(r).images[0], run(usual).images[0]) << sampler;
  }
  // Without weight it has no say.
  r.controls[0].weight = 0;
  r.sampler = "ddim";
  EXPECT_EQ(run(r).images.size(), 1u);
}

TEST_F(GenerateOptions, APureNoiseControlNetWantsABaseThatPredictsV) {
  write_zero_terminal_control("zero.safetensors");
  GenerateRequest r = request("zero.safetensors");
  r.sampler = "euler";
  r.prediction = "epsilon";
  const Error error = error_of([&] { run(r); });
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  EXPECT_NE(error.where().find("zero.safetensors"), std::string::npos);
}

TEST_F(GenerateOptions, LittleMemoryMakesTheSamePicture) {
  GenerateRequest r = request("control.safetensors");
  r.width = 256;  // its decoder works in bands
  r.height = 192;
  r.init = "given";
  r.hires = {.scale = 1.25, .steps = 2, .denoise = 0.7, .upscaler = HiresUpscaler::nearest};
  GenerateInputs in = inputs(r);
  in.init = test_photo(256, 192);
  ModelPaths paths = paths_of_request(r);
  const GenerateResult usual = generate(*load_models(paths), *tokenizer_, r, in, {});
  EXPECT_FALSE(usual.plan.savings.any());
  paths.one_run = true;
  MemoryPlan announced;
  const GenerateHooks hooks{
      .task = {}, .on_image = {}, .on_plan = [&](const MemoryPlan& plan) { announced = plan; }};
  const GenerateResult low = generate(*load_models(paths), *tokenizer_, r, in, hooks,
                                      {.one_run = true, .low_memory = true});
  EXPECT_TRUE(announced.savings.two_passes);
  EXPECT_TRUE(announced.savings.banded);
  EXPECT_TRUE(announced.savings.streamed);
  EXPECT_EQ(low.images, usual.images);
  EXPECT_EQ(options_to_json(low.request), options_to_json(usual.request));
}

TEST_F(GenerateOptions, SkippedWorkIsSaidInTheRecordAndRepeats) {
  GenerateRequest r = request("control.safetensors");
  r.steps = 12;
  const Image whole = run(r).images[0];
  const auto with = [&](const SkipOptions& skip) {
    GenerateRequest wanted = r;
    wanted.skip = skip;
    return wanted;
  };
  for (const SkipOptions& skip :
       {SkipOptions{.steps = 0.5}, SkipOptions{.deep = 0.5}, SkipOptions{.control = 0.5},
        SkipOptions{.guidance = 0.5}, SkipOptions{.tokens = 0.5},
        SkipOptions{.steps = 0.3, .deep = 0.3, .control = 0.3, .guidance = 0.3}}) {
    std::vector<std::string> pngs;
    const GenerateResult result = run(with(skip), keeping_pngs(pngs));
    EXPECT_NE(result.images[0], whole);
    EXPECT_EQ(replayed(pngs.at(0)).images[0], result.images[0]);
    // The second picture of a run begins anew.
    GenerateRequest twice = with(skip);
    twice.batch = 2;
    twice.seed_step = 0;
    const auto two = run(twice).images;
    twice.seed = r.seed;
    GenerateInputs second = inputs(twice);
    second.only = 1;
    EXPECT_EQ(run(twice, second).images[0], two[1]);
  }
}

TEST_F(GenerateOptions, FastIsASettingOfWhatIsSkipped) {
  GenerateRequest r = request("control.safetensors");
  r.steps = 12;
  r.fast = true;
  const GenerateResult fast = run(r);
  EXPECT_GT(fast.request.skip.steps, 0.5);
  // Resolved once more, or said in words, it is the same.
  EXPECT_EQ(run(fast.request).images, fast.images);
  r.skip.guidance = 0.25;
  EXPECT_EQ(run(r).request.skip.steps, 0);
  r.exact = true;
  EXPECT_EQ(error_of([&] { run(r); }).where(), "fast");
}

TEST_F(GenerateOptions, PrecisionIsRefusedWhereTheMachineHasNoSuchProducts) {
  GenerateRequest r = request("control.safetensors");
  r.precision = "bf16";
  if (has_bf16_products()) {
    EXPECT_LT(largest_difference(run(r).images[0], run(request("control.safetensors")).images[0]),
              64);
  } else {
    EXPECT_EQ(error_of([&] { run(r); }).where(), "precision");
  }
  r.exact = true;
  EXPECT_EQ(error_of([&] { run(r); }).where(), "precision");
}

TEST_F(GenerateOptions, HalvesAreRefusedOnTheCpu) {
  GenerateRequest r = request();
  r.precision = "fp16";
  EXPECT_EQ(error_of([&] { run(r); }).where(), "precision");
}

TEST_F(GenerateOptions, IntegersGiveAlmostTheSamePictureWhereTheMachineHasThem) {
  for (const auto& [precision, most] : {std::pair{"int16", 2}, std::pair{"int8", 64}}) {
    GenerateRequest r = request("control.safetensors");
    r.precision = precision;
    if (!has_integer_products()) {
      EXPECT_EQ(error_of([&] { run(r); }).where(), "precision");
      continue;
    }
    const Image picture = run(r).images[0], usual = run(request("control.safetensors")).images[0];
    EXPECT_NE(picture, usual) << precision;
    EXPECT_LT(largest_difference(picture, usual), most) << precision;
    EXPECT_EQ(run(r).images[0], picture) << precision;
  }
}

TEST_F(GenerateOptions, SkippedStepsGoWithEverySampler) {
  GenerateRequest r = request("control.safetensors");
  r.steps = 10;
  r.skip.steps = 0.6;
  for (const char* sampler : {"ddim", "euler_a", "heun", "dpmpp_2m", "unipc", "lcm", "plms"}) {
    r.sampler = sampler;
    GenerateRequest whole = r;
    whole.skip = {};
    EXPECT_NE(run(r).images.at(0), run(whole).images.at(0)) << sampler;
  }
  // A picture to begin with: the first steps are not done at all.
  r.init = "given";
  GenerateInputs in = inputs(r);
  in.init = test_photo(64, 64);
  EXPECT_EQ(run(r, in).images.size(), 1u);
}

TEST_F(GenerateOptions, PlansWhatARunNeeds) {
  GenerateRequest r = request("control.safetensors");
  const auto models = load_models(paths_of_request(r));
  const GeneratePlan plan = plan_generate(r, *models, {});
  EXPECT_GT(plan.weights, 0);
  EXPECT_GT(plan.vae, 0);
  EXPECT_TRUE(plan.fits);
  r.hires.scale = 2;
  const GeneratePlan large = plan_generate(r, *models, {});
  EXPECT_EQ(large.activations, plan.activations * 4);
  EXPECT_EQ(large.vae, plan.vae * 4);
  r.width = 70;
  EXPECT_EQ(error_of([&] { plan_generate(r, *models, {}); }).where(), "width");
}

TEST_F(GenerateOptions, SavesOnlyWhatTheLimitAsksFor) {
  GenerateRequest r = request("control.safetensors");
  r.width = r.height = 2048;
  const auto models = load_models(paths_of_request(r));
  const MemoryPlan usual = plan_generate(r, *models, {}).phases;
  EXPECT_FALSE(usual.savings.any());
  EXPECT_FALSE(plan_generate(r, *models, {.memory_bytes = usual.peak()}).phases.savings.any());

  const GeneratePlan less = plan_generate(r, *models, {.memory_bytes = usual.peak() - 1});
  EXPECT_TRUE(less.fits);
  EXPECT_TRUE(less.phases.savings.two_passes || less.phases.savings.banded);
  EXPECT_LT(less.phases.peak(), usual.peak());

  const MemoryPlan least = plan_generate(r, *models, {.low_memory = true}).phases;
  EXPECT_TRUE(plan_generate(r, *models, {.memory_bytes = least.peak()}).fits);
  EXPECT_FALSE(plan_generate(r, *models, {.memory_bytes = least.peak() - 1}).fits);

  r.exact = true;  // has two passes anyway, and kernels that do not work in bands
  EXPECT_FALSE(plan_generate(r, *models, {.low_memory = true}).phases.savings.any());
}

}  // namespace
}  // namespace zc
