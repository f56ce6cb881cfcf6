// SPDX-License-Identifier: Apache-2.0
// The native API over a real server: who may do what, what requests may hold, what answers hold.
#include <gtest/gtest.h>

#include "server/api_fixture.h"

namespace zc {
namespace {

using nlohmann::json;

std::string filled(std::string path) {
  for (size_t at = path.find('{'); at != std::string::npos; at = path.find('{'))
    path.replace(at, path.find('}') - at + 1, "x");
  return path;
}

// Only the head: an event stream has no end.
int status_of_call(uint16_t port, const std::string& method, const std::string& path,
                   const std::string& token, const char* address) {
  TestClient client(port, 0, address);
  std::string headers;
  if (!token.empty()) headers = "Authorization: Bearer " + token + "\r\n";
  const bool body = method == "POST" || method == "PUT";
  if (body) headers += "Content-Type: application/json\r\n";
  client.request(method + " " + path, body ? "{}" : "", headers);
  return client.head().status;
}

TEST_F(ApiTest, EveryRouteAsksForItsScopeAndNothingElseDoes) {
  const std::string reader = post("/api/v1/tokens", {{"name", "r"}}).body["token"];
  const std::string writer =
      post("/api/v1/tokens", {{"name", "w"}, {"scopes", {"write"}}}).body["token"];
  const json paths = get("/openapi.json").body["paths"];
  int routes = 0;
  for (const auto& [path, methods] : paths.items()) {
    for (const auto& [name, operation] : methods.items()) {
      std::string method = name;
      for (char& c : method) c = static_cast<char>(std::toupper(c));
      const std::string access = operation["x-access"];
      // The APIs that are open on this machine have tests of their own.
      if (access == "open" || access == "open on this machine") continue;
      ++routes;
      // Wrong tokens of one address are counted, so each route is asked from another one.
      const std::string address = fmt::format("127.0.{}.{}", 1 + routes / 200, 2 + routes % 200);
      const auto status = [&](const std::string& token) {
        return status_of_call(studio->port(), method, filled(path), token, address.c_str());
      };
      const auto allowed = [&](const std::string& token) {
        const int code = status(token);
        return code != 401 && code != 403 && code != 429;
      };
      const std::string what = method + " " + path;
      EXPECT_EQ(status(""), 401) << what;
      EXPECT_EQ(status("wrong"), 401) << what;
      EXPECT_EQ(allowed(reader), access == "read") << what;
      EXPECT_EQ(allowed(writer), access != "admin") << what;
      EXPECT_TRUE(allowed(kOwner)) << what;
    }
  }
  EXPECT_GE(routes, 40);
}

TEST_F(ApiTest, ATokenBecomesACookie) {
  const Answer wrong = call("POST /api/v1/session", R"({"token":"wrong"})", "application/json", "");
  EXPECT_EQ(wrong.status, 401);
  Answer right =
      call("POST /api/v1/session", json_text({{"token", kOwner}}), "application/json", "");
  EXPECT_EQ(right.status, 204);
  const std::string cookie = right.headers["set-cookie"];
  EXPECT_NE(cookie.find("HttpOnly"), std::string::npos);
  const Answer session = call("GET /api/v1/session", "", "", "",
                              "Cookie: " + cookie.substr(0, cookie.find(';')) + "\r\n");
  EXPECT_EQ(session.body["authenticated"], true);
  EXPECT_EQ(call("GET /api/v1/session", "", "", "").status, 401);
  EXPECT_EQ(call("DELETE /api/v1/session").status, 204);
}

TEST_F(ApiTest, TellsWhatItCanDo) {
  const json c = get("/api/v1/capabilities").body;
  EXPECT_EQ(c["models"].size(), 2u);
  ASSERT_EQ(c["control_kinds"].size(), 1u);
  EXPECT_EQ(c["control_kinds"][0]["kind"], "canny");
  EXPECT_EQ(c["control_kinds"][0]["available"], true);
  const json low = c["control_kinds"][0]["annotators"][0]["parameters"][0];
  EXPECT_EQ(low, json::parse(R"({"name":"low","type":"int","default":100,"min":1,"max":255,"step":1,
                                 "help":"below it there is no edge"})"));
  EXPECT_EQ(c["limits"]["max_layers"], 8);
  EXPECT_EQ(c["request_schema"]["properties"]["steps"]["maximum"], 150);
  EXPECT_EQ(c["palettes"]["seg"].size(), 150u);
  EXPECT_GT(c["samplers"].size(), 20u);
  ASSERT_EQ(c["examples"].size(), 1u);  // of the one kind that has a ControlNet
  // An example is a request as it stands.
  EXPECT_EQ(post("/api/v1/jobs", {{"request", c["examples"][0]["request"]}}).status, 202);
  EXPECT_EQ(get(c["examples"][0]["thumb"].get<std::string>()).status, 200);
}

// ---- assets ----

TEST_F(ApiTest, KeepsPicturesByTheirHash) {
  const std::string png = encode_png(Image(40, 30, 3, 200));
  const Answer put = call("PUT /api/v1/assets", png, "application/octet-stream");
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.body["sha"], sha256_hex(png));
  EXPECT_EQ(put.body["media_type"], "image/png");
  EXPECT_EQ(put.body["width"], 40);
  EXPECT_EQ(put.body["height"], 30);
  Answer back = get("/api/v1/assets/" + sha256_hex(png));
  EXPECT_EQ(back.text, png);
  EXPECT_EQ(back.headers["content-type"], "image/png");
  EXPECT_EQ(back.headers["x-content-type-options"], "nosniff");
  EXPECT_NE(back.headers["cache-control"].find("immutable"), std::string::npos);
  const Answer again = call("GET /api/v1/assets/" + sha256_hex(png), "", "", kOwner,
                            "If-None-Match: " + back.headers["etag"] + "\r\n");
  EXPECT_EQ(again.status, 304);
}

TEST_F(ApiTest, TakesPicturesFromForms) {
  const std::string png = encode_png(Image(8, 8, 3));
  const std::string form =
      "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../x\"\r\n"
      "Content-Type: text/html\r\n\r\n" +
      png + "\r\n--b--\r\n";
  const Answer put = call("PUT /api/v1/assets", form, "multipart/form-data; boundary=b");
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.body["media_type"], "image/png");
  const std::string other =
      "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--b--\r\n";
  EXPECT_EQ(call("PUT /api/v1/assets", other, "multipart/form-data; boundary=b").body["field"],
            "file");
}

TEST_F(ApiTest, MakesSmallPictures) {
  const std::string sha = upload_picture(256);
  const Answer thumb = get("/api/v1/assets/" + sha + "?w=64");
  const Image image = decode_image(std::string_view(thumb.text), "thumb");
  EXPECT_EQ(image.width, 64);
  EXPECT_EQ(get("/api/v1/assets/" + sha + "?w=64").text, thumb.text);
  EXPECT_EQ(get("/api/v1/assets/" + sha + "?w=300").text, get("/api/v1/assets/" + sha).text);
  EXPECT_EQ(get("/api/v1/assets/" + sha + "?w=1").body["field"], "w");
}

TEST_F(ApiTest, RefusesWhatIsNoAsset) {
  const auto code = [&](const std::string& bytes) {
    return call("PUT /api/v1/assets", bytes, "image/png").body.value("code", "");
  };
  const std::string png = encode_png(Image(64, 64, 3, 3));
  EXPECT_EQ(code("hello"), "image_unreadable");
  EXPECT_EQ(code(png.substr(0, png.size() / 2)), "image_truncated");
  EXPECT_EQ(code("<svg xmlns='http://www.w3.org/2000/svg'/>"), "image_unsupported");
  EXPECT_EQ(code("GIF89a" + std::string(100, '\0')), "image_unreadable");
  EXPECT_EQ(code(R"({"people": 7})"), "invalid_value");
  EXPECT_EQ(code("{\"people\": [}"), "bad_json");
  // 20000 x 20000 pixels, by the header alone.
  std::string large = png;
  large[17] = large[21] = 0x4e;
  large[18] = large[22] = 0x20;
  EXPECT_NE(code(large), "");
  EXPECT_EQ(call("PUT /api/v1/assets").body["code"], "image_unreadable");
}

TEST_F(ApiTest, KeepsPeopleAsJson) {
  json points = json::array();
  for (int i = 0; i < 54; ++i) points.push_back(i % 3 == 2 ? 1.0 : 20.0);
  const json pose = {
      {"people", {{{"pose_keypoints_2d", points}}}}, {"canvas_width", 64}, {"canvas_height", 48}};
  const Answer put = call("PUT /api/v1/assets", json_text(pose));
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.body["media_type"], "application/json");
  EXPECT_EQ(put.body["width"], 64);
  EXPECT_EQ(get("/api/v1/assets/" + put.body["sha"].get<std::string>()).body, pose);
  EXPECT_EQ(get("/api/v1/assets/" + put.body["sha"].get<std::string>() + "?w=64").status, 404);
  EXPECT_EQ(post("/api/v1/pose/render", {{"pose", pose}, {"rules", "v1"}}).body["asset"],
            sha256_hex(json_text(pose) + "v10"));
  EXPECT_EQ(post("/api/v1/pose/render", json::object()).body["field"], "pose");
}

TEST_F(ApiTest, NoNameLeadsAnywhereElse) {
  const std::string secret = (folder.path() / "secret.txt").string();
  std::ofstream(secret) << "secret";
  const std::string missing = get("/api/v1/assets/" + std::string(64, '0')).text;
  const std::vector<std::string> names = {"..",
                                          "%2e%2e%2fsecret.txt",
                                          "..%5csecret.txt",
                                          "x",
                                          "..%252fsecret.txt",
                                          "%00",
                                          std::string(64, 'A'),
                                          std::string(65, '0'),
                                          std::string(300, 'a')};
  for (const std::string& name : names) {
    const Answer answer = get("/api/v1/assets/" + name);
    EXPECT_EQ(answer.status, 404) << name;
    EXPECT_EQ(answer.text.find("secret\""), std::string::npos) << name;
  }
  EXPECT_NE(missing.find("not_found"), std::string::npos);
}

// ---- maps ----

TEST_F(ApiTest, MakesMaps) {
  const std::string sha = upload_picture();
  const Answer map = post("/api/v1/annotate", {{"asset", sha},
                                               {"kind", "canny"},
                                               {"parameters", {{"low", 50}}},
                                               {"width", 16},
                                               {"slot", "layer 1"}});
  EXPECT_EQ(map.status, 200);
  EXPECT_EQ(map.body["width"], 16);
  EXPECT_EQ(map.body["pose"], nullptr);
  const AnnotateRequest request = annotate->requests().at(0);
  EXPECT_EQ(request.asset, sha);
  EXPECT_EQ(request.parameters, R"({"low":50})");
  EXPECT_EQ(request.slot, "layer 1");
  EXPECT_EQ(post("/api/v1/annotate", {{"asset", "/etc/passwd"}}).body["field"], "asset");
  EXPECT_EQ(post("/api/v1/annotate", {{"asset", sha}, {"width", 99999}}).body["field"], "width");
  EXPECT_EQ(post("/api/v1/annotate", {{"asset", sha}, {"parameters", 1}}).body["field"],
            "parameters");
}

// ---- jobs ----

TEST_F(ApiTest, TakesAJobAndGivesItsPicture) {
  const Answer submitted = post("/api/v1/jobs", {{"request", {{"prompt", "a cat"}, {"seed", 5}}}});
  EXPECT_EQ(submitted.status, 202);
  EXPECT_EQ(submitted.body["state"], "queued");
  const std::string id = submitted.body["id"];
  do_one_job();
  const json job = get("/api/v1/jobs/" + id).body;
  EXPECT_EQ(job["state"], "done");
  ASSERT_EQ(job["images"].size(), 1u);
  EXPECT_EQ(job["images"][0]["prompt"], "a cat");
  EXPECT_EQ(get(job["images"][0]["url"].get<std::string>()).status, 200);
  EXPECT_EQ(get("/api/v1/images").body["total"], 1);
}

TEST_F(ApiTest, ARandomSeedIsChosenOnce) {
  const json job = post("/api/v1/jobs", {{"request", {{"seed", -1}}}}).body;
  EXPECT_GE(job["request"]["seed"].get<int64_t>(), 0);
}

TEST_F(ApiTest, TheSameKeyIsTheSameJob) {
  const std::string body = R"({"request":{"prompt":"x"}})";
  const auto submit = [&](const char* key) {
    return call("POST /api/v1/jobs", body, "application/json", kOwner,
                std::string("Idempotency-Key: ") + key + "\r\n")
        .body["id"]
        .get<std::string>();
  };
  const std::string first = submit("a");
  EXPECT_EQ(submit("a"), first);
  EXPECT_NE(submit("b"), first);
}

TEST_F(ApiTest, RefusesWhatARequestMayNotHold) {
  const std::string picture = "asset:" + upload_picture();
  const auto field = [&](json request) {
    const Answer answer = post("/api/v1/jobs", {{"request", std::move(request)}});
    EXPECT_EQ(answer.status, 422);
    EXPECT_EQ(answer.body["code"], "invalid_value");
    return answer.body["field"].get<std::string>();
  };
  const auto control = [&](const std::string& image) {
    return json{{"controls", {{{"kind", "canny"}, {"image", image}}}}};
  };
  EXPECT_EQ(field({{"promt", "x"}}), "promt");
  EXPECT_EQ(field({{"steps", 0}}), "steps");
  EXPECT_EQ(field({{"steps", 1000}}), "steps");
  EXPECT_EQ(field({{"steps", "20"}}), "steps");
  EXPECT_EQ(field({{"width", 513}}), "width");
  EXPECT_EQ(field({{"width", 4096}}), "width");
  EXPECT_EQ(field({{"batch", 17}}), "batch");
  EXPECT_EQ(field({{"model", "/etc/passwd"}}), "model");
  EXPECT_EQ(field({{"model", "unknown"}}), "model");
  EXPECT_EQ(
      field({{"controlnets", {"canny=/etc/passwd"}}, {"controls", control(picture)["controls"]}}),
      "controlnets[0]");
  EXPECT_EQ(field(control("/etc/passwd")), "controls[0].image");
  EXPECT_EQ(field(control("asset:" + std::string(64, '0'))), "controls[0].image");
  EXPECT_EQ(field({{"init", "photo.png"}}), "init");
  EXPECT_EQ(post("/api/v1/jobs", control(picture)).body["field"],
            "controls");  // outside of request
  EXPECT_EQ(post("/api/v1/jobs", {{"request", json::object()}, {"priority", 1e9}}).body["field"],
            "priority");
  EXPECT_EQ(post("/api/v1/jobs", json::object()).body["field"], "request");
  EXPECT_EQ(post("/api/v1/jobs", {{"request", control(picture)}}).status, 202);
}

TEST_F(ApiTest, AMisspeltFieldIsAnsweredWithTheNearestOne) {
  const Answer answer = post("/api/v1/jobs", {{"requst", json::object()}});
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.body["field"], "requst");
  EXPECT_NE(answer.body["detail"].get<std::string>().find("`request`"), std::string::npos);
}

TEST_F(ApiTest, BodiesAreJson) {
  EXPECT_EQ(call("POST /api/v1/jobs", "request=x", "application/x-www-form-urlencoded").status,
            415);
  EXPECT_EQ(call("POST /api/v1/jobs", "{", "application/json").body["code"], "bad_json");
  EXPECT_EQ(call("POST /api/v1/jobs", R"({"request":{},"request":{}})").status, 400);
  EXPECT_EQ(call("POST /api/v1/jobs", "[]").status, 422);
}

TEST_F(ApiTest, ListsAndCancelsJobs) {
  const std::string first = post("/api/v1/jobs", {{"request", {{"prompt", "1"}}}}).body["id"];
  const std::string second = post("/api/v1/jobs", {{"request", {{"prompt", "2"}}}}).body["id"];
  EXPECT_EQ(get("/api/v1/jobs").body["jobs"].size(), 2u);
  EXPECT_EQ(get("/api/v1/jobs?limit=1").body["jobs"][0]["id"], second);
  EXPECT_EQ(get("/api/v1/jobs?before=" + second).body["jobs"][0]["id"], first);
  EXPECT_EQ(call("DELETE /api/v1/jobs/" + first).body["state"], "cancelled");
  EXPECT_EQ(get("/api/v1/jobs?state=queued").body["jobs"].size(), 1u);
  EXPECT_EQ(get("/api/v1/jobs?state=lost").body["field"], "state");
  EXPECT_EQ(get("/api/v1/jobs?limit=x").body["field"], "limit");
  EXPECT_EQ(call("DELETE /api/v1/jobs/x").status, 404);
  EXPECT_EQ(get("/api/v1/jobs/x").status, 404);
}

TEST_F(ApiTest, ShowsThePreviewOfAJobAtWork) {
  const std::string id = post("/api/v1/jobs", {{"request", json::object()}}).body["id"];
  EXPECT_EQ(get("/api/v1/jobs/" + id + "/preview").status, 404);
  const auto job = store().jobs().claim("test", {});
  const std::string jpeg = encode_jpeg(Image(8, 8, 3, 5));
  store().jobs().set_preview(*job, 3, bytes_of(jpeg));
  Answer preview = get("/api/v1/jobs/" + id + "/preview");
  EXPECT_EQ(preview.text, jpeg);
  EXPECT_EQ(preview.headers["content-type"], "image/jpeg");
  EXPECT_EQ(preview.headers["x-step"], "3");
}

TEST_F(ApiTest, PlansAJob) {
  const Answer plan = post("/api/v1/jobs/plan", {{"request", {{"width", 512}}}});
  EXPECT_EQ(plan.status, 200);
  EXPECT_EQ(plan.body["fits"], true);
  EXPECT_EQ(post("/api/v1/jobs/plan", {{"request", {{"width", 7}}}}).body["field"], "width");
}

// ---- server ----

TEST_F(ApiTest, KeepsSettingsBesideItsOwn) {
  store().settings().set("worker.x", "{}");
  EXPECT_EQ(get("/api/v1/settings").body, json::object());
  const json settings = {{"theme", "dark"}, {"live", true}};
  EXPECT_EQ(call("PUT /api/v1/settings", json_text(settings)).body, settings);
  EXPECT_EQ(call("PUT /api/v1/settings", R"({"live":null})").body, (json{{"theme", "dark"}}));
  EXPECT_EQ(call("PUT /api/v1/settings", R"({"a b":1})").body["field"], "a b");
  EXPECT_TRUE(store().settings().get("worker.x").has_value());
}

TEST_F(ApiTest, TokensOfProgramsAreToldOnce) {
  const json token = post("/api/v1/tokens", {{"name", "plug-in"}, {"scopes", {"write"}}}).body;
  EXPECT_EQ(call("GET /api/v1/jobs", "", "", token["token"]).status, 200);
  const json list = get("/api/v1/tokens").body["tokens"];
  EXPECT_EQ(list[0]["name"], "plug-in");
  EXPECT_FALSE(list[0].contains("token"));
  EXPECT_EQ(call("DELETE /api/v1/tokens/" + token["id"].get<std::string>()).status, 204);
  EXPECT_EQ(call("GET /api/v1/jobs", "", "", token["token"]).status, 401);
  EXPECT_EQ(post("/api/v1/tokens", {{"name", "x"}, {"scopes", {"root"}}}).body["field"],
            "scopes[0]");
}

TEST_F(ApiTest, ListsModelsWithoutTheirPlaces) {
  const Answer models = get("/api/v1/models");
  EXPECT_EQ(models.body["models"][0]["id"], "builtin");
  EXPECT_EQ(models.text.find(folder.path().string()), std::string::npos);
  std::ofstream(this->models() / "new.safetensors") << "weights";
  EXPECT_EQ(post("/api/v1/models/refresh", json::object()).body["models"].size(), 3u);
  EXPECT_EQ(post("/api/v1/models/x/verify", json::object()).status, 404);
}

TEST_F(ApiTest, ListsWorkers) {
  EXPECT_EQ(get("/api/v1/workers").body["workers"], json::array());
}

TEST_F(ApiTest, TrainingsAreRefusedLikeEverythingElse) {
  EXPECT_EQ(get("/api/v1/train/runs").body["runs"], json::array());
  EXPECT_EQ(
      post("/api/v1/train/runs", {{"name", "x"}, {"options", {{"out", "/etc"}}}}).body["field"],
      "options.out");
  EXPECT_EQ(get("/api/v1/train/runs/..%2f..").status, 404);
  EXPECT_EQ(get("/api/v1/train/runs/x/files/report.html").status, 404);
  EXPECT_EQ(post("/api/v1/train/runs/x/resume", {{"stepz", 1}}).body["field"], "stepz");
}

// ---- events ----

// Server-sent events; several may come in one piece, and one in several.
class EventReader {
 public:
  EventReader(uint16_t port, const std::string& path) : client_(port) {
    client_.request("GET " + path, {}, "Authorization: Bearer the-owners-token-of-this-test\r\n");
    media_type = client_.head().headers["content-type"];
  }
  // The next one of that type.
  json next(const std::string& type) {
    for (;;) {
      const size_t end = text_.find("\n\n");
      if (end == std::string::npos) {
        text_ += client_.chunk();
        continue;
      }
      const std::string event = text_.substr(0, end);
      text_.erase(0, end + 2);
      const size_t data = event.find("data: ");
      if (data == std::string::npos) continue;
      json value = parse_json(event.substr(data + 6));
      if (value["type"] == type) return value;
    }
  }
  std::string media_type;

 private:
  TestClient client_;
  std::string text_;
};

TEST_F(ApiTest, TellsWhatHappensAsServerSentEvents) {
  EventReader first(studio->port(), "/api/v1/events");
  EXPECT_EQ(first.media_type, "text/event-stream");
  const json hello = first.next("hello");
  const std::string id = post("/api/v1/jobs", {{"request", {{"prompt", "x"}}}}).body["id"];
  const json event = first.next("job");
  EXPECT_EQ(event["job"]["id"], id);
  EXPECT_GT(event["id"], hello["id"]);
  // Another connection goes on where this one began.
  EventReader second(studio->port(),
                     fmt::format("/api/v1/events?last_event_id={}", hello["id"].get<int64_t>()));
  EXPECT_EQ(second.next("job"), event);
}

TEST_F(ApiTest, TellsWhatHappensOverAWebSocket) {
  TestClient client(studio->port());
  const std::string bearer = std::string("Authorization: Bearer ") + kOwner + "\r\n";
  ASSERT_EQ(client.upgrade("/api/v1/events", bearer).status, 101);
  EXPECT_EQ(parse_json(client.frame().payload)["type"], "hello");
  studio->parts().events.preview("job", 3, bytes_of("picture"), true);
  json text;
  do {
    text = parse_json(client.frame().payload);
  } while (text["type"] != "preview");
  EXPECT_EQ(text["step"], 3);
  const TestClient::Frame frame = client.frame();
  EXPECT_EQ(frame.opcode, 2);
  EXPECT_EQ(frame.payload, std::string("\0\0\0\1\0\0\0\1picture", 15));
  const std::string id = add_image("x").id;
  call("DELETE /api/v1/images/" + id);
  do {
    text = parse_json(client.frame().payload);
  } while (text["type"] != "image_removed");
  EXPECT_EQ(text["image"], id);
}

TEST_F(ApiTest, NobodyListensWithoutAToken) {
  TestClient client(studio->port());
  EXPECT_EQ(client.upgrade("/api/v1/events").status, 401);
}

}  // namespace
}  // namespace zc
