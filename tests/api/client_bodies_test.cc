// SPDX-License-Identifier: Apache-2.0
// Plays what other programs send (bodies/*.json, written from the fields that they are known to
// use) against a server whose engine computes nothing, and looks at the answers.
//
// A step: {"do": "POST /path", "headers": {}, "body": any, "status": 200, "expect": {POINTER:
// value}, "job": {POINTER: value}, "save": NAME}. `job` is the body of the job that was made last.
// In texts stand $photo:WxH and $mask:WxH for pictures in base64, $saved:NAME/POINTER for an
// earlier answer. A value is what must be there, or {"count"}, {"type"}, {"contains"}, {"png":
// "WxH"}.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "server/sdapi_fixture.h"

namespace zc {
namespace {

using nlohmann::json;

PictureSize size_in(const std::string& text) {
  return parse_size(text);
}

struct ClientBodies : SdapiTest {
  std::map<std::string, json> saved;

  json saved_value(const std::string& name) {
    const size_t slash = name.find('/');
    const json& whole = saved.at(name.substr(0, slash));
    return slash == std::string::npos ? whole : whole.at(json::json_pointer(name.substr(slash)));
  }

  static std::string picture(const std::string& kind, const PictureSize& size) {
    const int width = static_cast<int>(size.width), height = static_cast<int>(size.height);
    if (kind == "$photo:") return base64_photo(width, height);
    Image mask(width, height, 1);
    for (int y = height / 4; y < height / 2; ++y)
      std::fill_n(mask.row(y) + width / 4, width / 4, uint8_t{255});
    return base64_picture(mask);
  }

  json filled_in(const json& value) {
    if (value.is_string()) {
      const std::string text = value.get<std::string>();
      if (text.starts_with("$saved:")) return saved_value(text.substr(7));
      for (const std::string kind : {"$photo:", "$mask:"}) {
        const size_t at = text.find(kind);
        if (at != std::string::npos)
          return text.substr(0, at) + picture(kind, size_in(text.substr(at + kind.size())));
      }
      return value;
    }
    json result = value;
    if (value.is_structured()) {
      for (json& member : result) member = filled_in(json(member));
    }
    return result;
  }

  void look(const json& value, const json& wanted, const std::string& where) {
    if (!wanted.is_object() || wanted.size() != 1) {
      EXPECT_EQ(value, wanted) << where;
    } else if (wanted.contains("count")) {
      EXPECT_EQ(value.size(), wanted["count"]) << where;
    } else if (wanted.contains("type")) {
      EXPECT_EQ(value.type_name(), wanted["type"]) << where << " " << value;
    } else if (wanted.contains("contains")) {
      EXPECT_NE(value.get<std::string>().find(wanted["contains"].get<std::string>()),
                std::string::npos)
          << value;
    } else if (wanted.contains("png")) {
      const Image image = picture_of_base64(value);
      EXPECT_EQ(fmt::format("{}x{}", image.width, image.height), wanted["png"]) << where;
    } else {
      EXPECT_EQ(value, wanted) << where;
    }
  }

  void look_at_all(const json& answer, const json& expectations, const std::string& where) {
    for (const auto& [pointer, wanted] : expectations.items()) {
      const json::json_pointer at(pointer);
      ASSERT_TRUE(answer.contains(at)) << where << " lacks " << pointer;
      look(answer.at(at), filled_in(wanted), where + " " + pointer);
    }
  }

  void play(const json& step) {
    const std::string what = step["do"];
    std::string headers;
    const json given = step.value("headers", json::object());
    for (const auto& [name, value] : given.items())
      headers += name + ": " + value.get<std::string>() + "\r\n";
    const TestResponse response = call(what, filled_in(step.value("body", json())), headers);
    ASSERT_EQ(response.status, step.value("status", 200))
        << what << " " << response.body.substr(0, 500);
    const json answer = parse_json(response.body);
    look_at_all(answer, step.value("expect", json::object()), what);
    if (step.contains("job")) look_at_all(job(), step["job"], what + " job");
    if (step.contains("save")) saved[step["save"]] = answer;
  }

  void play_file(const std::string& name) {
    std::ifstream file(std::filesystem::path(ZC_SOURCE_DIR) / "tests/api/bodies" /
                       (name + ".json"));
    ASSERT_TRUE(file) << name;
    const json script = json::parse(file);
    for (const json& step : script["steps"]) {
      play(step);
      if (HasFatalFailure()) return;
    }
  }
};

TEST_F(ClientBodies, SillyTavern) {
  play_file("sillytavern");
}
TEST_F(ClientBodies, OpenWebui) {
  play_file("open_webui");
}
TEST_F(ClientBodies, AutoPhotoshop) {
  play_file("auto_photoshop");
}
TEST_F(ClientBodies, AiRender) {
  play_file("ai_render");
}
TEST_F(ClientBodies, Webuiapi) {
  play_file("webuiapi");
}

}  // namespace
}  // namespace zc
