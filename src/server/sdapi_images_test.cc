// SPDX-License-Identifier: Apache-2.0
// Pixels and files of the web UI's API.
#include "server/sdapi_images.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/error.h"
#include "image/base64.h"
#include "server/picture_texts.h"
#include "server/problem.h"
#include "server/sdapi_encode.h"
#include "server/sdapi_upscale.h"

namespace zc {
namespace {

Image ramp(int width, int height) {
  Image image(width, height, 3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x)
      image.at(x, y)[0] = static_cast<uint8_t>(x * 255 / std::max(1, width - 1));
  }
  return image;
}

Image box_mask(int width, int height, int left, int top, int right, int bottom) {
  Image mask(width, height, 1);
  for (int y = top; y < bottom; ++y) {
    for (int x = left; x < right; ++x) *mask.at(x, y) = 255;
  }
  return mask;
}

TEST(WebuiResized, StretchesCutsOrFills) {
  const Image wide = ramp(200, 100);
  const Image just = webui_resized(wide, {50, 50}, WebuiResize::just);
  EXPECT_LT(just.at(0, 25)[0], 10);
  EXPECT_GT(just.at(49, 25)[0], 245);
  const Image cut = webui_resized(wide, {50, 50}, WebuiResize::crop);
  EXPECT_NEAR(cut.at(0, 25)[0], 64, 5);
  EXPECT_NEAR(cut.at(49, 25)[0], 191, 5);
  const Image filled = webui_resized(wide, {50, 50}, WebuiResize::fill);
  EXPECT_EQ(filled.height, 50);
  EXPECT_EQ(filled.at(30, 0)[0], filled.at(30, 13)[0]);  // the first line repeated
}

TEST(WebuiMask, IsTheAlphaWhereThereIsOne) {
  Image rgba(2, 1, 4, 255);
  rgba.pixels[3] = 10;
  EXPECT_EQ(webui_mask(rgba, false).pixels, (std::vector<uint8_t>{0, 255}));
  EXPECT_EQ(webui_mask(rgba, true).pixels, (std::vector<uint8_t>{255, 0}));
  Image rgb(1, 1, 3);
  rgb.pixels = {255, 255, 255};
  EXPECT_EQ(webui_mask(rgb, false).pixels[0], 255);
}

TEST(BlurredMask, KeepsItsSumAndSpreadsAsAGaussian) {
  const Image mask = box_mask(101, 101, 50, 50, 51, 51);
  Image bright = mask;
  for (const double sigma : {2.0, 5.0, 11.3}) {
    Image wide = box_mask(201, 201, 60, 60, 140, 140);
    const Image soft = blurred_mask(wide, sigma);
    const auto sum = [](const Image& m) {
      return std::accumulate(m.pixels.begin(), m.pixels.end(), 0.0);
    };
    EXPECT_NEAR(sum(soft) / sum(wide), 1, 0.01);
    // Half at the edge, of which the pixel's middle is half a pixel inside.
    EXPECT_NEAR(*soft.at(60, 100), 127.5 * (1 + std::erf(0.5 / (sigma * std::sqrt(2.0)))), 12)
        << sigma;
    // One deviation outside: 16 % of white.
    EXPECT_NEAR(*soft.at(static_cast<int>(60 - sigma - 0.5), 100), 255 * 0.1587, 18) << sigma;
  }
  EXPECT_EQ(blurred_mask(mask, 0), mask);
  EXPECT_EQ(blurred_mask(Image(1, 1, 1, 255), 64).pixels[0], 255);
}

TEST(FilledUnderMask, TakesTheColoursAround) {
  Image image(64, 64, 3, 10);
  for (int y = 0; y < 64; ++y) {
    for (int x = 32; x < 64; ++x) image.at(x, y)[0] = 200;
  }
  const Image mask = box_mask(64, 64, 20, 20, 44, 44);
  for (int y = 20; y < 44; ++y) {
    for (int x = 20; x < 44; ++x) image.at(x, y)[1] = 255;  // what must go
  }
  const Image filled = filled_under_mask(image, mask);
  EXPECT_EQ(filled.at(5, 5)[0], 10);
  EXPECT_LT(filled.at(32, 32)[1], 30);
  EXPECT_LT(filled.at(21, 32)[0], 80);
  EXPECT_GT(filled.at(42, 32)[0], 130);
  EXPECT_EQ(filled_under_mask(image, Image(64, 64, 1, 255)).at(0, 0)[0], 127);
  EXPECT_EQ(filled_under_mask(Image(1, 1, 3, 9), Image(1, 1, 1)).pixels[0], 9);
}

TEST(MaskedRegion, IsTheMasksBoxWithTheAspectOfThePicture) {
  const Image mask = box_mask(200, 100, 50, 40, 70, 60);
  EXPECT_EQ(masked_region(mask, 0, {512, 512}), (WebuiRegion{50, 40, {20, 20}}));
  EXPECT_EQ(masked_region(mask, 10, {512, 512}), (WebuiRegion{40, 30, {40, 40}}));
  EXPECT_EQ(masked_region(mask, 0, {512, 256}), (WebuiRegion{40, 40, {40, 20}}));
  // Pushed back into the picture, and never larger than it.
  EXPECT_EQ(masked_region(box_mask(200, 100, 190, 40, 200, 60), 0, {512, 256}),
            (WebuiRegion{160, 40, {40, 20}}));
  EXPECT_EQ(masked_region(box_mask(200, 100, 0, 0, 200, 100), 0, {512, 512}),
            (WebuiRegion{0, 0, {200, 100}}));
  EXPECT_EQ(masked_region(Image(200, 100, 1), 0, {512, 512}), (WebuiRegion{0, 0, {200, 100}}));
}

TEST(PastedBack, ChangesNothingOutsideTheMask) {
  const Image picture(40, 40, 3, 50);
  const Image mask = box_mask(40, 40, 10, 10, 20, 20);
  const Image result = pasted_back(picture, Image(64, 64, 3, 200), {8, 8, {16, 16}}, mask);
  EXPECT_EQ(result.at(15, 15)[0], 200);
  EXPECT_EQ(result.at(9, 9)[0], 50);
  EXPECT_EQ(result.at(30, 30)[0], 50);
}

TEST(WebuiPicture, RefusesAddressesPathsAndRubbish) {
  const auto status = [](std::string_view text) {
    try {
      webui_picture(text, "image");
      return 200;
    } catch (const ProblemError& error) {
      return error.problem().status;
    }
  };
  EXPECT_EQ(status(base64_encode(encode_png(Image(4, 4, 3)))), 200);
  EXPECT_EQ(status("http://localhost/a.png"), 500);
  EXPECT_EQ(status("/etc/hostname"), 422);
  EXPECT_EQ(status("AAAA"), 422);
  EXPECT_EQ(status(""), 422);
}

// Latin, Chinese, and beyond the first plane.
constexpr const char* kComment = "a ä 猫 \xF0\x9F\x90\x88\nSteps: 4, Seed: 1";

std::string infotext_of_file(const std::string& file) {
  const auto texts =
      read_picture_texts({reinterpret_cast<const uint8_t*>(file.data()), file.size()});
  return texts.empty() ? "" : texts.front().value;
}

TEST(EncodeWithInfotext, EachFormatGivesTheTextBack) {
  const Image image = ramp(33, 17);
  for (const char* name : {"png", "JPG", "jpeg", "webp"}) {
    std::string file;
    try {
      file = encode_with_infotext(image, *webui_format(name), 80, kComment);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::unsupported);
      continue;
    }
    EXPECT_EQ(infotext_of_file(file), kComment) << name;
    EXPECT_EQ(decode_image(file, name).width, 33) << name;
    EXPECT_EQ(infotext_of_file(encode_with_infotext(image, *webui_format(name), 80, "")), "")
        << name;
  }
  EXPECT_FALSE(webui_format("gif"));
}

TEST(EncodeWithInfotext, ATextThatIsTooLongForJpegIsLeftOut) {
  const std::string file =
      encode_with_infotext(ramp(8, 8), ImageFormat::jpeg, 80, std::string(40000, 'x'));
  EXPECT_EQ(infotext_of_file(file), "");
  EXPECT_EQ(decode_image(file, "jpg").width, 8);
}

TEST(Enlarged, ByAFactorOrToASize) {
  WebuiExtras extras;
  extras.upscaler = "Nearest";
  extras.factor = 2.5;
  EXPECT_EQ(enlarged(ramp(10, 20), extras).height, 50);
  extras.mode = 1;
  extras.width = 40, extras.height = 40;
  EXPECT_EQ(enlarged(ramp(10, 20), extras).height, 40);
  extras.crop = false;
  EXPECT_EQ(enlarged(ramp(10, 20), extras).height, 80);
  extras.second = "Lanczos";
  extras.second_share = 0.5;
  EXPECT_EQ(enlarged(ramp(10, 20), extras).width, 40);
  extras.width = 20000, extras.height = 20000;
  EXPECT_THROW(enlarged(ramp(10, 20), extras), ProblemError);
}

}  // namespace
}  // namespace zc
