// SPDX-License-Identifier: Apache-2.0
#include "training/augment.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/error_of.h"

namespace zc {
namespace {

// Each pixel says where it is: red its column, green its row, blue `mark`.
Image coordinates(int width, int height, uint8_t mark = 0) {
  Image image(width, height, 3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.at(x, y)[0] = static_cast<uint8_t>(x);
      image.at(x, y)[1] = static_cast<uint8_t>(y);
      image.at(x, y)[2] = mark;
    }
  }
  return image;
}

class KindOfPairs : public PairSource {
 public:
  KindOfPairs(std::string control, bool takes_maps, bool stored)
      : control_(std::move(control)), takes_maps_(takes_maps), stored_(stored) {}
  int64_t size() const override { return 1; }
  Pair pair(int64_t, int size) const override { return {Image(size, size, 3), {}}; }
  std::string prompt(int64_t, uint64_t) const override { return ""; }
  std::string description() const override { return "these"; }
  std::string fingerprint() const override { return ""; }
  std::string control() const override { return control_; }
  bool takes_maps() const override { return takes_maps_; }
  bool sizes_differ() const override { return stored_; }

 private:
  std::string control_;
  bool takes_maps_, stored_;
};

TEST(CutImage, AroundTheMiddleIsTheOldCut) {
  for (const ImageSize size : {ImageSize{32, 32}, ImageSize{20, 50}, ImageSize{64, 48}}) {
    for (const Image& image : {coordinates(61, 40), coordinates(33, 90)})
      EXPECT_EQ(cut_image(image, {.size = size}), center_crop_fill(image, size));
  }
}

TEST(CutImage, LiesWhereXAndYSay) {
  const Image image = coordinates(100, 40);
  EXPECT_EQ(cut_image(image, {.size = {40, 40}, .x = 0}).at(0, 0)[0], 0);
  EXPECT_EQ(cut_image(image, {.size = {40, 40}, .x = 1}).at(0, 0)[0], 60);
  EXPECT_EQ(cut_image(image, {.size = {100, 20}, .y = 1}).at(0, 0)[1], 20);
}

TEST(CutPair, KeepsEachPixelOfTheMapWithItsPixel) {
  const Image picture = coordinates(90, 60, 1), map = coordinates(90, 60, 2);
  const PairCut cut = {.size = {48, 60}, .x = 0.3, .y = 0.9, .flip = true};
  const Pair pair = cut_pair(picture, map, cut, "depth", "a.png");
  ASSERT_EQ(pair.target.pixels.size(), pair.hint.pixels.size());
  for (size_t i = 0; i < pair.target.pixels.size(); i += 3) {
    ASSERT_EQ(pair.target.pixels[i], pair.hint.pixels[i]);
    ASSERT_EQ(pair.target.pixels[i + 1], pair.hint.pixels[i + 1]);
  }
  EXPECT_EQ(pair.hint.pixels[2], 2);
}

TEST(CutPair, FollowsAMapOfHalfTheSizeWithinHalfAPixelOfIt) {
  const Image picture = coordinates(200, 100), map = coordinates(100, 50);
  const Pair pair = cut_pair(picture, map, {.size = {100, 100}, .x = 0.37}, "depth", "a.png");
  EXPECT_NEAR(pair.target.at(50, 50)[0], 2 * pair.hint.at(50, 50)[0], 2);
}

TEST(CutPair, RefusesAMapOfAnotherShape) {
  const Error error = error_of([] {
    cut_pair(Image(100, 100, 3), Image(100, 98, 3), {.size = {32, 32}}, "depth", "a.png");
  });
  EXPECT_EQ(error.kind(), ErrorKind::bad_file);
  EXPECT_EQ(error.where(), "a.png");
  cut_pair(Image(400, 400, 3), Image(100, 100, 3), {.size = {32, 32}}, "depth", "a.png");
}

TEST(CutPair, TakesNoColoursInBetweenForMapsOfClasses) {
  Image map(64, 64, 3);
  for (int y = 0; y < 64; ++y) {
    for (int x = 21; x < 64; ++x) map.at(x, y)[0] = 200;
  }
  const Pair pair = cut_pair(Image(64, 64, 3), map, {.size = {24, 24}}, "seg", "a.png");
  for (size_t i = 0; i < pair.hint.pixels.size(); i += 3)
    EXPECT_TRUE(pair.hint.pixels[i] == 0 || pair.hint.pixels[i] == 200);
}

TEST(MirrorMap, TurnsTheSidewaysPartOfNormals) {
  Image map(2, 1, 3);
  map.pixels = {200, 10, 20, 128, 30, 40};
  mirror_map(map, "normalbae");
  EXPECT_EQ(map.pixels, (std::vector<uint8_t>{127, 30, 40, 55, 10, 20}));
}

TEST(MirrorMap, RefusesMapsOfPeople) {
  Image map(2, 1, 3);
  EXPECT_EQ(error_of([&] { mirror_map(map, "openpose"); }).kind(), ErrorKind::unsupported);
}

TEST(CheckAugmentation, RefusesWhatASourceCannotHave) {
  const KindOfPairs pose("openpose", false, true), found_pose("openpose", true, true);
  const KindOfPairs depth("depth", true, true), canny("canny", true, true);
  const KindOfPairs drawn("canny", false, false);
  EXPECT_EQ(error_of([&] { check_augmentation({.flip = true}, pose); }).where(), "--flip");
  EXPECT_EQ(error_of([&] { check_augmentation({.random_canny = true}, depth); }).where(),
            "--random-thresholds");
  EXPECT_EQ(error_of([&] { check_augmentation({.random_canny = true}, drawn); }).where(),
            "--random-thresholds");
  EXPECT_EQ(error_of([&] { check_augmentation({.random_crop = true}, drawn); }).where(),
            "--random-crop");
  check_augmentation({.flip = true}, found_pose);  // the pose is looked for after mirroring
  check_augmentation({.random_crop = true, .flip = true, .random_canny = true}, canny);
}

TEST(DrawAugmentation, LeavesEveryChoiceAsItWasWhenAnotherIsTurnedOn) {
  const AugmentOptions few = {.flip = true, .prompt_dropout = 0.5};
  AugmentOptions more = few;
  more.random_crop = more.random_canny = true;
  more.hint_dropout = more.hint_noise = 0.5;
  for (int64_t number = 0; number < 50; ++number) {
    const Augmentation a = draw_augmentation(few, 1, 2, number);
    const Augmentation b = draw_augmentation(more, 1, 2, number);
    EXPECT_EQ(a.flip, b.flip);
    EXPECT_EQ(a.no_prompt, b.no_prompt);
    EXPECT_EQ(a.phrasing, b.phrasing);
  }
}

TEST(DrawAugmentation, HappensAsOftenAsAskedForAndDiffersFromStepToStep) {
  const AugmentOptions options = {.flip = true, .prompt_dropout = 0.3, .hint_dropout = 0.1};
  int flips = 0, prompts = 0, hints = 0, same = 0;
  for (int64_t i = 0; i < 2000; ++i) {
    const Augmentation a = draw_augmentation(options, 5, i / 4, i % 4);
    flips += a.flip ? 1 : 0;
    prompts += a.no_prompt ? 1 : 0;
    hints += a.no_hint ? 1 : 0;
    same += a.flip == draw_augmentation(options, 5, 1000 + i / 4, i % 4).flip ? 1 : 0;
  }
  EXPECT_NEAR(flips, 1000, 110);  // five deviations each
  EXPECT_NEAR(prompts, 600, 102);
  EXPECT_NEAR(hints, 200, 67);
  EXPECT_NEAR(same, 1000, 110);
}

TEST(DrawAugmentation, KeepsCannysThresholdsInOrder) {
  for (int64_t i = 0; i < 100; ++i) {
    const Augmentation a = draw_augmentation({.random_canny = true}, 1, i, 0);
    EXPECT_GE(a.canny_low, 40);
    EXPECT_GT(a.canny_high, a.canny_low);
    EXPECT_LE(a.canny_high, 480);
  }
}

TEST(AugmentedPrompt, DropsTagsButTheFirst) {
  const std::string prompt = "a cat, red, small, sleeping";
  EXPECT_EQ(augmented_prompt(prompt, {.tag_dropout = 1}), "a cat");
  EXPECT_EQ(augmented_prompt(prompt, {.tag_dropout = 0}), prompt);
  size_t kept = 0;
  for (uint64_t key = 0; key < 200; ++key)
    kept += augmented_prompt(prompt, {.tag_dropout = 0.5, .tag_key = key}).size();
  EXPECT_NEAR(static_cast<double>(kept) / 200, 5 + (prompt.size() - 5) / 2.0, 2.5);
}

TEST(AugmentedPrompt, LeavesASentenceWithoutCommasWhole) {
  EXPECT_EQ(augmented_prompt("a cat on a mat", {.tag_dropout = 1}), "a cat on a mat");
}

TEST(AugmentedPrompt, IsEmptyWhenItIsDropped) {
  EXPECT_EQ(augmented_prompt("a cat", {.no_prompt = true}), "");
}

TEST(AugmentedPrompt, ExchangesLeftAndRightOfAMirroredPicture) {
  EXPECT_EQ(augmented_prompt("a bright cat left of a dog, right", {.flip = true}),
            "a bright cat right of a dog, left");
}

TEST(AugmentHint, CanBeBlackBlurredOrNoisy) {
  Image white(16, 16, 3, 255), edge(16, 16, 3), grey(16, 16, 3, 128);
  augment_hint(white, {.no_hint = true});
  EXPECT_EQ(white, Image(16, 16, 3, 0));
  for (int y = 0; y < 16; ++y) std::fill_n(edge.at(8, y), 8 * 3, uint8_t{255});
  augment_hint(edge, {.blur = 1.5});
  EXPECT_GT(edge.at(7, 4)[0], 60);
  EXPECT_LT(edge.at(8, 4)[0], 195);
  EXPECT_EQ(edge.at(0, 4)[0], 0);
  EXPECT_EQ(edge.at(15, 4)[0], 255);
  augment_hint(grey, {.noise = 0.1, .noise_key = 3});
  double sum = 0, squares = 0;
  for (size_t i = 0; i < grey.pixels.size(); i += 3) {
    EXPECT_EQ(grey.pixels[i], grey.pixels[i + 2]);
    const double d = grey.pixels[i] - 128.0;
    sum += d;
    squares += d * d;
  }
  EXPECT_NEAR(sum / 256, 0, 8);
  EXPECT_NEAR(std::sqrt(squares / 256), 25.5, 6);
}

}  // namespace
}  // namespace zc
