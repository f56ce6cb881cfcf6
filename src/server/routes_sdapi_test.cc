// SPDX-License-Identifier: Apache-2.0
// The API of AUTOMATIC1111's web UI: what breaks its real clients, one test each, and the rest.
#include <gtest/gtest.h>

#include <set>

#include "server/sdapi_fields.h"
#include "server/sdapi_fixture.h"

namespace zc {
namespace {

using nlohmann::json;

using Sdapi = SdapiTest;

TEST_F(Sdapi, ATextBecomesAPicture) {
  const json answer = post("/sdapi/v1/txt2img", text_body());
  ASSERT_EQ(answer["images"].size(), 1u);
  EXPECT_EQ(picture_of_base64(answer["images"][0]).width, 64);
  EXPECT_EQ(answer["parameters"]["cfg_scale"], 7.0);
  EXPECT_EQ(answer["parameters"]["sampler_index"], "Euler");
  EXPECT_EQ(info_of(answer)["all_seeds"], json::array({100}));
  EXPECT_EQ(job()["profile"], "a1111");
  EXPECT_EQ(job()["cfg"], 7.0);
  EXPECT_EQ(job()["sampler"], "euler");
  EXPECT_EQ(job()["a_prompt"], "");
}

TEST_F(Sdapi, StepsAre50WhereNobodySaysOtherwise) {
  post("/sdapi/v1/txt2img", {{"width", 64}, {"height", 64}});
  EXPECT_EQ(job()["steps"], 50);
}

// 1
TEST_F(Sdapi, HandlersWithoutAnAnswerSayNullOrAnEmptyObject) {
  for (const char* name :
       {"skip", "refresh-checkpoints", "refresh-vae", "refresh-embeddings", "refresh-loras"})
    EXPECT_TRUE(post(std::string("/sdapi/v1/") + name).is_null()) << name;
  EXPECT_TRUE(post("/sdapi/v1/options", json::object()).is_null());
  for (const char* name : {"interrupt", "unload-checkpoint", "reload-checkpoint"})
    EXPECT_EQ(post(std::string("/sdapi/v1/") + name), json::object()) << name;
  EXPECT_EQ(post("/sdapi/v1/interrupt", json::object()), json::object());
}

// 2
TEST_F(Sdapi, AnyFieldMayBeNullAndUnknownOnesArePassedOver) {
  json body = {{"url", "http://x"}, {"auth", ""}, {"clip_skip", 2}, {"whatever", {{"deep", 1}}}};
  for (const char* name :
       {"negative_prompt", "styles", "seed", "subseed", "sampler_name", "scheduler", "batch_size",
        "cfg_scale", "eta", "override_settings", "alwayson_scripts", "hr_upscaler", "s_noise",
        "script_args", "denoising_strength", "mask", "enable_hr", "send_images", "tiling"})
    body[name] = nullptr;
  EXPECT_EQ(post("/sdapi/v1/txt2img", text_body(body))["images"].size(), 1u);
}

TEST_F(Sdapi, NumbersInTextAndWholeFloatsAreTaken) {
  post("/sdapi/v1/txt2img",
       text_body({{"steps", "7"}, {"cfg_scale", "5.5"}, {"width", 128.0}, {"send_images", 1}}));
  EXPECT_EQ(job()["steps"], 7);
  EXPECT_EQ(job()["cfg"], 5.5);
  EXPECT_EQ(job()["width"], 128);
}

// 3
TEST_F(Sdapi, ListsTheScriptNamesThatClientsLookFor) {
  const json scripts = get("/sdapi/v1/scripts");
  for (const char* tab : {"txt2img", "img2img"})
    EXPECT_EQ(scripts[tab], json::array({"controlnet", "controlnet m2m"}));
}

TEST_F(Sdapi, ScriptNamesMatchInAnyCase) {
  for (const char* name : {"ControlNet", "controlnet", "CONTROLNET", "controlnet M2M"})
    post("/sdapi/v1/txt2img",
         text_body({{"alwayson_scripts", {{name, {{"args", json::array()}}}}}}));
  const json refused =
      post("/sdapi/v1/txt2img",
           text_body({{"alwayson_scripts", {{"ADetailer", {{"args", json::array()}}}}}}), 422);
  EXPECT_EQ(refused["detail"], "always on script ADetailer not found");
}

// 10
TEST_F(Sdapi, EachPictureCarriesItsParameters) {
  const json answer = post("/sdapi/v1/txt2img", text_body({{"n_iter", 2}}));
  const std::string text = text_of_base64_png(answer["images"][1], "parameters");
  EXPECT_NE(text.find("Seed: 101"), std::string::npos);
  EXPECT_EQ(info_of(answer)["infotexts"][1], text);
  const json read = post("/sdapi/v1/png-info", {{"image", answer["images"][1]}});
  EXPECT_EQ(read["info"], text);
  EXPECT_EQ(read["parameters"]["Seed"], "101");
  EXPECT_EQ(read["parameters"]["Size-1"], "64");
  EXPECT_EQ(read["parameters"]["Prompt"], "a house");
  EXPECT_EQ(read["parameters"]["Clip skip"], "1");
}

// 12
TEST_F(Sdapi, TheChosenModelIsOneOfTheListAndAllOptionsMayBePostedBack) {
  json all = get("/sdapi/v1/options");
  std::set<std::string> titles;
  for (const json& entry : get("/sdapi/v1/sd-models"))
    titles.insert(entry["title"].get<std::string>());
  EXPECT_EQ(titles,
            (std::set<std::string>{"dream.safetensors [a1b2c3d4e5]", "photo.ckpt [00112233aa]"}));
  EXPECT_TRUE(titles.contains(all["sd_model_checkpoint"].get<std::string>()));
  all["sd_model_checkpoint"] = "photo.ckpt [00112233aa]";
  all["unknown_option"] = {1, 2};
  EXPECT_TRUE(post("/sdapi/v1/options", all).is_null());
  EXPECT_EQ(get("/sdapi/v1/options")["sd_model_checkpoint"], "photo.ckpt [00112233aa]");
  EXPECT_EQ(get("/sdapi/v1/options")["sd_checkpoint_hash"], "00112233aa");
  post("/sdapi/v1/txt2img", text_body());
  EXPECT_EQ(job()["model"], "photo");
}

TEST_F(Sdapi, AModelIsFoundByEachOfItsNames) {
  for (const char* name :
       {"dream.safetensors [a1b2c3d4e5]", "dream.safetensors", "dream", "a1b2c3d4", "a1b2c3d4e5",
        "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334455667788990011223344556", "DREAM"}) {
    post("/sdapi/v1/options", {{"sd_model_checkpoint", "photo"}});
    post("/sdapi/v1/options", {{"sd_model_checkpoint", name}});
    EXPECT_EQ(get("/sdapi/v1/options")["sd_model_checkpoint"], "dream.safetensors [a1b2c3d4e5]")
        << name;
  }
  const json refused = post("/sdapi/v1/options", {{"sd_model_checkpoint", "nothing like it"}}, 500);
  EXPECT_EQ(refused["error"], "RuntimeError");
  EXPECT_EQ(refused["errors"], "model 'nothing like it' not found");
}

TEST_F(Sdapi, ARequestMayNameAnotherModelForItselfOrForGood) {
  post("/sdapi/v1/txt2img", text_body({{"override_settings", {{"sd_model_checkpoint", "photo"}}}}));
  EXPECT_EQ(job()["model"], "photo");
  EXPECT_EQ(get("/sdapi/v1/options")["sd_model_checkpoint"], "dream.safetensors [a1b2c3d4e5]");
  post("/sdapi/v1/txt2img", text_body({{"override_settings", {{"sd_model_checkpoint", "photo"}}},
                                       {"override_settings_restore_afterwards", false}}));
  EXPECT_EQ(get("/sdapi/v1/options")["sd_model_checkpoint"], "photo.ckpt [00112233aa]");
  post("/sdapi/v1/txt2img", text_body({{"override_settings", {{"sd_model_checkpoint", "xyz"}}}}),
       422);
}

// 13
TEST_F(Sdapi, EmptyCredentialsCountAsNoneAndASlashAtTheEndAsNothing) {
  for (const char* header :
       {"Authorization: \r\n", "Authorization: Basic \r\n", "Authorization: Basic Og==\r\n"}) {
    const TestResponse response = call("GET /sdapi/v1/options/", nullptr, header);
    EXPECT_EQ(response.status, 200) << header;
    EXPECT_EQ(response.headers.at("content-type"), "application/json");
  }
}

// 14
TEST_F(Sdapi, SamplersAreTakenWithTheirScheduleInOneNameOrTwo) {
  const auto sampler = [&](const json& more) {
    post("/sdapi/v1/txt2img", text_body(more));
    return job()["sampler"];
  };
  EXPECT_EQ(sampler({{"sampler_name", "DPM++ 2M Karras"}}), "dpmpp_2m_karras");
  EXPECT_EQ(sampler({{"sampler_name", "DPM++ 2M"}, {"scheduler", "Karras"}}), "dpmpp_2m_karras");
  EXPECT_EQ(sampler({{"sampler_name", "DPM++ 2M"}}),
            "dpmpp_2m_karras");  // what Automatic means for it
  EXPECT_EQ(sampler({{"sampler_name", "DPM++ 2M"}, {"scheduler", "uniform"}}), "dpmpp_2m");
  EXPECT_EQ(sampler({{"sampler_name", "DPM++ 2M SDE Exponential"}}), "dpmpp_2m_sde_exponential");
  EXPECT_EQ(sampler({{"sampler_name", "LMS"}}), "lms");
  EXPECT_EQ(sampler({{"sampler_name", "LMS Karras"}}), "lms_karras");
  EXPECT_EQ(sampler({{"sampler_name", "k_euler_a"}}), "euler_a");
  EXPECT_EQ(sampler({{"sampler_name", nullptr}, {"sampler_index", "DDIM"}}), "ddim_webui");
  EXPECT_EQ(sampler({{"sampler_name", "dpmpp_3m_sde_karras"}}), "dpmpp_3m_sde_karras");
  for (const char* name : {"Sampler X", "DPM adaptive", "Karras"})
    EXPECT_EQ(post("/sdapi/v1/txt2img", text_body({{"sampler_name", name}}), 404)["detail"],
              "Sampler not found");
  EXPECT_EQ(post("/sdapi/v1/txt2img", text_body({{"scheduler", "zigzag"}}), 404)["detail"],
            "Scheduler not found");
}

TEST_F(Sdapi, AScheduleThatASamplerLacksIsSaid) {
  const json answer =
      post("/sdapi/v1/txt2img", text_body({{"sampler_name", "Euler a"}, {"scheduler", "karras"}}));
  EXPECT_EQ(job()["sampler"], "euler_a");
  EXPECT_NE(json_text(info_of(answer)["comments"]).find("Euler a is not offered"),
            std::string::npos);
}

TEST_F(Sdapi, EveryListedSamplerAndScheduleWorks) {
  server();
  for (const json& sampler : get("/sdapi/v1/samplers"))
    post("/sdapi/v1/txt2img",
         text_body({{"sampler_name", sampler["name"]}, {"send_images", false}}));
  for (const json& schedule : get("/sdapi/v1/schedulers")) {
    post("/sdapi/v1/txt2img", text_body({{"scheduler", schedule["name"]}}));
    post("/sdapi/v1/txt2img", text_body({{"scheduler", schedule["label"]}}));
  }
}

// 16
TEST_F(Sdapi, ErrorsHaveTheShapesThatClientsKnow) {
  const json not_found = post("/sdapi/v1/txt2img", text_body({{"sampler_name", "X"}}), 404);
  EXPECT_EQ(not_found, (json{{"error", "HTTPException"},
                             {"detail", "Sampler not found"},
                             {"body", ""},
                             {"errors", "Sampler not found"}}));
  const json invalid = post("/sdapi/v1/txt2img", text_body({{"steps", "many"}}), 422);
  EXPECT_EQ(place_of_error(invalid), R"(["body","steps"])");
  EXPECT_EQ(invalid["detail"][0]["type"], "value_error");
  for (const auto& [field, value] : std::vector<std::pair<std::string, json>>{{"steps", 0},
                                                                              {"steps", 1000},
                                                                              {"cfg_scale", 99},
                                                                              {"width", 100000},
                                                                              {"batch_size", 17},
                                                                              {"seed", 1.5}}) {
    const json refused = post("/sdapi/v1/txt2img", text_body({{field, value}}), 422);
    EXPECT_EQ(refused["detail"][0]["loc"][1], field) << refused;
  }
  EXPECT_EQ(post("/sdapi/v1/no-such-route", json::object(), 404), (json{{"detail", "Not Found"}}));
  EXPECT_EQ(parse_json(call("GET /sdapi/v1/no-such-route").body), (json{{"detail", "Not Found"}}));
  EXPECT_EQ(parse_json(call("GET /sdapi/v1/txt2img").body),
            (json{{"detail", "Method Not Allowed"}}));
}

TEST_F(Sdapi, WithoutAPasswordTheAnswerIs401WithBasic) {
  options.api_auth = "ann:secret";
  const TestResponse response = call("GET /sdapi/v1/options");
  EXPECT_EQ(response.status, 401);
  EXPECT_TRUE(response.headers.at("www-authenticate").starts_with("Basic"));
  EXPECT_EQ(parse_json(response.body)["error"], "HTTPException");
  EXPECT_EQ(
      call("GET /sdapi/v1/options", nullptr, "Authorization: Basic YW5uOnNlY3JldA==\r\n").status,
      200);
}

TEST_F(Sdapi, AJobThatFailsIsToldAsAnError) {
  control.failure = "bad_request";
  EXPECT_EQ(place_of_error(post("/sdapi/v1/txt2img", text_body(), 422)), R"(["body","cfg_scale"])");
  control.failure = "out_of_memory";
  EXPECT_EQ(post("/sdapi/v1/txt2img", text_body(), 500)["error"], "OutOfMemoryError");
}

TEST_F(Sdapi, NeverFetchesAnAddressAndNeverOpensAPath) {
  for (const char* url : {"http://127.0.0.1/x.png", "https://example.org/x.png"}) {
    const json refused = post("/sdapi/v1/img2img", text_body({{"init_images", {url}}}), 500);
    EXPECT_EQ(refused["detail"], "Requests not allowed");
  }
  for (const char* path : {"/etc/passwd", "file:///etc/passwd", "../secret.png"}) {
    post("/sdapi/v1/img2img", text_body({{"init_images", {path}}}), 422);
    post("/sdapi/v1/txt2img", with_units({canny_unit({{"image", path}})}), 422);
  }
}

TEST_F(Sdapi, APictureThatIsNoneIsRefusedWhereItStands) {
  const std::string torn = base64_encode(encode_png(Image(32, 32, 3)).substr(0, 60));
  EXPECT_EQ(place_of_error(post("/sdapi/v1/img2img", text_body({{"init_images", {torn}}}), 422)),
            R"(["body","init_images",0])");
  EXPECT_EQ(
      place_of_error(post("/sdapi/v1/txt2img", with_units({canny_unit({{"image", torn}})}), 422)),
      R"(["body","alwayson_scripts","controlnet","args",0,"image"])");
}

TEST_F(Sdapi, VariationsKeepTheSeed) {
  const json answer = post("/sdapi/v1/txt2img",
                           text_body({{"subseed", 7}, {"subseed_strength", 0.2}, {"n_iter", 2}}));
  EXPECT_EQ(info_of(answer)["all_seeds"], json::array({100, 100}));
  EXPECT_EQ(info_of(answer)["all_subseeds"], json::array({7, 8}));
  EXPECT_EQ(control.bodies[1]["variation_seed"], 8);
  EXPECT_EQ(control.bodies[1]["seed"], 100);
}

TEST_F(Sdapi, ARandomSeedIsTold) {
  const json answer = post("/sdapi/v1/txt2img", text_body({{"seed", -1}}));
  EXPECT_GE(info_of(answer)["seed"], 0);
  EXPECT_EQ(info_of(answer)["seed"], job()["seed"]);
  EXPECT_EQ(answer["parameters"]["seed"], -1);
}

TEST_F(Sdapi, TheHighResolutionFixIsASecondPass) {
  post("/sdapi/v1/txt2img", text_body({{"enable_hr", true},
                                       {"hr_scale", 1.5},
                                       {"hr_upscaler", "Lanczos"},
                                       {"hr_second_pass_steps", 3},
                                       {"denoising_strength", 0.4}}));
  EXPECT_EQ(job()["hires"],
            (json{{"scale", 1.5}, {"steps", 3}, {"denoise", 0.4}, {"upscaler", "lanczos"}}));
  post("/sdapi/v1/txt2img",
       text_body({{"enable_hr", true}, {"hr_resize_x", 128}, {"hr_resize_y", 128}}));
  EXPECT_EQ(job()["hires"]["scale"], 2.0);
  EXPECT_EQ(
      place_of_error(post("/sdapi/v1/txt2img",
                          text_body({{"enable_hr", true}, {"hr_upscaler", "ESRGAN_4x"}}), 422)),
      R"(["body","hr_upscaler"])");
  post("/sdapi/v1/txt2img",
       text_body({{"enable_hr", true}, {"hr_resize_x", 128}, {"hr_resize_y", 512}}), 422);
}

TEST_F(Sdapi, SidesAreRoundedAndThatIsSaid) {
  const json answer = post("/sdapi/v1/txt2img", text_body({{"width", 100}, {"height", 520}}));
  EXPECT_EQ(info_of(answer)["width"], 128);
  EXPECT_EQ(info_of(answer)["height"], 512);
  EXPECT_NE(json_text(info_of(answer)["comments"]).find("rounded"), std::string::npos);
}

TEST_F(Sdapi, WhatHasNoEffectIsSaid) {
  const json answer = post(
      "/sdapi/v1/txt2img",
      text_body(
          {{"tiling", true}, {"restore_faces", true}, {"styles", {"cinematic"}}, {"s_churn", 3}}));
  const std::string comments = json_text(info_of(answer)["comments"]);
  for (const char* word : {"tiling", "restore_faces", "cinematic", "s_churn", "made of nothing"})
    EXPECT_NE(comments.find(word), std::string::npos) << word;
}

TEST_F(Sdapi, AnInfotextFillsWhatIsLeftOpen) {
  post("/sdapi/v1/txt2img",
       {{"infotext",
         "a barn\nNegative prompt: rain\nSteps: 9, Sampler: DPM++ 2M, Schedule type: Karras, CFG "
         "scale: 5, Seed: 77, Size: 64x128"},
        {"steps", 6}});
  EXPECT_EQ(job()["prompt"], "a barn");
  EXPECT_EQ(job()["negative"], "rain");
  EXPECT_EQ(job()["steps"], 6);
  EXPECT_EQ(job()["seed"], 77);
  EXPECT_EQ(job()["height"], 128);
  EXPECT_EQ(job()["sampler"], "dpmpp_2m_karras");
}

TEST_F(Sdapi, ClipSkipAndTheGeneratorComeFromTheOptions) {
  post("/sdapi/v1/txt2img",
       text_body(
           {{"override_settings", {{"CLIP_stop_at_last_layers", 2}, {"randn_source", "CPU"}}}}));
  EXPECT_EQ(job()["clip_skip"], 2);
  EXPECT_EQ(job()["noise"], "cpu");
  post("/sdapi/v1/options", {{"CLIP_stop_at_last_layers", 3}});
  post("/sdapi/v1/txt2img", text_body());
  EXPECT_EQ(job()["clip_skip"], 3);
  EXPECT_EQ(job()["noise"], "cuda");
}

TEST_F(Sdapi, ListsHaveTheFormsThatClientsRead) {
  EXPECT_EQ(get("/sdapi/v1/upscalers")[0]["name"], "None");
  EXPECT_EQ(get("/sdapi/v1/latent-upscale-modes")[0]["name"], "Latent");
  EXPECT_EQ(get("/sdapi/v1/embeddings"),
            (json{{"loaded", json::object()}, {"skipped", json::object()}}));
  for (const char* name : {"sd-vae", "loras", "hypernetworks", "face-restorers",
                           "realesrgan-models", "prompt-styles", "script-info"})
    EXPECT_TRUE(get(std::string("/sdapi/v1/") + name).is_array()) << name;
  EXPECT_EQ(get("/sdapi/v1/extensions")[0]["enabled"], true);
  EXPECT_GT(get("/sdapi/v1/memory")["ram"]["total"], 0);
  EXPECT_EQ(get("/internal/ping"), json::object());
  EXPECT_TRUE(get("/sdapi/v1/cmd-flags")["api"]);
  for (const json& entry : get("/sdapi/v1/sd-models"))
    EXPECT_EQ(entry["filename"].get<std::string>().find('/'), std::string::npos);
  EXPECT_EQ(post("/sdapi/v1/interrogate", {{"image", base64_photo()}}, 404)["detail"],
            "Model not found");
  post("/sdapi/v1/train/embedding", json::object(), 501);
}

TEST_F(Sdapi, PicturesMayBeLeftOut) {
  EXPECT_EQ(post("/sdapi/v1/txt2img", text_body({{"send_images", false}}))["images"],
            json::array());
  EXPECT_EQ(server().parts().store.gallery().count({}), 1);
}

TEST_F(Sdapi, NoValueOfAFieldIsAnErrorInside) {
  const std::vector<json> values = {true,
                                    -1,
                                    1e300,
                                    "",
                                    "x",
                                    json::array(),
                                    json::array({json::object()}),
                                    json::object(),
                                    {{"a", {1, "b"}}},
                                    std::string(300, 'z')};
  for (const char* path : {"/sdapi/v1/txt2img", "/sdapi/v1/img2img"}) {
    const bool img2img = std::string_view(path).ends_with("img2img");
    for (const WebuiField& field : img2img ? webui_img2img_fields() : webui_txt2img_fields()) {
      for (const json& value : values) {
        json body = text_body({{"init_images", {base64_photo(8, 8)}}});
        body[std::string(field.name)] = value;
        const TestResponse response = call(std::string("POST ") + path, body);
        EXPECT_LT(response.status, 500) << field.name << " " << value << " " << response.body;
      }
    }
  }
}

}  // namespace
}  // namespace zc
