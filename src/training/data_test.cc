// SPDX-License-Identifier: Apache-2.0
#include "training/data.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "annotators/canny.h"
#include "base/error.h"
#include "base/error_of.h"
#include "base/files.h"
#include "formats/tar_of.h"
#include "image/codec.h"
#include "training/bad_samples.h"
#include "training/circles.h"
#include "training/pairs_stored.h"
#include "training/test_folder.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

Image plain(int width, int height, uint8_t value) {
  return Image(width, height, 3, value);
}

void write_text(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

void write_picture(const fs::path& file, const Image& image) {
  fs::create_directories(file.parent_path());
  save_image(file, image);
}

TEST(OpenPairs, ReadsTheLayoutOfFill50K) {
  const fs::path folder = empty_folder("data_fill50k");
  write_picture(folder / "source/0.png", plain(40, 40, 255));
  write_picture(folder / "target/0.png", plain(40, 40, 7));
  write_text(folder / "prompt.json",
             R"({"source": "source/0.png", "target": "target/0.png", "prompt": "a disc"})");
  const auto pairs = open_pairs(folder.string(), "canny");
  ASSERT_EQ(pairs->size(), 1);
  EXPECT_EQ(pairs->pair(0, 16).target, plain(16, 16, 7));
  EXPECT_EQ(pairs->pair(0, 16).hint, plain(16, 16, 255));
  EXPECT_EQ(pairs->prompt(0, 0), "a disc");
  EXPECT_TRUE(open_pairs(folder.string(), "")->pair(0, 16).hint.empty());
}

TEST(OpenPairs, ReadsTheImageFolderOfHuggingFace) {
  const fs::path folder = empty_folder("data_imagefolder");
  write_picture(folder / "images/0.png", plain(40, 30, 7));
  write_picture(folder / "maps/0.png", plain(40, 30, 9));
  write_text(folder / "metadata.jsonl",
             R"({"file_name": "images/0.png", "conditioning_image": "maps/0.png", "text": "a cat"})"
             "\n"
             R"({"image": "images/0.png", "conditioning_image": "maps/0.png", "text": "a dog"})");
  const auto pairs = open_pairs(folder.string(), "depth");
  ASSERT_EQ(pairs->size(), 2);
  EXPECT_EQ(pairs->pair(1, 16).hint, plain(16, 16, 9));
  EXPECT_EQ(pairs->prompt(1, 0), "a dog");
  EXPECT_EQ(pairs->source_size(0), (ImageSize{40, 30}));
  EXPECT_TRUE(pairs->sizes_differ());
  EXPECT_FALSE(pairs->takes_maps());
}

TEST(OpenPairs, ReadsPicturesWithMapsOfTheSameNames) {
  const fs::path folder = empty_folder("data_kohya");
  write_picture(folder / "images/a.png", plain(40, 40, 7));
  write_picture(folder / "images/b.jpg", plain(40, 40, 8));
  write_text(folder / "images/a.txt", "  a cat \nmore");
  write_text(folder / "images/b.caption", "a dog");
  write_picture(folder / "conditioning/a.png", plain(40, 40, 90));
  write_picture(folder / "conditioning/b.png", plain(40, 40, 91));
  const auto pairs = open_pairs(folder.string(), "depth");
  ASSERT_EQ(pairs->size(), 2);
  EXPECT_EQ(pairs->prompt(0, 0), "a cat");
  EXPECT_EQ(pairs->prompt(1, 0), "a dog");
  EXPECT_EQ(pairs->pair(1, 16).hint, plain(16, 16, 91));
}

TEST(OpenPairs, AMissingMapSpoilsItsSampleOnly) {
  const fs::path folder = empty_folder("data_one_map");
  for (const char* name : {"a", "b"}) {
    write_picture(folder / (std::string(name) + ".png"), plain(40, 40, 7));
    write_text(folder / (std::string(name) + ".txt"), name);
  }
  write_picture(folder / "hint/b.png", plain(40, 40, 9));
  const auto pairs = open_pairs(folder.string(), "depth");
  const Error error = error_of([&] { pairs->pair(0, 16); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_file);
  EXPECT_EQ(error.where(), (folder / "a.png").string());
  EXPECT_EQ(pairs->pair(1, 16).hint, plain(16, 16, 9));
}

TEST(OpenPairs, TakesTheMapsOfPlainPicturesAfterTheyWereCut) {
  const fs::path folder = empty_folder("data_plain");
  Image picture = plain(60, 40, 20);
  for (int y = 0; y < 40; ++y) std::fill_n(picture.at(25, y), 35 * 3, uint8_t{220});
  write_picture(folder / "a.png", picture);
  write_text(folder / "a.txt", "a wall");
  const auto pairs = open_pairs(folder.string(), "canny");
  EXPECT_TRUE(pairs->takes_maps());
  const PairCut cut = {.size = {32, 32}, .x = 0, .flip = true};
  const Pair pair = pairs->cut(0, cut);
  EXPECT_EQ(pair.hint, hwc3(canny(pair.target)));
  EXPECT_NE(pair.hint, plain(32, 32, 0));
  PairCut blind = cut;
  blind.canny_low = 5000;
  blind.canny_high = 9000;
  EXPECT_EQ(pairs->cut(0, blind).hint, plain(32, 32, 0));
}

TEST(OpenPairs, RefusesPicturesWithoutAnyText) {
  const fs::path folder = empty_folder("data_silent");
  write_picture(folder / "a.png", plain(40, 40, 7));
  EXPECT_NE(error_of([&] { open_pairs(folder.string(), "canny"); }).text().find(".caption"),
            std::string::npos);
  EXPECT_EQ(open_pairs(folder.string(), "")->size(), 1);  // pictures are enough without a map
}

TEST(OpenPairs, SaysWhatItFoundAndWhatIsKnown) {
  const fs::path folder = empty_folder("data_unknown");
  write_text(folder / "train.parquet", "PAR1");
  const Error error = error_of([&] { open_pairs(folder.string(), "canny"); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_file);
  EXPECT_EQ(error.where(), folder.string());
  for (const char* word : {"train.parquet", "prompt.json", "metadata.jsonl", ".tar", ".caption"})
    EXPECT_NE(error.text().find(word), std::string::npos) << word;
}

TEST(OpenPairs, SaysWhenThereIsNothingThere) {
  const Error error = error_of([] { open_pairs("/there/is/no/such/folder", "canny"); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_NE(error.text().find("circles:COUNT"), std::string::npos);
}

TEST(OpenPairs, NamesTheLineOfAListThatIsWrong) {
  const fs::path folder = empty_folder("data_wrong_line");
  write_text(folder / "prompt.json",
             "{\"source\": \"a\", \"target\": \"b\", \"prompt\": \"c\"}\n{\"source\": 1}\n");
  const Error error = error_of([&] { open_pairs(folder.string(), "canny"); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_file);
  EXPECT_TRUE(error.where().ends_with("prompt.json:2")) << error.where();
}

TEST(OpenPairs, NeverReadsOutsideItsFolder) {
  const fs::path folder = empty_folder("data_escape");
  write_text(folder / "prompt.json",
             R"({"source": "../x.png", "target": "/etc/passwd", "prompt": "c"})");
  const auto pairs = open_pairs(folder.string(), "canny");
  EXPECT_EQ(error_of([&] { pairs->pair(0, 16); }).kind(), ErrorKind::bad_file);
}

TEST(Shards, PairTheMembersOfASampleInPlace) {
  const fs::path folder = empty_folder("data_shards");
  const std::string picture = encode_png(plain(40, 40, 7)), map = encode_png(plain(40, 40, 9));
  write_file_atomically(folder / "a-00.tar", tar_of({{"x/0.jpg", encode_jpeg(plain(40, 40, 7))},
                                                     {"x/0.hint.png", map},
                                                     {"x/0.txt", "a cat\n"},
                                                     {"x/1.png", picture},
                                                     {"x/1.hint.png", map},
                                                     {"x/1.json", R"({"caption": "a dog"})"}}));
  write_file_atomically(folder / "a-01.tar", tar_of({{"2.hint.png", map}, {"2.txt", "lost"}}));
  for (const std::string& where : {folder.string(), (folder / "a-{00..01}.tar").string()}) {
    const auto pairs = open_pairs(where, "depth");
    ASSERT_EQ(pairs->size(), 3);
    EXPECT_EQ(pairs->prompt(0, 0), "a cat");
    EXPECT_EQ(pairs->prompt(1, 0), "a dog");
    EXPECT_EQ(pairs->pair(1, 16).target, plain(16, 16, 7));
    EXPECT_EQ(pairs->pair(0, 16).hint, plain(16, 16, 9));
    EXPECT_TRUE(pairs->name(2).ends_with("a-01.tar:2")) << pairs->name(2);
    EXPECT_NE(error_of([&] { pairs->pair(2, 16); }).text().find("no picture"), std::string::npos);
  }
}

TEST(Shards, KnowTheMapThatNeMoCallsPng) {
  const fs::path file = empty_folder("data_nemo") / "a.tar";
  write_file_atomically(file, tar_of({{"0.jpg", encode_jpeg(plain(40, 40, 7))},
                                      {"0.png", encode_png(plain(40, 40, 9))},
                                      {"0.txt", "a cat"}}));
  EXPECT_EQ(open_pairs(file.string(), "depth")->pair(0, 16).hint, plain(16, 16, 9));
}

TEST(Shards, RefuseAFieldThatASampleHasTwice) {
  const fs::path file = empty_folder("data_twice") / "a.tar";
  write_file_atomically(file, tar_of({{"0.txt", "a"}, {"0.txt", "b"}}));
  const Error error = error_of([&] { open_pairs(file.string(), "depth"); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_file);
  EXPECT_EQ(error.where(), file.string());
}

TEST(Shards, ATextThatIsNoUtf8SpoilsItsSampleOnly) {
  const fs::path file = empty_folder("data_latin1") / "a.tar";
  const std::string picture = encode_png(plain(8, 8, 7));
  write_file_atomically(
      file, tar_of({{"0.png", picture}, {"0.txt", "caf\xe9"}, {"1.png", picture}, {"1.txt", "b"}}));
  const auto pairs = open_pairs(file.string(), "");
  EXPECT_EQ(error_of([&] { pairs->prompt(0, 0); }).kind(), ErrorKind::bad_file);
  EXPECT_EQ(pairs->prompt(1, 0), "b");
}

TEST(ExpandedBraces, CountAsAShellDoes) {
  const std::vector<std::string> counted = expanded_braces("a-{008..011}.tar");
  EXPECT_EQ(counted,
            (std::vector<std::string>{"a-008.tar", "a-009.tar", "a-010.tar", "a-011.tar"}));
  EXPECT_EQ(expanded_braces("{a,b}{1..2}.tar,c.tar"),
            (std::vector<std::string>{"a1.tar", "a2.tar", "b1.tar", "b2.tar", "c.tar"}));
}

TEST(ExpandedBraces, RefuseWhatMakesNoSense) {
  for (const char* pattern : {"a-{3..1}.tar", "a-{0..x}.tar", "a-{0..2.tar", "a-0}.tar",
                              "{0..99999}{0..99999}.tar", "{0..9999999999}.tar"}) {
    const Error error = error_of([&] { expanded_braces(pattern); });
    EXPECT_EQ(error.kind(), ErrorKind::bad_request) << pattern;
    EXPECT_EQ(error.where(), "--data");
  }
}

TEST(OpenPairs, DrawsCircles) {
  const auto pairs = open_pairs("circles:5:100", "canny");
  ASSERT_EQ(pairs->size(), 5);
  const CirclePair circle = sample_circle(103, 64);
  EXPECT_EQ(pairs->pair(3, 64).target, circle.target);
  EXPECT_EQ(pairs->pair(3, 64).hint, circle.source);
  EXPECT_EQ(pairs->prompt(3, 0), circle.prompt);
  EXPECT_FALSE(pairs->source_size(3).has_value());
  EXPECT_EQ(error_of([] { open_pairs("circles:none", ""); }).kind(), ErrorKind::bad_request);
}

TEST(OpenPairs, MirrorsDrawnPicturesAndTheirMaps) {
  const auto pairs = open_pairs("circles:5", "canny");
  const Pair pair = pairs->pair(1, 32);
  const Pair mirrored = pairs->cut(1, {.size = {32, 32}, .flip = true});
  for (int x = 0; x < 32; ++x) {
    EXPECT_EQ(*mirrored.hint.at(x, 16), *pair.hint.at(31 - x, 16));
    EXPECT_EQ(*mirrored.target.at(x, 16), *pair.target.at(31 - x, 16));
  }
}

TEST(BadSamples, AreListedAsJsonLines) {
  const std::string text = bad_samples_text({{3, "a \"b\".png", "is cut short"}});
  const auto line = nlohmann::json::parse(text);
  EXPECT_EQ(line["index"], 3);
  EXPECT_EQ(line["file"], "a \"b\".png");
  EXPECT_EQ(line["reason"], "is cut short");
}

TEST(BadSamples, EndTheRunWhenMoreThanATenthOfTheFirstHundredAreBad) {
  const auto pairs = open_pairs("circles:1000", "");
  std::vector<BadSample> bad;
  for (int64_t i = 0; i < 10; ++i) bad.push_back({i, "a.png", "is cut short"});
  for (int64_t i = 100; i < 300; ++i) bad.push_back({i, "b.png", "is cut short"});
  refuse_too_many(bad, *pairs);
  bad.push_back({99, "c.png", "is cut short"});
  EXPECT_EQ(error_of([&] { refuse_too_many(bad, *pairs); }).kind(), ErrorKind::bad_file);
}

TEST(BadSamples, AreNotBlamedForACancelledRun) {
  const auto pairs = open_pairs("circles:3", "");
  EXPECT_THROW(fault_of(*pairs, 0, [] { throw Error(ErrorKind::cancelled, "", ""); }), Error);
  EXPECT_TRUE(fault_of(*pairs, 0, [] { throw Error(ErrorKind::bad_file, "x", "y"); }).has_value());
  EXPECT_FALSE(fault_of(*pairs, 0, [] {}).has_value());
}

}  // namespace
}  // namespace zc
