// SPDX-License-Identifier: Apache-2.0
// How pictures of other programs become requests of ours. The files are those of the fuzz corpus.
#include "server/picture_metadata.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "image/codec.h"
#include "pipelines/request.h"
#include "server/metadata_readers.h"

namespace zc {
namespace {

using nlohmann::json;

PictureMetadata metadata_of_file(const std::string& name) {
  const std::string bytes = read_file(std::string(ZC_SOURCE_DIR "/fuzz/corpus/metadata/") + name);
  PictureMetadata found = read_picture_metadata(
      std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
  EXPECT_NO_THROW(request_from_json(found.request)) << name;
  return found;
}

PictureMetadata metadata_of_text(const std::string& key, const std::string& text) {
  PictureMetadata found = read_picture_metadata(std::vector<PictureText>{{key, text}});
  EXPECT_NO_THROW(request_from_json(found.request)) << text;
  return found;
}

TEST(PictureMetadata, ReadsTheWebUi) {
  const PictureMetadata found = metadata_of_file("a1111.png");
  EXPECT_EQ(found.source, "a1111");
  const json& r = found.request;
  EXPECT_EQ(r["prompt"], "a red house, (tall:1.2) tree\nby the sea");
  EXPECT_EQ(r["negative"], "blurry, low\nquality");
  EXPECT_EQ(r["steps"], 20);
  EXPECT_EQ(r["cfg"], 7);
  EXPECT_EQ(r["seed"], 1234567890);
  EXPECT_EQ(r["width"], 512);
  EXPECT_EQ(r["height"], 768);
  EXPECT_EQ(r["sampler"], "dpmpp_2m_karras");
  EXPECT_EQ(r["denoise"], 0.7);
  EXPECT_EQ(r["clip_skip"], 2);
  EXPECT_EQ(r["profile"], "a1111");
  EXPECT_EQ(r["noise"], "cuda");
  EXPECT_EQ(found.model, "v1-5-pruned-emaonly");
  EXPECT_TRUE(found.text.ends_with("Version: v1.9.4"));
}

TEST(PictureMetadata, ReadsTheWebUisControls) {
  const PictureMetadata found = metadata_of_file("a1111.png");
  ASSERT_EQ(found.request["controls"].size(), 1u);
  const json& unit = found.request["controls"][0];
  EXPECT_EQ(unit["kind"], "canny");
  EXPECT_EQ(unit["weight"], 0.8);
  EXPECT_EQ(unit["start"], 0.1);
  EXPECT_EQ(unit["end"], 0.9);
  EXPECT_EQ(unit["mode"], "prompt");
  EXPECT_EQ(unit["resize"], "crop");
  EXPECT_EQ(unit["parameters"], json::array({"low=80", "high=160"}));
  EXPECT_EQ(unit["image"], "");
}

TEST(PictureMetadata, ReadsTheWebUisSecondPassAndVariations) {
  const PictureMetadata found = metadata_of_text(
      "parameters",
      "x\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 512x512, Variation seed: 9, "
      "Variation seed strength: 0.25, Denoising strength: 0.4, Hires upscale: 2, Hires steps: 10, "
      "Hires upscaler: Lanczos");
  EXPECT_EQ(found.request["hires"], json::parse(R"({"scale":2,"steps":10,"denoise":0.4,
                                                    "upscaler":"lanczos"})"));
  EXPECT_FALSE(found.request.contains("denoise"));
  EXPECT_EQ(found.request["variation_seed"], 9);
  EXPECT_EQ(found.request["variation_strength"], 0.25);
}

TEST(PictureMetadata, ReadsTextOfAnyScriptFromPngJpegAndWebP) {
  for (const char* name : {"a1111_unicode.png", "a1111.jpg", "a1111.webp"}) {
    const PictureMetadata found = metadata_of_file(name);
    EXPECT_EQ(found.source, "a1111") << name;
    EXPECT_EQ(found.request["prompt"], "\u732b\u3068\u6d77") << name;
    EXPECT_EQ(found.request["sampler"], "euler_a") << name;
    EXPECT_EQ(found.request["noise"], "cpu") << name;
  }
}

TEST(PictureMetadata, ReadsAGraphThatWasRun) {
  const PictureMetadata found = metadata_of_file("comfy.png");
  EXPECT_EQ(found.source, "comfyui");
  const json& r = found.request;
  EXPECT_EQ(r["prompt"], "beautiful scenery nature glass bottle landscape");
  EXPECT_EQ(r["negative"], "text, watermark");
  EXPECT_EQ(r["seed"], 156680208700286);
  EXPECT_EQ(r["steps"], 25);
  EXPECT_EQ(r["cfg"], 8.0);
  EXPECT_EQ(r["sampler"], "euler_a");
  EXPECT_EQ(r["width"], 512);
  EXPECT_EQ(r["height"], 640);
  EXPECT_EQ(r["batch"], 2);
  EXPECT_EQ(found.model, "v1-5-pruned-emaonly.ckpt");
  ASSERT_EQ(r["controls"].size(), 1u);
  EXPECT_EQ(r["controls"][0]["kind"], "depth");
  EXPECT_EQ(r["controls"][0]["weight"], 0.75);
  EXPECT_EQ(r["controls"][0]["end"], 0.8);
}

TEST(PictureMetadata, ReadsAGraphFromExif) {
  const PictureMetadata found = metadata_of_file("comfy.webp");
  EXPECT_EQ(found.source, "comfyui");
  EXPECT_EQ(found.request["seed"], 156680208700286);
}

TEST(PictureMetadata, ReadsAGraphThatWasOnlyDrawn) {
  const std::string flow = read_file(ZC_SOURCE_DIR "/fuzz/corpus/metadata/comfy_workflow.json");
  const PictureMetadata found = metadata_of_text("workflow", flow);
  EXPECT_EQ(found.source, "comfyui");
  EXPECT_EQ(found.request["prompt"], "a castle on a hill");
  EXPECT_EQ(found.request["negative"], "ugly");
  EXPECT_EQ(found.request["seed"], 8566257);
  EXPECT_EQ(found.request["sampler"], "dpmpp_2m_karras");
  EXPECT_EQ(found.request["width"], 768);
  EXPECT_EQ(found.model, "dreamshaper_8.safetensors");
}

TEST(PictureMetadata, ReadsAGraphOfSeparateSamplerNodes) {
  const std::string graph = read_file(ZC_SOURCE_DIR "/fuzz/corpus/metadata/comfy_custom.json");
  const PictureMetadata found = metadata_of_text("prompt", graph);
  EXPECT_EQ(found.request["prompt"], "a lighthouse");
  EXPECT_EQ(found.request["negative"], "fog");
  EXPECT_EQ(found.request["seed"], 99);
  EXPECT_EQ(found.request["steps"], 15);
  EXPECT_EQ(found.request["cfg"], 4.5);
  EXPECT_EQ(found.request["sampler"], "heun_exponential");
  EXPECT_EQ(found.request["width"], 1024);
}

TEST(PictureMetadata, AGraphInACircleEnds) {
  const char* circle = R"({"1":{"class_type":"KSampler","inputs":{"seed":1,"positive":["2",0],
      "latent_image":["1",0],"model":["2",0]}},
      "2":{"class_type":"ConditioningCombine","inputs":{"conditioning":["3",0]}},
      "3":{"class_type":"ConditioningCombine","inputs":{"conditioning":["2",0]}}})";
  EXPECT_EQ(metadata_of_text("prompt", circle).request["seed"], 1);
}

TEST(PictureMetadata, ReadsFooocus) {
  for (const char* name : {"fooocus.png", "fooocus.jpg"}) {
    const PictureMetadata found = metadata_of_file(name);
    EXPECT_EQ(found.source, "fooocus") << name;
    EXPECT_EQ(found.request["prompt"], "a fox in the snow");
    EXPECT_EQ(found.request["seed"], 604342183639710);
    EXPECT_EQ(found.request["width"], 1152);
    EXPECT_EQ(found.request["height"], 896);
    EXPECT_EQ(found.request["sampler"], "dpmpp_2m_sde_karras");
    EXPECT_EQ(found.request["cfg"], 4);
    EXPECT_EQ(found.request["a_prompt"], "");
    EXPECT_EQ(found.model, "juggernautXL_v8Rundiffusion");
  }
}

TEST(PictureMetadata, ReadsInvoke) {
  const PictureMetadata found = metadata_of_file("invoke.png");
  EXPECT_EQ(found.source, "invokeai");
  EXPECT_EQ(found.request["prompt"], "an owl, oil painting");
  EXPECT_EQ(found.request["negative"], "photo");
  EXPECT_EQ(found.request["sampler"], "dpmpp_2m_karras");
  EXPECT_EQ(found.request["height"], 1216);
  EXPECT_EQ(found.model, "Dreamshaper 8");
  EXPECT_EQ(found.request["controls"][0]["kind"], "openpose");
  EXPECT_EQ(found.request["controls"][0]["mode"], "prompt");
  const std::string old = read_file(ZC_SOURCE_DIR "/fuzz/corpus/metadata/invoke_old.json");
  const PictureMetadata before = metadata_of_text("sd-metadata", old);
  EXPECT_EQ(before.request["prompt"], "a boat");
  EXPECT_EQ(before.request["sampler"], "lms");
}

TEST(PictureMetadata, ReadsOurOwnRecordBeforeAnythingElse) {
  const PictureMetadata found = metadata_of_file("zeroconv.png");
  EXPECT_EQ(found.source, "zeroconv");
  EXPECT_EQ(found.request["prompt"], "a house at noon");
  EXPECT_EQ(found.request["controls"][0]["image"], "photo.png");
  ASSERT_EQ(found.maps.size(), 1u);
  EXPECT_TRUE(found.maps[0].starts_with("\x89PNG"));
  EXPECT_TRUE(found.text.starts_with("a house at noon"));
}

TEST(PictureMetadata, OfAPlainPictureIsNothing) {
  const std::string png = encode_png(Image(4, 4, 3));
  const PictureMetadata found =
      read_picture_metadata(std::span(reinterpret_cast<const uint8_t*>(png.data()), png.size()));
  EXPECT_EQ(found.source, "none");
  EXPECT_EQ(found.request, json::object());
  EXPECT_EQ(metadata_of_text("UserComment", "my dog at the beach").source, "none");
  EXPECT_EQ(metadata_of_text("prompt", "{\"not\": \"a graph\"}").source, "none");
}

TEST(PictureMetadata, WhatOurOptionsRefuseIsLeftOutAndTold) {
  const PictureMetadata found = metadata_of_text(
      "parameters", "x\nSteps: 5000, Sampler: Quantum, CFG scale: nan, Seed: 1e99, Size: 64x99999");
  EXPECT_FALSE(found.request.contains("steps"));
  EXPECT_FALSE(found.request.contains("sampler"));
  EXPECT_FALSE(found.request.contains("cfg"));
  EXPECT_FALSE(found.request.contains("seed"));
  EXPECT_EQ(found.request["width"], 64);
  EXPECT_FALSE(found.request.contains("height"));
  EXPECT_EQ(found.notes.size(), 5u);
}

TEST(PictureMetadata, AnswersTextOfManyPromptsWithAPrompt) {
  EXPECT_EQ(metadata_of_text("parameters", "just words").request["prompt"], "just words");
  // Two fields are no line of fields: the prompt may look like that.
  EXPECT_EQ(metadata_of_text("parameters", "time: noon, place: sea").request["prompt"],
            "time: noon, place: sea");
}

TEST(InfotextLine, FollowsTheGrammar) {
  const InfotextLine line = scan_infotext_line(
      R"(Steps: 20, Tiling, Lora hashes: "a: 1, b: \"2\"", Size: 1x2, Model: a b-c/d)");
  const std::vector<std::pair<std::string, std::string>> wanted = {
      {"Steps", "20"},
      {"Tiling", "Tiling"},
      {"Lora hashes", "a: 1, b: \"2\""},
      {"Size", "1x2"},
      {"Model", "a b-c/d"}};
  EXPECT_EQ(line.fields, wanted);
  EXPECT_EQ(line.matches, 4);
  EXPECT_EQ(scan_infotext_line("Unclosed: \"a, Next: b").fields[1].second, "b");
  EXPECT_TRUE(scan_infotext_line("").fields.empty());
}

TEST(UserComment, KnowsItsCharacterSets) {
  const auto decoded = [](std::string text) {
    return decode_user_comment(
        std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  };
  using namespace std::string_literals;
  EXPECT_EQ(decoded("UNICODE\0\0A\0B"s), "AB");         // big-endian without a mark
  EXPECT_EQ(decoded("UNICODE\0A\0B\0"s), "AB");         // little-endian, by its zeros
  EXPECT_EQ(decoded("UNICODE\0\xff\xfe\x41\0"s), "A");  // by its mark
  EXPECT_EQ(decoded("UNICODE\0\xd8\x3d\xde\x00"s), "\U0001F600");
  EXPECT_EQ(decoded("UNICODE\0\xd8\x3d"s), "\uFFFD");
  EXPECT_EQ(decoded("ASCII\0\0\0plain"s), "plain");
  EXPECT_EQ(decoded("\0\0\0\0\0\0\0\0none"s), "none");
  EXPECT_EQ(decoded("caf\xe9"s), "caf\u00e9");
  EXPECT_EQ(decoded(""s), "");
}

// A TIFF block whose every entry names the same kilobytes.
std::string exif_bomb(uint32_t size) {
  const auto u16 = [](uint32_t v) { return std::string{char(v), char(v >> 8)}; };
  const auto u32 = [&](uint32_t v) { return u16(v & 0xFFFF) + u16(v >> 16); };
  constexpr uint32_t kEntries = 500;
  std::string block = "II" + u16(42) + u32(8) + u16(kEntries);
  const uint32_t texts = 8 + 2 + 12 * kEntries;
  for (uint32_t i = 0; i < kEntries; ++i) block += u16(0x010F) + u16(2) + u32(size) + u32(texts);
  return block + std::string(size, 'x');
}

TEST(PictureTexts, AreNotMoreThanMemoryHolds) {
  const std::string bomb = exif_bomb(1 << 20);
  const auto texts =
      read_exif_texts(std::span(reinterpret_cast<const uint8_t*>(bomb.data()), bomb.size()));
  EXPECT_EQ(texts.size(), 16u);
}

}  // namespace
}  // namespace zc
