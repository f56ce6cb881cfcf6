// SPDX-License-Identifier: Apache-2.0
// The API of AUTOMATIC1111's web UI: start pictures, masks, other formats, extras.
#include <gtest/gtest.h>

#include "server/sdapi_fixture.h"

namespace zc {
namespace {

using nlohmann::json;

using SdapiPictures = SdapiTest;

TEST_F(SdapiPictures, WithoutAStartPictureImg2imgIs404) {
  for (const json& images : {json(), json::array(), json::array({nullptr}), json::array({""})})
    EXPECT_EQ(post("/sdapi/v1/img2img", text_body({{"init_images", images}}), 404)["detail"],
              "Init image not found");
}

TEST_F(SdapiPictures, AStartPictureIsBroughtToTheSize) {
  const json answer =
      post("/sdapi/v1/img2img",
           text_body({{"init_images", {base64_photo(100, 40)}}, {"denoising_strength", 0.5}}));
  EXPECT_EQ(asset(job()["init"]).width, 64);
  EXPECT_EQ(asset(job()["init"]).height, 64);
  EXPECT_EQ(job()["denoise"], 0.5);
  EXPECT_TRUE(answer["parameters"]["init_images"].is_null());
  EXPECT_EQ(info_of(answer)["denoising_strength"], 0.5);
  const json kept =
      post("/sdapi/v1/img2img",
           text_body({{"init_images", {base64_photo()}}, {"include_init_images", true}}));
  EXPECT_EQ(kept["parameters"]["init_images"][0], base64_photo());
}

TEST_F(SdapiPictures, SeveralStartPicturesMakeOneEach) {
  const json body =
      text_body({{"init_images", {base64_photo(64, 64), base64_photo(96, 64)}}, {"n_iter", 2}});
  const json answer = post("/sdapi/v1/img2img", body);
  EXPECT_EQ(info_of(answer)["all_seeds"], json::array({100, 101, 102, 103}));
  EXPECT_EQ(control.bodies[0]["init"], control.bodies[2]["init"]);
  EXPECT_NE(control.bodies[0]["init"], control.bodies[1]["init"]);
}

TEST_F(SdapiPictures, AMaskOverTheWholePictureGoesWithIt) {
  const json body = text_body({{"init_images", {base64_picture(Image(128, 128, 3, 50))}},
                               {"mask", base64_picture(mask_with_box(0, 0, 64, 128))},
                               {"inpaint_full_res", false},
                               {"mask_blur", 3},
                               {"inpainting_fill", 1}});
  post("/sdapi/v1/img2img", body);
  EXPECT_EQ(asset(job()["mask"]).at(10, 10)[0], 255);
  EXPECT_EQ(asset(job()["mask"]).at(60, 10)[0], 0);
  EXPECT_EQ(job()["mask_blur"], 3.0);
  json inverted = body;
  inverted["inpainting_mask_invert"] = 1;
  post("/sdapi/v1/img2img", inverted);
  EXPECT_EQ(asset(job()["mask"]).at(10, 10)[0], 0);
}

TEST_F(SdapiPictures, OnlyMaskedMakesThePartAndPutsItBack) {
  const json body = text_body({{"init_images", {base64_picture(Image(128, 128, 3, 50))}},
                               {"mask", base64_picture(mask_with_box(32, 32, 64, 64))},
                               {"mask_blur", 0},
                               {"inpainting_fill", 1}});
  const json answer = post("/sdapi/v1/img2img", body);
  const Image made = picture_of_base64(answer["images"][0]);
  EXPECT_EQ(made.width, 128);
  EXPECT_EQ(made.at(40, 40)[0], 100);  // the engine's colour
  EXPECT_EQ(made.at(10, 10)[0], 50);
  EXPECT_EQ(made.at(70, 40)[0], 50);
  EXPECT_NE(text_of_base64_png(answer["images"][0], "parameters").find("Seed: 100"),
            std::string::npos);
}

TEST_F(SdapiPictures, OtherFormatsCarryTheParametersToo) {
  const json body = text_body({{"override_settings", {{"samples_format", "jpg"}}}});
  const json answer = post("/sdapi/v1/txt2img", body);
  const std::string file = base64_decode(answer["images"][0].get<std::string>(), "jpg");
  EXPECT_EQ(static_cast<unsigned char>(file[0]), 0xFF);
  EXPECT_NE(
      post("/sdapi/v1/png-info", {{"image", answer["images"][0]}})["info"].get<std::string>().find(
          "Seed: 100"),
      std::string::npos);
  post("/sdapi/v1/txt2img", text_body({{"override_settings", {{"samples_format", "gif"}}}}), 422);
}

TEST_F(SdapiPictures, ExtrasEnlarge) {
  const json answer =
      post("/sdapi/v1/extra-single-image",
           {{"image", base64_photo(20, 10)}, {"upscaler_1", "Lanczos"}, {"upscaling_resize", 3}});
  EXPECT_EQ(picture_of_base64(answer["image"]).width, 60);
  const json sized = post("/sdapi/v1/extra-batch-images",
                          {{"imageList", {{{"data", base64_photo(20, 10)}, {"name", "a.png"}}}},
                           {"resize_mode", 1},
                           {"upscaling_resize_w", 30},
                           {"upscaling_resize_h", 30},
                           {"upscaler_1", "Nearest"}});
  EXPECT_EQ(picture_of_base64(sized["images"][0]).width, 30);
  EXPECT_EQ(picture_of_base64(sized["images"][0]).height, 30);
  EXPECT_EQ(picture_of_base64(
                post("/sdapi/v1/extra-single-image", {{"image", base64_photo(20, 10)}})["image"])
                .width,
            20);
  post("/sdapi/v1/extra-single-image", {{"image", base64_photo()}, {"upscaler_1", "ESRGAN_4x"}},
       422);
  post("/sdapi/v1/extra-single-image",
       {{"image", base64_photo(2000, 2000)}, {"upscaler_1", "Nearest"}, {"upscaling_resize", 64}},
       422);
}

}  // namespace
}  // namespace zc
