// SPDX-License-Identifier: Apache-2.0
// The gallery over a real server: finding, throwing away, downloading, reading, comparing pictures.
#include <gtest/gtest.h>

#include "base/files.h"
#include "image/base64.h"
#include "server/api_fixture.h"
#include "server/zip_archive.h"

namespace zc {
namespace {

using nlohmann::json;

TEST_F(ApiTest, FindsPicturesPageByPage) {
  for (int i = 0; i < 5; ++i) add_image(i % 2 == 0 ? "a red house" : "a blue car");
  const json page = get("/api/v1/images?limit=2").body;
  EXPECT_EQ(page["images"].size(), 2u);
  EXPECT_EQ(page["total"], 5);
  const json next = get("/api/v1/images?limit=2&cursor=" + page["next"].get<std::string>()).body;
  EXPECT_EQ(next["images"].size(), 2u);
  EXPECT_NE(next["images"][0]["id"], page["images"][0]["id"]);
  EXPECT_EQ(get("/api/v1/images?q=house").body["total"], 3);
  EXPECT_EQ(get("/api/v1/images?q=house&limit=9").body["next"], nullptr);
  EXPECT_EQ(get("/api/v1/images?starred=perhaps").body["field"], "starred");
  EXPECT_EQ(get("/api/v1/images?cursor=nonsense").body["field"], "cursor");
}

TEST_F(ApiTest, StarsThrowsAwayAndBringsBack) {
  const std::string path = "/api/v1/images/" + add_image("x").id;
  EXPECT_EQ(post(path + "/star", {{"starred", true}}).body["starred"], true);
  EXPECT_EQ(get("/api/v1/images?starred=1").body["total"], 1);
  EXPECT_EQ(call("DELETE " + path).status, 204);
  EXPECT_EQ(get("/api/v1/images").body["total"], 0);
  EXPECT_EQ(get("/api/v1/images?trashed=true").body["total"], 1);
  EXPECT_EQ(post(path + "/restore", json::object()).body["trashed"], false);
  EXPECT_EQ(call("DELETE " + path + "?forever=1").status, 204);
  EXPECT_EQ(get(path).status, 404);
  EXPECT_EQ(call("DELETE " + path).status, 404);
}

TEST_F(ApiTest, MakesAPictureAgain) {
  const std::string id = add_image("x").id;
  const Answer job = post("/api/v1/images/" + id + "/rerun", json::object());
  EXPECT_EQ(job.status, 202);
  EXPECT_EQ(job.body["kind"], "rerun");
  EXPECT_EQ(store().jobs().get(job.body["id"])->body, json_text({{"image", id}}));
  EXPECT_EQ(post("/api/v1/images/x/rerun", json::object()).status, 404);
}

TEST_F(ApiTest, SendsPicturesAsOneArchive) {
  const std::string a = add_image("a").id, b = add_image("b").id;
  Answer zip = post("/api/v1/images/zip", {{"ids", {a, b}}});
  EXPECT_EQ(zip.headers["content-type"], "application/zip");
  int files = 0;
  read_zip(
      std::span(reinterpret_cast<const uint8_t*>(zip.text.data()), zip.text.size()), "zip", {},
      [](const std::string& name) { return name.ends_with(".png"); },
      [&](const std::string&, const std::string& bytes) {
        ++files;
        EXPECT_EQ(decode_image(std::string_view(bytes), "x").width, 16);
      });
  EXPECT_EQ(files, 2);
  EXPECT_EQ(post("/api/v1/images/zip", {{"ids", json::array()}}).body["field"], "ids");
  EXPECT_EQ(post("/api/v1/images/zip", {{"ids", {a, "x"}}}).body["field"], "ids[1]");
}

TEST_F(ApiTest, ReadsWhatOtherProgramsWrote) {
  const std::string corpus = ZC_SOURCE_DIR "/fuzz/corpus/metadata/";
  const std::string sha = upload(read_file(corpus + "a1111.png"));
  const json found = post("/api/v1/images/read", {{"asset", sha}}).body;
  EXPECT_EQ(found["source"], "a1111");
  EXPECT_EQ(found["request"]["steps"], 20);
  EXPECT_FALSE(found["request"].contains("model"));  // it is not here, and the notes say so
  EXPECT_EQ(found["notes"][0], "the model `v1-5-pruned-emaonly` is not here");
  EXPECT_EQ(post("/api/v1/images/read", {{"asset", upload_picture()}}).body["source"], "none");
  EXPECT_EQ(post("/api/v1/images/read", {{"asset", std::string(64, '0')}}).body["field"], "asset");
}

TEST_F(ApiTest, MapsOfOurOwnPicturesBecomeAssets) {
  const std::string map = encode_png(Image(16, 16, 3, 255));
  const json record = {
      {"record", 1},
      {"request",
       {{"prompt", "x"},
        {"init", "/home/me/photo.png"},
        {"controls",
         {{{"kind", "canny"}, {"image", "/home/me/photo.png"}, {"parameters", {"low=5"}}}}}}},
      {"maps", {base64_encode(map)}}};
  const std::string png =
      encode_png(Image(16, 16, 3, 9), {.texts = {{"zeroconv", json_text(record)}}});
  const json found = post("/api/v1/images/read", {{"asset", upload(png)}}).body;
  EXPECT_EQ(found["source"], "zeroconv");
  const json unit = found["request"]["controls"][0];
  EXPECT_EQ(unit["image"], "asset:" + sha256_hex(map));
  EXPECT_EQ(unit["map"], true);
  EXPECT_FALSE(unit.contains("parameters"));
  EXPECT_FALSE(found["request"].contains("init"));
  EXPECT_EQ(get("/api/v1/assets/" + sha256_hex(map)).status, 200);
}

TEST_F(ApiTest, ComparesAPictureWithItsMap) {
  const std::string map = upload(encode_png(Image(16, 16, 3, 128)));
  const json told = {{"kind", "canny"}, {"metric", "edge F1"}, {"value", 0.75}};
  const json unit = {{"kind", "canny"}, {"image", "asset:" + map}, {"parameters", {"low=50"}}};
  json record = {{"request", {{"controls", {unit}}}},
                 {"maps", {{{"kind", "canny"}, {"sha", map}}}},
                 {"receipts", {told}}};
  const std::string with_receipt = add_image("x", record).id;
  EXPECT_EQ(get("/api/v1/images/" + with_receipt + "/compare?kind=canny").body["receipt"], told);
  EXPECT_EQ(annotate->requests().at(0).parameters, R"({"low":50})");
  record["receipts"] = json::array();
  const std::string without = add_image("y", record).id;
  const json measured = get("/api/v1/images/" + without + "/compare?kind=canny").body;
  EXPECT_EQ(measured["receipt"]["value"], 1.0);  // the same map
  const json other = get("/api/v1/images/" + without + "/compare?kind=depth").body;
  EXPECT_EQ(other["receipt"], nullptr);
  EXPECT_TRUE(other["map"].is_string());
}

}  // namespace
}  // namespace zc
