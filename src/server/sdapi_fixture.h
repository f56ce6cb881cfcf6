// SPDX-License-Identifier: Apache-2.0
// For tests of the APIs that other programs know: a whole server on a free port, with an engine and
// annotators that compute nothing but keep what they were asked.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "image/base64.h"
#include "image/codec.h"
#include "image/resize.h"
#include "pipelines/request.h"
#include "server/studio.h"
#include "server/test_client.h"
#include "store/store_fixture.h"

namespace zc {

// What tests and engine tell each other.
struct EngineControl {
  std::mutex mutex;
  std::condition_variable changed;
  int64_t hold_after = -1;  // waits when so many pictures of a job are finished; -1: never
  int64_t waiting = 0;      // jobs that wait so
  std::string failure;      // "bad_request", "out_of_memory": how each job ends
  std::vector<nlohmann::json> bodies;  // of the jobs that were begun

  void hold(int64_t pictures) {
    const std::lock_guard lock(mutex);
    hold_after = pictures;
  }
  void release() {
    const std::lock_guard lock(mutex);
    hold_after = -1;
    changed.notify_all();
  }
  void wait_for_a_holding_job(int64_t jobs = 1) {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(10), [&] { return waiting >= jobs; }));
  }
  void wait_until_begun(size_t jobs) {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(
        changed.wait_for(lock, std::chrono::seconds(10), [&] { return bodies.size() >= jobs; }));
  }
};

// Flat pictures of their seeds, with the texts that the real ones carry.
class SdapiTestEngine final : public Engine {
 public:
  SdapiTestEngine(Store& store, EngineControl& control) : store_(store), control_(control) {}

  std::vector<std::string> kinds() const override { return {"generate"}; }
  std::string device() const override { return "none"; }
  std::string plan(const std::string&) override { return "{}"; }

  EngineResult run(const Job& job, const EngineHooks& hooks) override {
    const nlohmann::json body = parse_json(job.body);
    {
      const std::lock_guard lock(control_.mutex);
      control_.bodies.push_back(body);
      control_.changed.notify_all();
    }
    if (control_.failure == "bad_request")
      throw Error(ErrorKind::bad_request, "cfg", "is not to its taste");
    if (control_.failure == "out_of_memory")
      throw Error(ErrorKind::out_of_memory, "memory", "is too small");
    const GenerateRequest request = resolve(request_from_json(body), {});
    EngineResult result;
    for (int64_t k = 0; k <= request.batch && !result.cancelled; ++k) {
      if (hooks.progress)
        hooks.progress({"sample", k * request.steps, request.batch * request.steps});
      if (hooks.preview && k > 0) hooks.preview(k * request.steps, flat(request, k, 8, 8));
      result.cancelled = !wait(k, hooks);
      if (k == request.batch || result.cancelled) break;
      result.images.push_back(finished(request, k));
      if (hooks.image) hooks.image(result.images.back());
    }
    nlohmann::json maps = nlohmann::json::array();
    for (const ControlUnit& unit : request.controls)
      maps.push_back({{"kind", unit.kind}, {"sha", unit.image.native().substr(6)}});
    result.json = json_text({{"seed", request.seed},
                             {"warnings", nlohmann::json::array({"made of nothing"})},
                             {"maps", maps},
                             {"request", body}});
    return result;
  }

 private:
  static Image flat(const GenerateRequest& request, int64_t k, int width, int height) {
    return Image(width, height, 3, static_cast<uint8_t>(request.seed + k));
  }

  // False: cancelled.
  bool wait(int64_t finished, const EngineHooks& hooks) {
    std::unique_lock lock(control_.mutex);
    const auto cancelled = [&] { return hooks.cancel != nullptr && hooks.cancel->cancelled(); };
    if (control_.hold_after != finished) return !cancelled();
    ++control_.waiting;
    control_.changed.notify_all();
    while (control_.hold_after == finished && !cancelled())
      control_.changed.wait_for(lock, std::chrono::milliseconds(2));
    --control_.waiting;
    return !cancelled();
  }

  NewImage finished(const GenerateRequest& r, int64_t k) {
    const std::string infotext = fmt::format(
        "{}\nNegative prompt: {}\nSteps: {}, Sampler: {}, CFG scale: {}, Seed: {}, Size: {}x{}",
        r.prompt, r.negative, r.steps, r.sampler, r.cfg.value_or(0), seed_of_picture(r, k), r.width,
        r.height);
    const std::string png =
        encode_png(flat(r, k, static_cast<int>(r.width), static_cast<int>(r.height)),
                   {.texts = {{std::string(kParametersKey), infotext}}});
    NewImage image;
    image.sha = store_.blobs().put(std::as_bytes(std::span(png.data(), png.size())), "image/png");
    image.width = r.width;
    image.height = r.height;
    image.index = k;
    image.seed = r.seed + k;
    image.prompt = r.prompt;
    image.model = r.model;
    image.record = json_text({{"infotext", infotext}});
    return image;
  }

  Store& store_;
  EngineControl& control_;
};

// Maps are the negatives of the pictures.
class SdapiTestAnnotators final : public AnnotateService {
 public:
  SdapiTestAnnotators(Store& store, std::vector<AnnotateRequest>& asked)
      : store_(store), asked_(asked) {}

  void annotate(AnnotateRequest request, AnnotateDone done) override {
    asked_.push_back(request);
    const std::optional<Blob> blob = store_.blobs().get(request.asset);
    Image map = decode_image(
        {reinterpret_cast<const uint8_t*>(blob->bytes.data()), blob->bytes.size()}, "photo");
    map = resize(hwc3(map), {static_cast<int>(request.width), static_cast<int>(request.height)},
                 Interpolation::area);
    for (uint8_t& pixel : map.pixels) pixel = static_cast<uint8_t>(255 - pixel);
    Annotated made;
    made.asset = put(encode_png(map), "image/png");
    made.width = request.width;
    made.height = request.height;
    if (request.kind == "openpose")
      made.pose = put(R"({"people":[],"canvas_width":64,"canvas_height":64})", "application/json");
    done(made, nullptr);
  }
  std::string render_pose(const std::string& pose_json, int64_t, int64_t,
                          const std::string& rules) override {
    const nlohmann::json pose = parse_json(pose_json);
    if (!pose.contains("people")) throw Error(ErrorKind::bad_request, "pose.people", "is missing");
    EXPECT_EQ(rules, "webui");
    return put(
        encode_png(Image(pose["canvas_width"].get<int>(), pose["canvas_height"].get<int>(), 3)),
        "image/png");
  }
  std::vector<AnnotatorEntry> annotators() const override {
    return {entry("canny", "canny"),
            entry("hed", "hed"),
            entry("depth", "depth", "needs a.pt"),
            entry("toy_depth", "depth"),
            entry("openpose", "openpose"),
            entry("mlsd", "mlsd", "needs b.pth")};
  }

 private:
  static AnnotatorEntry entry(const std::string& name, const std::string& kind,
                              const std::string& why_not = {}) {
    AnnotatorEntry entry;
    entry.name = name;
    entry.control_kind = kind;
    entry.available = why_not.empty();
    entry.why_not = why_not;
    return entry;
  }
  std::string put(const std::string& bytes, const std::string& type) {
    return store_.blobs().put(std::as_bytes(std::span(bytes.data(), bytes.size())), type);
  }

  Store& store_;
  std::vector<AnnotateRequest>& asked_;
};

// A file says in its text what the catalogue finds in it: "kind family control_kind sha10".
inline ModelLook look_into_test_model(const std::filesystem::path& file) {
  std::ifstream in(file);
  ModelLook look;
  in >> look.kind >> look.family >> look.control_kind >> look.sha10;
  if (look.control_kind == "-") look.control_kind.clear();
  return look;
}

struct SdapiTest : testing::Test {
  TestFolder folder;
  EngineControl control;
  std::vector<AnnotateRequest> annotated;
  ServeOptions options;
  std::unique_ptr<Studio> studio;

  SdapiTest() {
    options.port = 0;
    options.data = folder.path();
    model("dream.safetensors", "base sd15 - a1b2c3d4e5");
    model("photo.ckpt", "base sd15 - 00112233aa");
    model("control_v11p_sd15_canny.pth", "controlnet sd15 canny 0123456789");
    model("control_sd15_depth.pth", "controlnet sd15 depth 1123456789");
    model("control_v11p_sd15_openpose.pth", "controlnet sd15 openpose 2123456789");
  }
  ~SdapiTest() override { control.release(); }

  void model(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(folder.path() / "models");
    std::ofstream(folder.path() / "models" / name) << text;
  }
  Studio& server() {
    if (studio) return *studio;
    StudioMakers makers;
    makers.engines = {[this](Store& store, Catalogue&) {
      return std::make_unique<SdapiTestEngine>(store, control);
    }};
    makers.annotate = [this](Store& store, const Catalogue&) {
      return std::make_unique<SdapiTestAnnotators>(store, annotated);
    };
    makers.read_model = look_into_test_model;
    makers.version = "zeroconv test";
    studio = std::make_unique<Studio>(options, std::move(makers));
    studio->start();
    return *studio;
  }

  // "POST /sdapi/v1/txt2img"; a null body sends none.
  static void send(TestClient& client, const std::string& method_and_path,
                   const nlohmann::json& body, const std::string& headers = {}) {
    const std::string type = body.is_null() ? "" : "Content-Type: application/json\r\n";
    client.request(method_and_path, body.is_null() ? "" : json_text(body), type + headers);
  }
  TestResponse call(const std::string& method_and_path, const nlohmann::json& body = nullptr,
                    const std::string& headers = {}) {
    TestClient client(server().port());
    send(client, method_and_path, body, headers);
    return client.response();
  }
  nlohmann::json get(const std::string& path) {
    const TestResponse response = call("GET " + path);
    EXPECT_EQ(response.status, 200) << path << " " << response.body;
    return parse_json(response.body);
  }
  nlohmann::json post(const std::string& path, const nlohmann::json& body = nullptr,
                      int status = 200) {
    const TestResponse response = call("POST " + path, body);
    EXPECT_EQ(response.status, status) << path << " " << response.body.substr(0, 500);
    EXPECT_EQ(response.headers.at("content-type"), "application/json");
    return parse_json(response.body);
  }
  // The body of the last job.
  nlohmann::json job() {
    const std::lock_guard lock(control.mutex);
    return control.bodies.empty() ? nlohmann::json() : control.bodies.back();
  }
  Image asset(const std::string& name) {
    const std::optional<Blob> blob =
        server().parts().store.blobs().get(name.substr(name.find(':') + 1));
    if (!blob) return {};
    return decode_image({reinterpret_cast<const uint8_t*>(blob->bytes.data()), blob->bytes.size()},
                        "asset");
  }
};

inline std::string base64_picture(const Image& image) {
  return base64_encode(encode_png(image));
}
inline std::string base64_photo(int width = 96, int height = 64) {
  Image photo(width, height, 3);
  for (size_t i = 0; i < photo.pixels.size(); ++i) photo.pixels[i] = static_cast<uint8_t>(i * 7);
  return base64_picture(photo);
}
inline Image picture_of_base64(const nlohmann::json& text) {
  return decode_image(base64_decode(text.get<std::string>(), "picture"), "picture");
}
inline std::string text_of_base64_png(const nlohmann::json& text, std::string_view key) {
  const std::string png = base64_decode(text.get<std::string>(), "picture");
  return find_png_text(
             read_png_texts({reinterpret_cast<const uint8_t*>(png.data()), png.size()}, "png"), key)
      .value_or("");
}

// The body of a small picture.
inline nlohmann::json text_body(const nlohmann::json& more = nlohmann::json::object()) {
  nlohmann::json body = {
      {"prompt", "a house"}, {"steps", 4}, {"width", 64}, {"height", 64}, {"seed", 100}};
  body.update(more);
  return body;
}
// The same with ControlNet units.
inline nlohmann::json with_units(const nlohmann::json& units,
                                 const nlohmann::json& more = nlohmann::json::object()) {
  nlohmann::json body = text_body({{"alwayson_scripts", {{"controlnet", {{"args", units}}}}}});
  body.update(more);
  return body;
}
inline nlohmann::json canny_unit(const nlohmann::json& more = nlohmann::json::object()) {
  nlohmann::json unit = {
      {"module", "canny"}, {"model", "control_v11p_sd15_canny"}, {"image", base64_photo()}};
  unit.update(more);
  return unit;
}
inline nlohmann::json info_of(const nlohmann::json& answer) {
  return parse_json(answer["info"].get<std::string>());
}
// Where a 422 says that it is, as JSON.
inline std::string place_of_error(const nlohmann::json& answer) {
  return json_text(answer["detail"][0]["loc"]);
}

// White from (left, top) to before (right, bottom), 128 x 128.
inline Image mask_with_box(int left, int top, int right, int bottom) {
  Image mask(128, 128, 1);
  for (int y = top; y < bottom; ++y) {
    for (int x = left; x < right; ++x) *mask.at(x, y) = 255;
  }
  return mask;
}

}  // namespace zc
