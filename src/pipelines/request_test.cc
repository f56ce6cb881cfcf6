// SPDX-License-Identifier: Apache-2.0
#include "pipelines/request.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace zc {
namespace {

template <class F>
Error error_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorKind::bug, "nothing", "was thrown");
}

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
  request.cfg = 0.1;
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

TEST(FullPrompt, JoinsAnEmptyPromptAsTheOriginalDoes) {
  GenerateRequest request;
  request.guess = true;
  EXPECT_EQ(full_prompt(resolve(request, {})), ", best quality, extremely detailed");
}

}  // namespace
}  // namespace zc
