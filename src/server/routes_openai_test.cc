// SPDX-License-Identifier: Apache-2.0
// OpenAI's image API.
#include <gtest/gtest.h>

#include "server/sdapi_fixture.h"

namespace zc {
namespace {

using nlohmann::json;

struct OpenaiApi : SdapiTest {
  json generate(const json& body, int status = 200) {
    return post("/v1/images/generations", body, status);
  }

  // Parts as (name, contents); pictures are those that begin as PNG files do.
  TestResponse form(const std::vector<std::pair<std::string, std::string>>& parts) {
    std::string body;
    for (const auto& [name, contents] : parts) {
      body += "--XX\r\nContent-Disposition: form-data; name=\"" + name + "\"";
      if (contents.starts_with("\x89PNG"))
        body += "; filename=\"a.png\"\r\nContent-Type: image/png";
      body += "\r\n\r\n" + contents + "\r\n";
    }
    body += "--XX--\r\n";
    TestClient client(server().port());
    client.request("POST /v1/images/edits", body,
                   "Content-Type: multipart/form-data; boundary=XX\r\n");
    return client.response();
  }
};

TEST_F(OpenaiApi, ListsModels) {
  const json list = get("/v1/models");
  EXPECT_EQ(list["object"], "list");
  ASSERT_EQ(list["data"].size(), 2u);
  EXPECT_EQ(list["data"][0]["id"], "dream");
  EXPECT_EQ(get("/v1/models/photo")["object"], "model");
  EXPECT_EQ(parse_json(call("GET /v1/models/nothing").body)["error"]["code"], "model_not_found");
}

TEST_F(OpenaiApi, MakesPicturesOfAText) {
  const json answer = generate({{"prompt", "a house"}, {"n", 2}, {"size", "128x64"}, {"seed", 5}});
  ASSERT_EQ(answer["data"].size(), 2u);
  EXPECT_EQ(picture_of_base64(answer["data"][1]["b64_json"]).width, 128);
  EXPECT_EQ(answer["data"][1]["seed"], 6);
  EXPECT_GT(answer["created"], 0);
  EXPECT_EQ(job()["batch"], 2);
}

TEST_F(OpenaiApi, TakesOurOwnFieldsAtTheTop) {
  generate({{"prompt", "x"},
            {"steps", 9},
            {"negative_prompt", "rain"},
            {"cfg_scale", 4.5},
            {"sampler", "Euler a"},
            {"controls", {{{"kind", "canny"}, {"image", base64_photo()}, {"weight", 0.5}}}}});
  EXPECT_EQ(job()["steps"], 9);
  EXPECT_EQ(job()["negative"], "rain");
  EXPECT_EQ(job()["cfg"], 4.5);
  EXPECT_EQ(job()["controls"][0]["weight"], 0.5);
  EXPECT_EQ(asset(job()["controls"][0]["image"]).width, 96);
  EXPECT_EQ(job()["width"], 512);  // the usual one of the family
}

TEST_F(OpenaiApi, NamesOfOpenaisModelsMeanTheChosenOne) {
  post("/sdapi/v1/options", {{"sd_model_checkpoint", "photo"}});
  for (const char* name : {"dall-e-3", "gpt-image-1", ""}) {
    generate({{"prompt", "x"}, {"size", "64x64"}, {"model", name}});
    EXPECT_EQ(job()["model"], "photo");
  }
  generate({{"prompt", "x"}, {"size", "64x64"}, {"model", "dream"}});
  EXPECT_EQ(job()["model"], "dream");
  EXPECT_EQ(generate({{"prompt", "x"}, {"model", "midjourney"}}, 404)["error"]["code"],
            "model_not_found");
}

TEST_F(OpenaiApi, AnswersWithAUrlThatNeedsNoServer) {
  const json answer = generate(
      {{"prompt", "x"}, {"size", "64x64"}, {"response_format", "url"}, {"output_format", "jpeg"}});
  EXPECT_TRUE(answer["data"][0]["url"].get<std::string>().starts_with("data:image/jpeg;base64,"));
}

TEST_F(OpenaiApi, ErrorsHaveItsShape) {
  const json missing = generate({{"n", 1}}, 400)["error"];
  EXPECT_EQ(missing["type"], "invalid_request_error");
  EXPECT_EQ(missing["param"], "prompt");
  for (const auto& [field, value] :
       std::vector<std::pair<std::string, json>>{{"n", 0},
                                                 {"n", 99},
                                                 {"size", "huge"},
                                                 {"response_format", "gif"},
                                                 {"stream", true},
                                                 {"steps", 100000},
                                                 {"background", "transparent"},
                                                 {"controls", 3}}) {
    const json refused = generate({{"prompt", "x"}, {field, value}}, 400);
    EXPECT_EQ(refused["error"]["param"], field) << refused;
  }
  control.failure = "out_of_memory";
  EXPECT_EQ(generate({{"prompt", "x"}, {"size", "64x64"}}, 500)["error"]["type"], "server_error");
}

TEST_F(OpenaiApi, EditsMakeTransparentPartsAnew) {
  Image hole(64, 64, 4, 200);
  for (size_t i = 3; i < hole.pixels.size(); i += 4)
    hole.pixels[i] = i < hole.pixels.size() / 2 ? 0 : 255;
  const TestResponse response =
      form({{"image", encode_png(hole)}, {"prompt", "a door"}, {"n", "1"}, {"size", "64x64"}});
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(job()["prompt"], "a door");
  EXPECT_EQ(asset(job()["mask"]).at(5, 5)[0], 255);
  EXPECT_EQ(asset(job()["mask"]).at(5, 60)[0], 0);
  EXPECT_EQ(job()["denoise"], 1.0);
}

TEST_F(OpenaiApi, EditsTakeAMaskOfItsOwnOrNone) {
  Image mask(64, 64, 4, 255);
  for (size_t i = 3; i < mask.pixels.size() / 2; i += 4) mask.pixels[i] = 0;
  const std::string photo = encode_png(Image(64, 64, 3, 90));
  EXPECT_EQ(
      form({{"image[]", photo}, {"mask", encode_png(mask)}, {"prompt", "x"}, {"size", "64x64"}})
          .status,
      200);
  EXPECT_EQ(asset(job()["mask"]).at(5, 5)[0], 255);
  EXPECT_EQ(form({{"image", photo}, {"prompt", "x"}, {"strength", "0.3"}}).status, 200);
  EXPECT_EQ(job()["mask"], "");
  EXPECT_EQ(job()["denoise"], 0.3);
  EXPECT_EQ(job()["width"], 512);
}

TEST_F(OpenaiApi, EditsWantOnePicture) {
  const std::string photo = encode_png(Image(64, 64, 3));
  EXPECT_EQ(form({{"prompt", "x"}}).status, 400);
  EXPECT_EQ(form({{"image[]", photo}, {"image[]", photo}, {"prompt", "x"}}).status, 400);
  EXPECT_EQ(form({{"image", "\x89PNG no"}, {"prompt", "x"}}).status, 400);
  EXPECT_EQ(post("/v1/images/edits",
                 {{"prompt", "x"}, {"image", base64_photo()}, {"size", "64x64"}})["data"]
                .size(),
            1u);
}

}  // namespace
}  // namespace zc
