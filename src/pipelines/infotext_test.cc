// SPDX-License-Identifier: Apache-2.0
#include "pipelines/infotext.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "image/codec.h"

namespace zc {
namespace {

PictureRecord example() {
  PictureRecord record;
  record.request.prompt = "a red house, by the sea";
  record.request.negative = "fog: \"thick\"";
  record.request.controls.push_back(parse_control("canny=photo.png,weight=0.75,low=50,high=120"));
  record.request.batch = 3;
  record.request = resolve(record.request, {});
  record.index = 2;
  record.models = {{"base", "v1-5", "0123456789abcdef"},
                   {"canny", "control, canny", "fedcba9876543210"}};
  record.maps = {Image(64, 64, 3, 7)};
  return record;
}

TEST(Infotext, IsReadBack) {
  const PictureRecord record = example();
  const Infotext info = parse_infotext(infotext(record));
  EXPECT_EQ(info.prompt, full_prompt(record.request));
  EXPECT_EQ(info.negative, full_negative(record.request));
  EXPECT_EQ(info.fields.at("Steps"), "20");
  EXPECT_EQ(info.fields.at("Sampler"), "DDIM");
  EXPECT_EQ(info.fields.at("CFG scale"), "9");
  EXPECT_EQ(info.fields.at("Seed"), "12345");
  EXPECT_EQ(info.fields.at("Size"), "512x512");
  EXPECT_EQ(info.fields.at("Model"), "v1-5");
  const std::string& unit = info.fields.at("ControlNet 0");
  EXPECT_NE(unit.find("Module: canny"), std::string::npos) << unit;
  EXPECT_NE(unit.find("Weight: 0.75"), std::string::npos);
  EXPECT_NE(unit.find("Threshold A: 50"), std::string::npos);
}

TEST(Infotext, ReadsWhatTheWebUiWrites) {
  const Infotext info = parse_infotext(
      "masterpiece, a cat\nsecond line\nNegative prompt: dog,\nmore\n"
      "Steps: 25, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 1, Size: 512x768, Model hash: abc, "
      "Lora hashes: \"a: 1, b: 2\"");
  EXPECT_EQ(info.prompt, "masterpiece, a cat\nsecond line");
  EXPECT_EQ(info.negative, "dog,\nmore");
  EXPECT_EQ(info.fields.at("Sampler"), "DPM++ 2M Karras");
  EXPECT_EQ(info.fields.at("Lora hashes"), "a: 1, b: 2");
}

TEST(Infotext, TakesAnythingElseAsPrompt) {
  EXPECT_EQ(parse_infotext("just words").prompt, "just words");
  EXPECT_EQ(parse_infotext("").prompt, "");
  EXPECT_TRUE(parse_infotext("a: b").fields.empty());
  for (const char* odd : {"Steps: \"", "Steps: \"\\", ":::,,,", "Steps:", "Steps: 1, : , x"})
    parse_infotext(odd);
}

TEST(Replay, HoldsTheWholeRequestAndTheMaps) {
  const PictureRecord record = example();
  const std::string png = encode_png(Image(64, 64, 3, 1), {.level = 1, .texts = png_texts(record)});
  const Replay replay = read_replay(png, "x.png");
  EXPECT_EQ(options_to_json(replay.request), options_to_json(record.request));
  EXPECT_EQ(replay.index, 2);
  EXPECT_EQ(replay.models, record.models);
  EXPECT_EQ(replay.maps, record.maps);
}

TEST(Replay, LeavesAutoToTheNextMachine) {
  PictureRecord record = example();
  record.precision = "fp16";
  const PngTexts texts = png_texts(record);
  const nlohmann::json said =
      nlohmann::json::parse(find_png_text(texts, kZeroconvKey).value_or("{}"));
  EXPECT_EQ(said["precision"], "fp16");
  EXPECT_EQ(said["request"]["precision"], "auto");
  const std::string png = encode_png(Image(64, 64, 3, 1), {.level = 1, .texts = texts});
  EXPECT_EQ(read_replay(png, "x.png").request.precision, "auto");
}

TEST(Replay, HoldsMasksAndTheMapsOfTheSecondPass) {
  PictureRecord record = example();
  record.request.controls.push_back(parse_control("hed=photo.png,mask=region.png,resize=fill"));
  record.request.hires.scale = 2;
  record.request = resolve(record.request, {});
  record.maps.push_back(Image(64, 64, 3, 9));
  record.hires_maps = {Image(128, 128, 3, 7), Image(128, 128, 3, 8)};
  record.masks[1] = Image(20, 10, 1, 255);
  const std::string png = encode_png(Image(64, 64, 3, 1), {.level = 1, .texts = png_texts(record)});
  const Replay replay = read_replay(png, "x.png");
  EXPECT_EQ(options_to_json(replay.request), options_to_json(record.request));
  EXPECT_EQ(replay.hires_maps, record.hires_maps);
  ASSERT_EQ(replay.masks.size(), 1u);
  EXPECT_EQ(replay.masks.at(1), Image(20, 10, 3, 255));  // as files are read
  record.masks.clear();
  const std::string without = encode_png(Image(8, 8, 3), {.level = 1, .texts = png_texts(record)});
  EXPECT_THROW(read_replay(without, "x.png"), Error);
}

TEST(Infotext, NamesVariationsAndTheSecondPassAsTheWebUiDoes) {
  PictureRecord record = example();
  record.request.profile = "a1111";
  record.request.seed_step = 1;
  record.request.clip_skip = 2;
  record.request.hires = {
      .scale = 1.5, .steps = 9, .denoise = 0.4, .upscaler = HiresUpscaler::lanczos};
  EXPECT_EQ(parse_infotext(infotext(record)).fields.at("Seed"), "12347");
  record.request.variation_seed = 5;
  record.request.variation_strength = 0.25;
  const Infotext info = parse_infotext(infotext(record));
  EXPECT_EQ(info.fields.at("Seed"), "12345");
  EXPECT_EQ(info.fields.at("Variation seed"), "7");
  EXPECT_EQ(info.fields.at("Variation seed strength"), "0.25");
  EXPECT_EQ(info.fields.at("Clip skip"), "2");
  EXPECT_EQ(info.fields.at("Denoising strength"), "0.4");
  EXPECT_EQ(info.fields.at("Hires upscale"), "1.5");
  EXPECT_EQ(info.fields.at("Hires steps"), "9");
  EXPECT_EQ(info.fields.at("Hires upscaler"), "Lanczos");
}

TEST(Replay, RefusesPicturesWithoutARecord) {
  const auto refused = [](const PngTexts& texts) {
    try {
      read_replay(encode_png(Image(8, 8, 3), {.level = 1, .texts = texts}), "x.png");
    } catch (const Error& error) {
      return error.kind() == ErrorKind::bad_file && error.where() == "x.png";
    }
    return false;
  };
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({{"zeroconv", "{"}}));
  EXPECT_TRUE(refused({{"zeroconv", "{}"}}));
  EXPECT_TRUE(refused(
      {{"zeroconv", R"({"record":1,"request":{"stepz":1},"index":0,"models":[],"maps":[]})"}}));
  EXPECT_TRUE(
      refused({{"zeroconv", R"({"record":1,"request":{},"index":5,"models":[],"maps":[]})"}}));
}

}  // namespace
}  // namespace zc
