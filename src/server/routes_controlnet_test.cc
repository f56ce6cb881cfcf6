// SPDX-License-Identifier: Apache-2.0
// The API of the web UI's ControlNet extension.
#include <gtest/gtest.h>

#include "server/sdapi_fixture.h"

namespace zc {
namespace {

using nlohmann::json;

using ControlnetApi = SdapiTest;

bool holds(const json& list, const std::string& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

TEST_F(ControlnetApi, SpeaksVersion3) {
  EXPECT_EQ(get("/controlnet/version"), (json{{"version", 3}}));
  EXPECT_EQ(get("/controlnet/settings")["control_net_unit_count"], 3);
}

TEST_F(ControlnetApi, ListsModelsWithTheirHash) {
  const json list = get("/controlnet/model_list?update=true")["model_list"];
  ASSERT_EQ(list.size(), 3u);
  // The SHA-256 of nothing: these files end before their second megabyte.
  EXPECT_TRUE(holds(list, "control_v11p_sd15_canny [e3b0c442]")) << list;
  EXPECT_FALSE(holds(list, "None"));
}

TEST_F(ControlnetApi, SeesAModelThatCameLater) {
  get("/controlnet/model_list");
  model("control_v11f1p_sd15_depth.pth", "controlnet sd15 depth 9123456789");
  EXPECT_EQ(get("/controlnet/model_list?update=false")["model_list"].size(), 3u);
  EXPECT_EQ(get("/controlnet/model_list")["model_list"].size(), 4u);
  EXPECT_EQ(get("/controlnet/control_types")["control_types"]["Depth"]["default_model"],
            "control_v11f1p_sd15_depth [e3b0c442]");
}

TEST_F(ControlnetApi, ListsModulesByNameOrLabelWithTheirSliders) {
  const json names = get("/controlnet/module_list");
  EXPECT_EQ(names["module_list"][0], "none");
  EXPECT_TRUE(holds(names["module_list"], "hed"));
  EXPECT_TRUE(holds(names["module_list"], "depth"));  // drawn by the network that comes along
  EXPECT_FALSE(holds(names["module_list"], "mlsd"));  // its weights are missing
  const json sliders = names["module_detail"]["canny"]["sliders"];
  ASSERT_EQ(sliders.size(), 3u);
  EXPECT_EQ(sliders[0]["value"], 512);
  EXPECT_EQ(sliders[1]["value"], 100.0);
  EXPECT_EQ(sliders[2]["max"], 255.0);
  EXPECT_EQ(names["module_detail"].size(), names["module_list"].size());
  const json labels = get("/controlnet/module_list?alias_names=true");
  EXPECT_TRUE(holds(labels["module_list"], "softedge_hed"));
  EXPECT_TRUE(labels["module_detail"].contains("softedge_hed"));
}

TEST_F(ControlnetApi, SortsModulesAndModelsByType) {
  const json types = get("/controlnet/control_types")["control_types"];
  EXPECT_EQ(types["All"]["model_list"].size(), 4u);
  EXPECT_EQ(types["All"]["default_option"], "none");
  EXPECT_EQ(types["Canny"]["default_option"], "canny");
  EXPECT_EQ(types["Canny"]["default_model"], "control_v11p_sd15_canny [e3b0c442]");
  EXPECT_EQ(types["Canny"]["model_list"][0], "None");
  EXPECT_EQ(types["SoftEdge"]["default_model"], "None");
  EXPECT_FALSE(types.contains("MLSD"));
}

// Trap 4.
TEST_F(ControlnetApi, DetectTakesBothNamesOfItsPictures) {
  for (const char* name : {"controlnet_input_images", "controlnet_images"}) {
    const json answer =
        post("/controlnet/detect", {{"controlnet_module", "canny"}, {name, {base64_photo()}}});
    ASSERT_EQ(answer["images"].size(), 1u) << name;
    EXPECT_EQ(answer["info"], "Success");
    EXPECT_FALSE(answer.contains("poses"));
    EXPECT_EQ(picture_of_base64(answer["images"][0]).height, 512);
  }
}

TEST_F(ControlnetApi, DetectKeepsTheOrderOfSeveralPictures) {
  const json body = {{"controlnet_module", "softedge_hed"},
                     {"controlnet_input_images",
                      {base64_photo(64, 128), "data:image/png;base64," + base64_photo(128, 64)}},
                     {"controlnet_processor_res", 64},
                     {"controlnet_masks", nullptr}};
  const json answer = post("/controlnet/detect", body);
  ASSERT_EQ(answer["images"].size(), 2u);
  EXPECT_EQ(picture_of_base64(answer["images"][0]).height, 128);
  EXPECT_EQ(picture_of_base64(answer["images"][1]).width, 128);
}

TEST_F(ControlnetApi, DetectTellsPeopleAsPoints) {
  const json answer = post("/controlnet/detect", {{"controlnet_module", "openpose_full"},
                                                  {"controlnet_images", {base64_photo()}}});
  ASSERT_EQ(answer["poses"].size(), 1u);
  EXPECT_EQ(answer["poses"][0]["people"], json::array());
  EXPECT_EQ(parse_json(annotated[0].parameters),
            (json{{"rules", "webui"}, {"hand", true}, {"face", true}}));
}

TEST_F(ControlnetApi, DetectWithoutAModuleGivesThePictureBack) {
  const json answer = post("/controlnet/detect", {{"controlnet_images", {base64_photo(30, 20)}}});
  EXPECT_EQ(picture_of_base64(answer["images"][0]).width, 30);
}

TEST_F(ControlnetApi, DetectSaysWhatIsMissing) {
  EXPECT_EQ(post("/controlnet/detect",
                 {{"controlnet_module", "magic"}, {"controlnet_images", {base64_photo()}}},
                 422)["detail"],
            "Module not available");
  EXPECT_EQ(post("/controlnet/detect", {{"controlnet_module", "canny"}}, 422)["detail"],
            "No image selected");
  const json unavailable =
      post("/controlnet/detect",
           {{"controlnet_module", "mlsd"}, {"controlnet_images", {base64_photo()}}}, 422);
  EXPECT_TRUE(unavailable["detail"].get<std::string>().starts_with("Module not available"));
  post("/controlnet/detect", {{"controlnet_module", "canny"}, {"controlnet_images", {"AAAA"}}},
       422);
  post("/controlnet/detect", {{"controlnet_module", "canny"}, {"controlnet_images", {3}}}, 422);
  post("/controlnet/detect",
       {{"controlnet_module", "canny"}, {"controlnet_images", {base64_photo(3000, 20)}}}, 422);
}

TEST_F(ControlnetApi, DrawsPeopleFromOneDocumentOrAList) {
  const json pose = {{"people", json::array()}, {"canvas_width", 80}, {"canvas_height", 48}};
  const json several = post("/controlnet/render_openpose_json", json::array({pose, pose}));
  ASSERT_EQ(several["images"].size(), 2u);
  EXPECT_EQ(picture_of_base64(several["images"][1]).width, 80);
  EXPECT_EQ(post("/controlnet/render_openpose_json", pose)["images"].size(), 1u);
  const json without_canvas = post("/controlnet/render_openpose_json", {{"people", json::array()}});
  EXPECT_EQ(picture_of_base64(without_canvas["images"][0]).width, 512);
  post("/controlnet/render_openpose_json", json::array(), 422);
  const json refused = post("/controlnet/render_openpose_json", json::array({json::object()}), 422);
  EXPECT_EQ(json_text(refused["detail"][0]["loc"]), R"(["body","pose","people"])");
}

}  // namespace
}  // namespace zc
