// SPDX-License-Identifier: Apache-2.0
// The API of AUTOMATIC1111's web UI: units of its ControlNet extension.
#include <gtest/gtest.h>

#include "server/sdapi_fixture.h"

namespace zc {
namespace {

using nlohmann::json;

using SdapiUnits = SdapiTest;

// 5
TEST_F(SdapiUnits, AUnitWithoutEnabledIsEnabled) {
  post("/sdapi/v1/txt2img", with_units({canny_unit(), canny_unit({{"enabled", false}})}));
  ASSERT_EQ(job()["controls"].size(), 1u);
  EXPECT_EQ(job()["controls"][0]["kind"], "canny");
  EXPECT_EQ(job()["controlnets"], json::array({"canny=control_v11p_sd15_canny"}));
}

TEST_F(SdapiUnits, TheMapIsMadeAtTheProcessorsResolution) {
  post("/sdapi/v1/txt2img",
       with_units(
           {canny_unit({{"processor_res", 128}, {"threshold_a", 50}, {"threshold_b", 999}})}));
  ASSERT_EQ(annotated.size(), 1u);
  EXPECT_EQ(annotated[0].annotator, "canny");
  EXPECT_EQ(annotated[0].height, 128);
  EXPECT_EQ(annotated[0].width, 192);
  EXPECT_EQ(parse_json(annotated[0].parameters),
            (json{{"low", 50.0}, {"high", 200.0}}));  // 999 is off its slider
  EXPECT_EQ(job()["controls"][0]["map"], true);
  EXPECT_EQ(job()["controls"][0]["resize"], "crop");
}

TEST_F(SdapiUnits, PixelPerfectFollowsThePicture) {
  post("/sdapi/v1/txt2img",
       with_units({canny_unit({{"pixel_perfect", true}})}, {{"width", 256}, {"height", 256}}));
  EXPECT_EQ(annotated[0].height, 256);
  post("/sdapi/v1/txt2img", with_units({canny_unit({{"pixel_perfect", true}, {"resize_mode", 2}})},
                                       {{"width", 256}, {"height", 256}}));
  EXPECT_EQ(annotated[1].height, 192);  // 171 to the nearest 64
}

// 6
TEST_F(SdapiUnits, ModesAreTakenAsNumbersNamesAndOldAliases) {
  const auto unit_of = [&](const json& more) {
    post("/sdapi/v1/txt2img", with_units({canny_unit(more)}));
    return job()["controls"][0];
  };
  EXPECT_EQ(unit_of({{"control_mode", 2}})["mode"], "control");
  EXPECT_EQ(unit_of({{"control_mode", "My prompt is more important"}})["mode"], "prompt");
  EXPECT_EQ(unit_of({{"guessmode", true}})["mode"], "control");
  EXPECT_EQ(unit_of({{"guessmode", true}, {"control_mode", "Balanced"}})["mode"], "balanced");
  EXPECT_EQ(unit_of({{"resize_mode", 0}})["resize"], "just");
  EXPECT_EQ(unit_of({{"resize_mode", "Envelope (Outer Fit)"}})["resize"], "fill");
  EXPECT_EQ(unit_of({{"resize_mode", "Scale to Fit (Inner Fit)"}})["resize"], "crop");
  EXPECT_EQ(unit_of({{"guidance", 0.5}})["end"], 0.5);
  EXPECT_EQ(unit_of({{"guidance", 0.5}, {"guidance_end", nullptr}})["end"], 0.5);
  EXPECT_EQ(
      unit_of({{"input_image", base64_photo()}, {"image", nullptr}, {"lowvram", true}})["map"],
      true);
  const json refused =
      post("/sdapi/v1/txt2img", with_units({canny_unit({{"control_mode", 7}})}), 422);
  EXPECT_EQ(place_of_error(refused),
            R"(["body","alwayson_scripts","controlnet","args",0,"control_mode"])");
}

// 7
TEST_F(SdapiUnits, EmptyTextIsNoPictureAndBase64MayCarryAHead) {
  post("/sdapi/v1/txt2img", with_units({canny_unit({{"mask", ""}, {"mask_image", ""}})}));
  EXPECT_EQ(post("/sdapi/v1/txt2img", with_units({canny_unit({{"image", ""}})}), 422)["detail"],
            "ControlNet unit 0 has no image");
  post("/sdapi/v1/txt2img",
       with_units({canny_unit({{"image", "data:image/png;base64," + base64_photo()}})}));
  post("/sdapi/v1/img2img",
       text_body({{"init_images", {"data:image/png;base64," + base64_photo()}}, {"mask", ""}}));
  EXPECT_EQ(job()["mask"], "");
}

TEST_F(SdapiUnits, AUnitsPictureComesInFourForms) {
  const std::string photo = base64_photo();
  for (const json& image :
       {json(photo), json{{"image", photo}, {"mask", nullptr}}, json{{"image", photo}},
        json::array({photo, nullptr}), json::array({json{{"image", photo}, {"mask", ""}}})}) {
    post("/sdapi/v1/txt2img", with_units({canny_unit({{"image", image}})}));
    EXPECT_EQ(job()["controls"].size(), 1u);
  }
  post("/sdapi/v1/txt2img", with_units({canny_unit({{"image", 5}})}), 422);
}

TEST_F(SdapiUnits, WhatWasDrawnOverAPictureIsTheMap) {
  Image mask(96, 64, 1);
  for (int x = 20; x < 60; ++x) *mask.at(x, 30) = 255;
  post("/sdapi/v1/txt2img", with_units({canny_unit({{"mask", base64_picture(mask)}})}));
  EXPECT_TRUE(annotated.empty());
  EXPECT_EQ(asset(job()["controls"][0]["image"]).at(30, 30)[0], 255);
  const Image empty(96, 64, 1);
  post("/sdapi/v1/txt2img", with_units({canny_unit({{"mask", base64_picture(empty)}})}));
  EXPECT_EQ(annotated.size(), 1u);
}

// 8
TEST_F(SdapiUnits, AUnitWithoutAPictureTakesTheStartPicture) {
  const json body = with_units({canny_unit({{"image", nullptr}})},
                               {{"init_images", {base64_photo()}}, {"resize_mode", 2}});
  post("/sdapi/v1/img2img", body);
  ASSERT_EQ(annotated.size(), 1u);
  EXPECT_EQ(job()["controls"][0]["resize"], "fill");
}

// 9
TEST_F(SdapiUnits, PicturesComeBeforeMapsAndThereIsNoGrid) {
  const json body = with_units({canny_unit(), canny_unit({{"save_detected_map", false}})},
                               {{"batch_size", 2}, {"n_iter", 2}});
  const json answer = post("/sdapi/v1/txt2img", body);
  ASSERT_EQ(answer["images"].size(), 5u);
  EXPECT_EQ(picture_of_base64(answer["images"][3]).width, 64);
  EXPECT_EQ(picture_of_base64(answer["images"][4]).width, 768);  // the map at 512
  EXPECT_EQ(info_of(answer)["all_seeds"], json::array({100, 101, 102, 103}));
  json without = body;
  without["override_settings"] = {{"control_net_no_detectmap", true}};
  EXPECT_EQ(post("/sdapi/v1/txt2img", without)["images"].size(), 4u);
}

TEST_F(SdapiUnits, UnitsSayEverythingThatTheEngineTakes) {
  const json weights = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.5, 0.25};
  post("/sdapi/v1/txt2img",
       with_units(
           {canny_unit({{"weight", 0.7},
                        {"guidance_start", 0.1},
                        {"guidance_end", 0.8},
                        {"advanced_weighting", weights},
                        {"effective_region_mask", base64_picture(mask_with_box(0, 0, 10, 10))}})}));
  const json control_unit = job()["controls"][0];
  EXPECT_EQ(control_unit["weight"], 0.7);
  EXPECT_EQ(control_unit["start"], 0.1);
  EXPECT_EQ(control_unit["end"], 0.8);
  EXPECT_EQ(control_unit["block_weights"].size(), 13u);
  EXPECT_EQ(asset(control_unit["mask"]).at(5, 5)[0], 255);
  post("/sdapi/v1/txt2img",
       with_units({canny_unit({{"guidance_start", 0.9}, {"guidance_end", 0.1}})}), 422);
  post("/sdapi/v1/txt2img", with_units({canny_unit({{"weight", 3}})}), 422);
}

TEST_F(SdapiUnits, AUnitMayLackItsModuleOrItsModel) {
  post("/sdapi/v1/txt2img", with_units({canny_unit({{"module", "none"}})}));
  EXPECT_TRUE(annotated.empty());
  EXPECT_EQ(job()["controls"][0]["kind"], "canny");
  post("/sdapi/v1/txt2img", with_units({canny_unit({{"model", "None"}})}));
  EXPECT_EQ(job()["controlnets"], json::array());
  post("/sdapi/v1/txt2img", with_units({canny_unit({{"module", "none"}, {"model", "None"}})}), 422);
}

TEST_F(SdapiUnits, ModelsOfUnitsAreFoundByTheirWholeNameTheirStemOrAPart) {
  const std::string whole = get("/controlnet/model_list")["model_list"][1];
  EXPECT_TRUE(whole.starts_with("control_v11p_sd15_canny [")) << whole;
  for (const std::string& name :
       {whole, std::string("Control_V11P_SD15_Canny"), std::string("canny"),
        std::string("control_v11p_sd15_canny [ffffffff]")}) {
    post("/sdapi/v1/txt2img", with_units({canny_unit({{"model", name}})}));
    EXPECT_EQ(job()["controlnets"][0], "canny=control_v11p_sd15_canny") << name;
  }
  post("/sdapi/v1/txt2img", with_units({canny_unit({{"model", "lineart"}})}), 422);
}

TEST_F(SdapiUnits, AModuleWithoutItsWeightsIsDrawnByTheOneThatComesAlongOrRefused) {
  post("/sdapi/v1/txt2img",
       with_units({canny_unit({{"module", "depth_midas"}, {"model", "depth"}})}));
  EXPECT_EQ(annotated.back().annotator, "toy_depth");
  const json refused = post(
      "/sdapi/v1/txt2img", with_units({canny_unit({{"module", "mlsd"}, {"model", "depth"}})}), 422);
  EXPECT_NE(refused["detail"].get<std::string>().find("needs b.pth"), std::string::npos);
  EXPECT_NE(
      post("/sdapi/v1/txt2img", with_units({canny_unit({{"module", "magic"}})}), 422)["detail"]
          .get<std::string>()
          .find("magic"),
      std::string::npos);
}

}  // namespace
}  // namespace zc
