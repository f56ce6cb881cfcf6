// SPDX-License-Identifier: Apache-2.0
// The API of AUTOMATIC1111's web UI: what breaks its real clients, one test each, and the rest.
#include <gtest/gtest.h>

#include <future>
#include <set>

#include "server/sdapi_fixture.h"

namespace zc {
namespace {

using nlohmann::json;

using Sdapi = SdapiTest;

json text_body(const json& more = json::object()) {
  json body = {{"prompt", "a house"}, {"steps", 4}, {"width", 64}, {"height", 64}, {"seed", 100}};
  body.update(more);
  return body;
}

json unit(const json& more = json::object()) {
  json unit = {
      {"module", "canny"}, {"model", "control_v11p_sd15_canny"}, {"image", base64_photo()}};
  unit.update(more);
  return unit;
}

json with_units(const json& units, const json& more = json::object()) {
  json body = text_body({{"alwayson_scripts", {{"controlnet", {{"args", units}}}}}});
  body.update(more);
  return body;
}

json info_of(const json& answer) {
  return parse_json(answer["info"].get<std::string>());
}

std::string place(const json& answer) {
  return json_text(answer["detail"][0]["loc"]);
}

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

// 5
TEST_F(Sdapi, AUnitWithoutEnabledIsEnabled) {
  post("/sdapi/v1/txt2img", with_units({unit(), unit({{"enabled", false}})}));
  ASSERT_EQ(job()["controls"].size(), 1u);
  EXPECT_EQ(job()["controls"][0]["kind"], "canny");
  EXPECT_EQ(job()["controlnets"], json::array({"canny=control_v11p_sd15_canny"}));
}

TEST_F(Sdapi, TheMapIsMadeAtTheProcessorsResolution) {
  post("/sdapi/v1/txt2img",
       with_units({unit({{"processor_res", 128}, {"threshold_a", 50}, {"threshold_b", 999}})}));
  ASSERT_EQ(annotated.size(), 1u);
  EXPECT_EQ(annotated[0].annotator, "canny");
  EXPECT_EQ(annotated[0].height, 128);
  EXPECT_EQ(annotated[0].width, 192);
  EXPECT_EQ(parse_json(annotated[0].parameters),
            (json{{"low", 50.0}, {"high", 200.0}}));  // 999 is off its slider
  EXPECT_EQ(job()["controls"][0]["map"], true);
  EXPECT_EQ(job()["controls"][0]["resize"], "crop");
}

TEST_F(Sdapi, PixelPerfectFollowsThePicture) {
  post("/sdapi/v1/txt2img",
       with_units({unit({{"pixel_perfect", true}})}, {{"width", 256}, {"height", 256}}));
  EXPECT_EQ(annotated[0].height, 256);
  post("/sdapi/v1/txt2img", with_units({unit({{"pixel_perfect", true}, {"resize_mode", 2}})},
                                       {{"width", 256}, {"height", 256}}));
  EXPECT_EQ(annotated[1].height, 192);  // 171 to the nearest 64
}

// 6
TEST_F(Sdapi, ModesAreTakenAsNumbersNamesAndOldAliases) {
  const auto unit_of = [&](const json& more) {
    post("/sdapi/v1/txt2img", with_units({unit(more)}));
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
  const json refused = post("/sdapi/v1/txt2img", with_units({unit({{"control_mode", 7}})}), 422);
  EXPECT_EQ(place(refused), R"(["body","alwayson_scripts","controlnet","args",0,"control_mode"])");
}

// 7
TEST_F(Sdapi, EmptyTextIsNoPictureAndBase64MayCarryAHead) {
  post("/sdapi/v1/txt2img", with_units({unit({{"mask", ""}, {"mask_image", ""}})}));
  EXPECT_EQ(post("/sdapi/v1/txt2img", with_units({unit({{"image", ""}})}), 422)["detail"],
            "ControlNet unit 0 has no image");
  post("/sdapi/v1/txt2img",
       with_units({unit({{"image", "data:image/png;base64," + base64_photo()}})}));
  post("/sdapi/v1/img2img",
       text_body({{"init_images", {"data:image/png;base64," + base64_photo()}}, {"mask", ""}}));
  EXPECT_EQ(job()["mask"], "");
}

TEST_F(Sdapi, AUnitsPictureComesInFourForms) {
  const std::string photo = base64_photo();
  for (const json& image :
       {json(photo), json{{"image", photo}, {"mask", nullptr}}, json{{"image", photo}},
        json::array({photo, nullptr}), json::array({json{{"image", photo}, {"mask", ""}}})}) {
    post("/sdapi/v1/txt2img", with_units({unit({{"image", image}})}));
    EXPECT_EQ(job()["controls"].size(), 1u);
  }
  post("/sdapi/v1/txt2img", with_units({unit({{"image", 5}})}), 422);
}

TEST_F(Sdapi, WhatWasDrawnOverAPictureIsTheMap) {
  Image mask(96, 64, 1);
  for (int x = 20; x < 60; ++x) *mask.at(x, 30) = 255;
  post("/sdapi/v1/txt2img", with_units({unit({{"mask", base64_picture(mask)}})}));
  EXPECT_TRUE(annotated.empty());
  EXPECT_EQ(asset(job()["controls"][0]["image"]).at(30, 30)[0], 255);
  const Image empty(96, 64, 1);
  post("/sdapi/v1/txt2img", with_units({unit({{"mask", base64_picture(empty)}})}));
  EXPECT_EQ(annotated.size(), 1u);
}

// 8
TEST_F(Sdapi, AUnitWithoutAPictureTakesTheStartPicture) {
  const json body = with_units({unit({{"image", nullptr}})},
                               {{"init_images", {base64_photo()}}, {"resize_mode", 2}});
  post("/sdapi/v1/img2img", body);
  ASSERT_EQ(annotated.size(), 1u);
  EXPECT_EQ(job()["controls"][0]["resize"], "fill");
}

// 9
TEST_F(Sdapi, PicturesComeBeforeMapsAndThereIsNoGrid) {
  const json body = with_units({unit(), unit({{"save_detected_map", false}})},
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

// 11
TEST_F(Sdapi, IdleProgressIsExactlyZero) {
  const TestResponse response = call("GET /sdapi/v1/progress");
  EXPECT_NE(response.body.find(R"("progress":0.0)"), std::string::npos);
  EXPECT_NE(response.body.find(R"("job_count":0)"), std::string::npos);
  EXPECT_TRUE(parse_json(response.body)["current_image"].is_null());
}

TEST_F(Sdapi, ProgressAnswersWhilePicturesAreMade) {
  control.hold(1);
  TestClient waiting(server().port());
  send(waiting, "POST /sdapi/v1/txt2img",
       text_body({{"batch_size", 2}, {"force_task_id", "task(a)"}}));
  control.wait_for_a_holding_job();
  const json progress = get("/sdapi/v1/progress");
  EXPECT_GT(progress["progress"], 0.0);
  EXPECT_LE(progress["progress"], 1.0);
  EXPECT_EQ(progress["state"]["job_count"], 1);
  EXPECT_EQ(progress["state"]["sampling_steps"], 4);
  EXPECT_EQ(get("/internal/pending-tasks"), (json{{"size", 1}, {"tasks", {"task(a)"}}}));
  EXPECT_TRUE(post("/internal/progress", {{"id_task", "task(a)"}})["active"] == true ||
              post("/internal/progress", {{"id_task", "task(a)"}})["queued"] == true);
  control.release();
  EXPECT_EQ(waiting.response().status, 200);
  EXPECT_EQ(get("/sdapi/v1/progress")["progress"], 0.0);
  EXPECT_EQ(post("/internal/progress", {{"id_task", "task(a)"}})["completed"], true);
  EXPECT_EQ(post("/internal/progress", {{"id_task", "task(b)"}})["completed"], false);
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

// 15
TEST_F(Sdapi, InterruptGivesThePicturesThatAreFinished) {
  control.hold(2);
  TestClient waiting(server().port());
  send(waiting, "POST /sdapi/v1/txt2img", text_body({{"batch_size", 4}, {"n_iter", 3}}));
  control.wait_for_a_holding_job();
  EXPECT_EQ(post("/sdapi/v1/interrupt"), json::object());
  const TestResponse response = waiting.response();
  EXPECT_EQ(response.status, 200);
  const json answer = parse_json(response.body);
  EXPECT_EQ(answer["images"].size(), 2u);
  EXPECT_EQ(info_of(answer)["all_seeds"], json::array({100, 101}));
  EXPECT_EQ(control.bodies.size(), 1u);  // the other iterations were never begun
}

TEST_F(Sdapi, SkipGoesOnWithTheNextIteration) {
  control.hold(1);
  TestClient waiting(server().port());
  send(waiting, "POST /sdapi/v1/txt2img", text_body({{"batch_size", 2}, {"n_iter", 2}}));
  control.wait_for_a_holding_job();
  {
    const std::lock_guard lock(control.mutex);
    control.hold_after = 99;  // nothing else waits
  }
  EXPECT_TRUE(post("/sdapi/v1/skip").is_null());
  const json answer = parse_json(waiting.response().body);
  EXPECT_EQ(info_of(answer)["all_seeds"].back(), 103);
}

TEST_F(Sdapi, AClientThatGoesAwayEndsItsJob) {
  control.hold(0);
  std::string id;
  {
    TestClient leaving(server().port());
    send(leaving, "POST /sdapi/v1/txt2img", text_body());
    control.wait_for_a_holding_job();
    id = server().parts().store.jobs().list({}).front().id;
    leaving.reset();
  }
  std::promise<Job> end;
  server().parts().events.when_finished(id, [&](const Job& job) { end.set_value(job); });
  EXPECT_EQ(end.get_future().get().state, JobState::cancelled);
}

TEST_F(Sdapi, InterruptActsOnTheCallersOwnRequestsOnly) {
  options.api_auth = "ann:a,bob:b";
  control.hold(0);
  const std::string ann = "Authorization: Basic YW5uOmE=\r\n",
                    bob = "Authorization: Basic Ym9iOmI=\r\n";
  TestClient waiting(server().port());
  send(waiting, "POST /sdapi/v1/txt2img", text_body(), ann);
  control.wait_for_a_holding_job();
  EXPECT_EQ(call("POST /sdapi/v1/interrupt", nullptr, bob).status, 200);
  EXPECT_EQ(parse_json(call("GET /sdapi/v1/progress", nullptr, bob).body)["state"]["job_count"], 0);
  EXPECT_EQ(parse_json(call("GET /sdapi/v1/progress", nullptr, ann).body)["state"]["job_count"], 1);
  control.release();
  EXPECT_EQ(parse_json(waiting.response().body)["images"].size(), 1u);
}

// 16
TEST_F(Sdapi, ErrorsHaveTheShapesThatClientsKnow) {
  const json not_found = post("/sdapi/v1/txt2img", text_body({{"sampler_name", "X"}}), 404);
  EXPECT_EQ(not_found, (json{{"error", "HTTPException"},
                             {"detail", "Sampler not found"},
                             {"body", ""},
                             {"errors", "Sampler not found"}}));
  const json invalid = post("/sdapi/v1/txt2img", text_body({{"steps", "many"}}), 422);
  EXPECT_EQ(place(invalid), R"(["body","steps"])");
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
  EXPECT_EQ(place(post("/sdapi/v1/txt2img", text_body(), 422)), R"(["body","cfg_scale"])");
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
    post("/sdapi/v1/txt2img", with_units({unit({{"image", path}})}), 422);
  }
}

TEST_F(Sdapi, APictureThatIsNoneIsRefusedWhereItStands) {
  const std::string torn = base64_encode(encode_png(Image(32, 32, 3)).substr(0, 60));
  EXPECT_EQ(place(post("/sdapi/v1/img2img", text_body({{"init_images", {torn}}}), 422)),
            R"(["body","init_images",0])");
  EXPECT_EQ(place(post("/sdapi/v1/txt2img", with_units({unit({{"image", torn}})}), 422)),
            R"(["body","alwayson_scripts","controlnet","args",0,"image"])");
}

TEST_F(Sdapi, WithoutAStartPictureImg2imgIs404) {
  for (const json& images : {json(), json::array(), json::array({nullptr}), json::array({""})})
    EXPECT_EQ(post("/sdapi/v1/img2img", text_body({{"init_images", images}}), 404)["detail"],
              "Init image not found");
}

TEST_F(Sdapi, AStartPictureIsBroughtToTheSize) {
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

TEST_F(Sdapi, SeveralStartPicturesMakeOneEach) {
  const json body =
      text_body({{"init_images", {base64_photo(64, 64), base64_photo(96, 64)}}, {"n_iter", 2}});
  const json answer = post("/sdapi/v1/img2img", body);
  EXPECT_EQ(info_of(answer)["all_seeds"], json::array({100, 101, 102, 103}));
  EXPECT_EQ(control.bodies[0]["init"], control.bodies[2]["init"]);
  EXPECT_NE(control.bodies[0]["init"], control.bodies[1]["init"]);
}

Image mask_with_box(int left, int top, int right, int bottom) {
  Image mask(128, 128, 1);
  for (int y = top; y < bottom; ++y) {
    for (int x = left; x < right; ++x) *mask.at(x, y) = 255;
  }
  return mask;
}

TEST_F(Sdapi, AMaskOverTheWholePictureGoesWithIt) {
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

TEST_F(Sdapi, OnlyMaskedMakesThePartAndPutsItBack) {
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
  EXPECT_EQ(place(post("/sdapi/v1/txt2img",
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

TEST_F(Sdapi, OtherFormatsCarryTheParametersToo) {
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

TEST_F(Sdapi, UnitsSayEverythingThatTheEngineTakes) {
  const json weights = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.5, 0.25};
  post(
      "/sdapi/v1/txt2img",
      with_units({unit({{"weight", 0.7},
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
  post("/sdapi/v1/txt2img", with_units({unit({{"guidance_start", 0.9}, {"guidance_end", 0.1}})}),
       422);
  post("/sdapi/v1/txt2img", with_units({unit({{"weight", 3}})}), 422);
}

TEST_F(Sdapi, AUnitMayLackItsModuleOrItsModel) {
  post("/sdapi/v1/txt2img", with_units({unit({{"module", "none"}})}));
  EXPECT_TRUE(annotated.empty());
  EXPECT_EQ(job()["controls"][0]["kind"], "canny");
  post("/sdapi/v1/txt2img", with_units({unit({{"model", "None"}})}));
  EXPECT_EQ(job()["controlnets"], json::array());
  post("/sdapi/v1/txt2img", with_units({unit({{"module", "none"}, {"model", "None"}})}), 422);
}

TEST_F(Sdapi, ModelsOfUnitsAreFoundByTheirWholeNameTheirStemOrAPart) {
  const std::string whole = get("/controlnet/model_list")["model_list"][1];
  EXPECT_TRUE(whole.starts_with("control_v11p_sd15_canny [")) << whole;
  for (const std::string& name :
       {whole, std::string("Control_V11P_SD15_Canny"), std::string("canny"),
        std::string("control_v11p_sd15_canny [ffffffff]")}) {
    post("/sdapi/v1/txt2img", with_units({unit({{"model", name}})}));
    EXPECT_EQ(job()["controlnets"][0], "canny=control_v11p_sd15_canny") << name;
  }
  post("/sdapi/v1/txt2img", with_units({unit({{"model", "lineart"}})}), 422);
}

TEST_F(Sdapi, AModuleWithoutItsWeightsIsDrawnByTheOneThatComesAlongOrRefused) {
  post("/sdapi/v1/txt2img", with_units({unit({{"module", "depth_midas"}, {"model", "depth"}})}));
  EXPECT_EQ(annotated.back().annotator, "toy_depth");
  const json refused =
      post("/sdapi/v1/txt2img", with_units({unit({{"module", "mlsd"}, {"model", "depth"}})}), 422);
  EXPECT_NE(refused["detail"].get<std::string>().find("needs b.pth"), std::string::npos);
  EXPECT_NE(post("/sdapi/v1/txt2img", with_units({unit({{"module", "magic"}})}), 422)["detail"]
                .get<std::string>()
                .find("magic"),
            std::string::npos);
}

TEST_F(Sdapi, ExtrasEnlarge) {
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

}  // namespace
}  // namespace zc
