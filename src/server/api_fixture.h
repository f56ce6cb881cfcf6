// SPDX-License-Identifier: Apache-2.0
// For tests of routes: a whole server on a port of its own, without models, and a client that
// speaks JSON with it.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/sha256.h"
#include "image/codec.h"
#include "server/engine.h"
#include "server/studio.h"
#include "server/test_client.h"
#include "store/store_fixture.h"

namespace zc {

// Answers at once with one map; the annotator "slow" waits until it is superseded by nobody.
class FakeAnnotateService final : public AnnotateService {
 public:
  explicit FakeAnnotateService(Store& store) : store_(store) {}
  void annotate(AnnotateRequest request, AnnotateDone done) override {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    const std::string png = encode_png(Image(16, 16, 3, 128));
    const std::string sha = store_.blobs().put(bytes_of(png), "image/png");
    done({.asset = sha, .width = 16, .height = 16, .pose = {}, .seconds = 0.5, .note = {}},
         nullptr);
  }
  std::string render_pose(const std::string& pose, int64_t, int64_t,
                          const std::string& rules) override {
    return sha256_hex(pose + rules);
  }
  std::vector<AnnotatorEntry> annotators() const override {
    AnnotatorEntry canny{.name = "canny",
                         .control_kind = "canny",
                         .label = "edges by thresholds",
                         .available = true,
                         .weights_needed = false,
                         .why_not = {},
                         .parameters = {}};
    canny.parameters = {{.name = "low",
                         .type = "integer",
                         .allowed = "1 to 255",
                         .default_text = "100",
                         .help = "below it there is no edge",
                         .is_switch = false}};
    return {canny};
  }
  std::vector<AnnotateRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  Store& store_;
  mutable std::mutex mutex_;
  std::vector<AnnotateRequest> requests_;
};

class ApiTest : public testing::Test {
 protected:
  static constexpr const char* kOwner = "the-owners-token-of-this-test";

  ApiTest() {
    std::filesystem::create_directories(models() / "builtin");
    std::ofstream(models() / "builtin" / "base.safetensors") << "weights";
    std::ofstream(models() / "builtin" / "control_canny.safetensors") << "weights";
    ServeOptions options;
    options.port = 0;
    options.data = folder.path();
    options.models = models();
    options.token = kOwner;
    options.workers = 0;
    StudioMakers makers;
    makers.engines = {[](Store& store, Catalogue&) { return make_null_engine(store, 0); }};
    makers.annotate = [this](Store& store, const Catalogue&) {
      auto service = std::make_unique<FakeAnnotateService>(store);
      annotate = service.get();
      return service;
    };
    makers.read_model = look_at_model;
    makers.version = "zeroconv test";
    studio = std::make_unique<Studio>(std::move(options), std::move(makers));
    studio->start();
  }

  static ModelLook look_at_model(const std::filesystem::path& file) {
    const bool base = file.filename() == "base.safetensors";
    return {.kind = base ? "base" : "controlnet",
            .family = "built_in",
            .control_kind = base ? "" : "canny",
            .sha10 = "0123456789",
            .problem = {}};
  }

  std::filesystem::path models() const { return folder.path() / "models"; }
  Store& store() { return studio->parts().store; }

  struct Answer {
    int status = 0;
    std::map<std::string, std::string> headers;
    std::string text;
    nlohmann::json body;
  };
  // token "": none.
  Answer call(const std::string& method_and_path, const std::string& body = {},
              const std::string& type = "application/json", const std::string& token = kOwner,
              const std::string& headers = {}) {
    TestClient client(studio->port());
    std::string head = headers;
    if (!token.empty()) head += "Authorization: Bearer " + token + "\r\n";
    if (!body.empty()) head += "Content-Type: " + type + "\r\n";
    client.request(method_and_path, body, head);
    TestResponse response = client.response();
    return {response.status, response.headers, response.body, parse_json(response.body)};
  }
  Answer post(const std::string& path, const nlohmann::json& body) {
    return call("POST " + path, json_text(body));
  }
  Answer get(const std::string& path) { return call("GET " + path); }

  std::string upload(const std::string& bytes) {
    return call("PUT /api/v1/assets", bytes, "image/png").body.value("sha", "");
  }
  std::string upload_picture(int side = 64) { return upload(encode_png(Image(side, side, 3, 77))); }

  // A finished picture of the gallery.
  StoredImage add_image(const std::string& prompt,
                        nlohmann::json record = nlohmann::json::object()) {
    const std::string png = encode_png(Image(16, 16, 3, 128));
    NewImage image = image_named(prompt);
    image.sha = store().blobs().put(bytes_of(png), "image/png");
    image.width = 16;
    image.height = 16;
    image.record = json_text(record);
    return store().gallery().add("", image);
  }

  // A worker's turn with the null engine: the oldest job is done.
  void do_one_job() {
    const std::vector<std::string> kinds = studio->parts().engine.kinds();
    const auto job = store().jobs().claim("test", kinds);
    ASSERT_TRUE(job.has_value());
    const EngineResult result = studio->parts().engine.run(*job, {});
    ASSERT_TRUE(store().jobs().complete(*job, result.json, result.images));
    studio->parts().events.job_changed(*store().jobs().get(job->id));
  }

  TestFolder folder;
  FakeAnnotateService* annotate = nullptr;
  std::unique_ptr<Studio> studio;
};

// What is wrong with a value for a schema of components/schemas, or "". Knows what ours use.
inline std::string schema_fault(const nlohmann::json& value, const nlohmann::json& schema,
                                const nlohmann::json& schemas, const std::string& where = "$") {
  if (schema.contains("$ref")) {
    const std::string reference = schema["$ref"];
    const std::string name = reference.substr(reference.rfind('/') + 1);
    if (!schemas.contains(name)) return where + ": there is no schema " + name;
    return schema_fault(value, schemas[name], schemas, where);
  }
  if (schema.contains("anyOf")) {
    std::string faults;
    for (const nlohmann::json& each : schema["anyOf"]) {
      const std::string fault = schema_fault(value, each, schemas, where);
      if (fault.empty()) return "";
      faults += fault + " | ";
    }
    return faults;
  }
  if (schema.contains("type")) {
    const auto fits = [&](const std::string& type) {
      return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
             (type == "string" && value.is_string()) || (type == "boolean" && value.is_boolean()) ||
             (type == "null" && value.is_null()) || (type == "number" && value.is_number()) ||
             (type == "integer" && value.is_number_integer());
    };
    bool any = false;
    if (schema["type"].is_string()) any = fits(schema["type"]);
    if (schema["type"].is_array()) {
      for (const nlohmann::json& type : schema["type"]) any = any || fits(type);
    }
    if (!any) return where + " is " + json_text(value) + ", not " + json_text(schema["type"]);
  }
  if (value.is_array() && schema.contains("items")) {
    for (size_t i = 0; i < value.size(); ++i) {
      const std::string fault =
          schema_fault(value[i], schema["items"], schemas, fmt::format("{}[{}]", where, i));
      if (!fault.empty()) return fault;
    }
  }
  if (!value.is_object()) return "";
  for (const nlohmann::json& name : schema.value("required", nlohmann::json::array())) {
    if (!value.contains(name.get<std::string>()))
      return where + " lacks " + name.get<std::string>();
  }
  const nlohmann::json properties = schema.value("properties", nlohmann::json::object());
  for (const auto& [name, member] : value.items()) {
    if (properties.contains(name)) {
      const std::string fault = schema_fault(member, properties[name], schemas, where + "." + name);
      if (!fault.empty()) return fault;
    } else if (!properties.empty()) {
      return where + "." + name + " is in no schema";
    }
  }
  return "";
}

}  // namespace zc
