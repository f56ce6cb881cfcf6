// SPDX-License-Identifier: Apache-2.0
#include "pipelines/request.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "annotators/annotator.h"
#include "base/error_of.h"

namespace zc {
namespace {

TEST(ParseControl, TakesImageSwitchesAndValues) {
  const ControlUnit unit =
      parse_control("canny=photo.jpg,weight=0.5,start=0.25,end=0.75,mode=control,map,low=50");
  EXPECT_EQ(unit.kind, "canny");
  EXPECT_EQ(unit.image, "photo.jpg");
  EXPECT_EQ(unit.weight, 0.5);
  EXPECT_EQ(unit.start, 0.25);
  EXPECT_EQ(unit.end, 0.75);
  EXPECT_EQ(unit.mode, ControlMode::control);
  EXPECT_TRUE(unit.map);
  EXPECT_EQ(unit.parameters, std::vector<std::string>{"low=50"});
}

TEST(ParseControl, KeepsCommasAndEqualsSignsOfTheFileName) {
  EXPECT_EQ(parse_control("canny=a,b.png,map").image, "a,b.png");
  EXPECT_EQ(parse_control("canny=dir/Size=5.png").image, "dir/Size=5.png");
}

TEST(ParseControl, TakesMaskResizeModeAndBlockWeights) {
  const ControlUnit unit =
      parse_control("canny=photo.jpg,mask=left half.png,resize=fill,block_weights=1/0.5/0");
  EXPECT_EQ(unit.image, "photo.jpg");
  EXPECT_EQ(unit.mask, "left half.png");
  EXPECT_EQ(unit.resize, ControlResize::fill);
  EXPECT_EQ(unit.block_weights, (std::vector<double>{1, 0.5, 0}));
  EXPECT_EQ(parse_control("canny=photo.jpg").resize, ControlResize::automatic);
  EXPECT_EQ(error_of([] { parse_control("canny=a.png,resize=stretch"); }).where(),
            "control.resize");
  EXPECT_EQ(error_of([] { parse_control("canny=a.png,block_weights=1/x"); }).where(),
            "control.block_weights[1]");
  EXPECT_EQ(error_of([] { parse_control("canny=a.png,block_weights=3"); }).where(),
            "control.block_weights[0]");
}

// A parameter that looks like one of the unit's own options would be taken for a typing error.
TEST(ParseControl, TakesTheParametersOfAllAnnotators) {
  for (const AnnotatorInfo& info : annotators()) {
    for (const OptionHelp& parameter : info.parameters) {
      const ControlUnit unit = parse_control(info.name + "=photo.jpg," + parameter.name + "=1");
      EXPECT_EQ(unit.parameters, std::vector<std::string>{parameter.name + "=1"}) << info.name;
    }
  }
}

TEST(ParseControl, RefusesWhatIsNoControl) {
  EXPECT_EQ(error_of([] { parse_control("photo.jpg"); }).where(), "control");
  EXPECT_EQ(error_of([] { parse_control("canny="); }).where(), "control");
  EXPECT_EQ(error_of([] { parse_control("canny=a.png,weight=9"); }).where(), "control.weight");
  EXPECT_EQ(error_of([] { parse_control("canny=a.png,weight=1,b.png"); }).where(), "control");
}

TEST(ParseControl, SuggestsTheNearestOption) {
  const Error error = error_of([] { parse_control("canny=a.png,wieght=1"); });
  EXPECT_NE(error.text().find("weight"), std::string::npos) << error.what();
}

TEST(ParseSize, TakesOneOrTwoSides) {
  EXPECT_EQ(parse_size("768x512").width, 768);
  EXPECT_EQ(parse_size("768x512").height, 512);
  EXPECT_EQ(parse_size("256").height, 256);
  for (const char* bad : {"", "x", "512x", "0x64", "-1x64", "512x512x3", "a", "99999x64"}) {
    EXPECT_EQ(error_of([&] { parse_size(bad); }).where(), "size") << bad;
  }
}

TEST(Request, SurvivesJson) {
  GenerateRequest request = profile_defaults("seed11");
  request.prompt = "a red house";
  request.a_prompt = "";
  request.controls.push_back(parse_control("canny=a.png,weight=0.3,low=7"));
  request.controls.push_back(
      parse_control("hed=b.png,mask=m.png,resize=just,block_weights=0/0.25/1"));
  request.cfg = 0.1;
  request.hires = {.scale = 1.5, .steps = 7, .denoise = 0.4, .upscaler = HiresUpscaler::lanczos};
  request.variation_seed = 3;
  request.variation_strength = 0.5;
  request.clip_skip = 2;
  const GenerateRequest again = request_from_json(options_to_json(request));
  EXPECT_EQ(options_to_json(again), options_to_json(request));
  EXPECT_EQ(again.a_prompt, "");
  EXPECT_FALSE(again.n_prompt.has_value());
}

TEST(Request, BeginsWithTheDefaultsOfItsProfile) {
  EXPECT_EQ(request_from_json({{"profile", "seed11"}}).eta, 1.0);
  EXPECT_EQ(request_from_json({{"profile", "seed11"}, {"eta", 0.5}}).eta, 0.5);
  EXPECT_EQ(error_of([] { request_from_json({{"profile", "seeds"}}); }).where(), "profile");
  EXPECT_EQ(error_of([] { request_from_json({{"stepz", 3}}); }).kind(), ErrorKind::bad_request);
}

TEST(Resolve, LeavesNothingOpen) {
  GenerateRequest request;
  request.prompt = "a house";
  request.seed = -1;
  const GenerateRequest sd = resolve(request, {.image_size = 512, .added_prompts = true});
  EXPECT_GE(sd.seed, 0);
  EXPECT_LT(sd.seed, 65536);
  EXPECT_EQ(sd.width, 512);
  EXPECT_EQ(sd.height, 512);
  EXPECT_EQ(full_prompt(sd), "a house, best quality, extremely detailed");
  EXPECT_TRUE(full_negative(sd).starts_with("longbody, lowres"));
  EXPECT_EQ(options_to_json(resolve(sd, {.image_size = 64, .added_prompts = false})),
            options_to_json(sd));
}

TEST(Resolve, TakesGuidanceFromTheUserThenTheModelThenTheProfile) {
  GenerateRequest request;
  EXPECT_EQ(resolve(request, {}).cfg, 9.0);
  EXPECT_EQ(resolve(profile_defaults("a1111"), {}).cfg, 7.0);
  EXPECT_EQ(resolve(request, {.cfg = 3.5}).cfg, 3.5);
  request.cfg = 2.0;
  EXPECT_EQ(resolve(request, {.cfg = 3.5}).cfg, 2.0);
}

TEST(Resolve, AddsNoWordsForModelsThatDoNotKnowThem) {
  GenerateRequest request;
  request.negative = "a tree";
  const GenerateRequest own = resolve(request, {.image_size = 256, .added_prompts = false});
  EXPECT_EQ(full_prompt(own), "");
  EXPECT_EQ(full_negative(own), "a tree");
  EXPECT_EQ(own.width, 256);
}

TEST(Resolve, RefusesContradictions) {
  GenerateRequest request;
  request.mask = "mask.png";
  EXPECT_EQ(error_of([&] { resolve(request, {}); }).where(), "mask");
  request.mask.clear();
  request.controls.push_back({});
  request.controls[0].start = 0.9;
  request.controls[0].end = 0.1;
  EXPECT_EQ(error_of([&] { resolve(request, {}); }).where(), "controls[0].end");
  request.controls.clear();
  request.sampler = "eular";
  EXPECT_EQ(error_of([&] { resolve(request, {}); }).where(), "sampler");
}

TEST(Resolve, ChoosesSeedsAsTheProfilesDo) {
  EXPECT_EQ(resolve(profile_defaults("a1111"), {}).seed_step, 1);
  EXPECT_EQ(resolve(profile_defaults("seed"), {}).seed_step, 0);
  GenerateRequest request = profile_defaults("a1111");
  request.seed = 100;
  EXPECT_EQ(seed_of_picture(resolve(request, {}), 3), 103);
  request.seed_step = 0;
  EXPECT_EQ(seed_of_picture(resolve(request, {}), 3), 100);
  request.seed_step = 5;
  EXPECT_EQ(seed_of_picture(resolve(request, {}), 3), 115);
  EXPECT_FALSE(resolve(request, {}).variation_seed.has_value());
  // modules/processing.py: variations of one picture.
  request.variation_strength = 0.1;
  request.variation_seed = -1;
  const GenerateRequest varied = resolve(request, {});
  EXPECT_GE(varied.variation_seed.value(), 0);
  EXPECT_EQ(seed_of_picture(varied, 3), 100);
}

TEST(Resolve, RefusesSecondPassesThatCannotBe) {
  GenerateRequest request;
  request.hires.scale = 0.5;
  EXPECT_EQ(error_of([&] { resolve(request, {}); }).where(), "hires.scale");
  request.hires.scale = 5;
  EXPECT_EQ(error_of([&] { resolve(request, {}); }).where(), "hires.scale");
  request.hires.scale = 2;
  EXPECT_EQ(resolve(request, {}).hires.steps, request.steps);
  request.init = "init.png";
  EXPECT_EQ(resolve(request, {}).hires.scale, 2);
  request.mask = "mask.png";
  EXPECT_EQ(error_of([&] { resolve(request, {}); }).where(), "hires.scale");
}

TEST(HiresSize, IsAMultipleOfWhatTheModelNeeds) {
  GenerateRequest request;
  request.width = 512;
  request.height = 768;
  request.hires.scale = 1.5;
  EXPECT_EQ(hires_size(request, 64).width, 768);
  EXPECT_EQ(hires_size(request, 64).height, 1152);
  request.hires.scale = 1.3;
  EXPECT_EQ(hires_size(request, 64).width, 640);
  EXPECT_EQ(hires_size(request, 64).height, 1024);
  request.width = 8;
  EXPECT_EQ(hires_size(request, 64).width, 64);
}

TEST(FullPrompt, JoinsAnEmptyPromptAsTheOriginalDoes) {
  GenerateRequest request;
  request.guess = true;
  EXPECT_EQ(full_prompt(resolve(request, {})), ", best quality, extremely detailed");
}

}  // namespace
}  // namespace zc
