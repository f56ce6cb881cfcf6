// SPDX-License-Identifier: Apache-2.0
#include "server/job_request.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "store/store_fixture.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

// A file's text is what the catalogue finds in it.
ModelLook written_look(const fs::path& file) {
  std::ifstream in(file);
  ModelLook look;
  in >> look.kind >> look.family >> look.control_kind;
  look.sha10 = "0123456789";
  return look;
}

struct JobRequestTest : testing::Test {
  TestFolder folder;
  Store store{{.url = "sqlite::memory:"}};
  Catalogue catalogue{{.folders = {folder.path()}, .read = written_look}};
  std::string sha;

  void SetUp() override {
    fs::create_directory(folder.path() / "builtin");
    write("builtin/base.safetensors", "base built_in");
    write("builtin/control_canny.safetensors", "controlnet built_in canny");
    write("sd.ckpt", "base sd15");
    write("sd_canny.pth", "controlnet sd15 canny");
    write("other_canny.pth", "controlnet sd15 canny");
    write("sd21_depth.pth", "controlnet sd21 depth");
    catalogue.refresh();
    const std::array<std::byte, 1> bytes = {std::byte{1}};
    sha = store.blobs().put(bytes, "image/png");
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder.path() / name) << text;
  }
  // '@' stands for the asset.
  JobRequest read(std::string body) {
    for (size_t at; (at = body.find('@')) != std::string::npos;)
      body.replace(at, 1, "asset:" + sha);
    return read_job_request(parse_json(body), store, catalogue);
  }
  std::string field_of(const std::string& body) {
    try {
      read(body);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_request) << body;
      return error.where();
    }
    return "none";
  }
};

TEST_F(JobRequestTest, NamesItsModelsAndPicturesWithoutAPath) {
  const JobRequest job =
      read(R"({"prompt":"x","controls":[{"kind":"canny","image":"@"}],"model":"builtin"})");
  EXPECT_EQ(job.request.controls[0].image.string(), "asset:" + sha);
  EXPECT_EQ(job.base.id, "builtin");
  ASSERT_EQ(job.controlnets.size(), 1u);
  EXPECT_EQ(job.controlnets[0].second.id, "builtin-canny");
  const GenerateRequest files = job.with_files();
  EXPECT_EQ(files.model, (folder.path() / "builtin/base.safetensors").string());
  EXPECT_EQ(files.controlnets[0],
            "canny=" + (folder.path() / "builtin/control_canny.safetensors").string());
}

TEST_F(JobRequestTest, TakesTheControlNetThatIsNamedOrOneOfTheFamily) {
  EXPECT_EQ(read(R"({"model":"sd","controls":[{"image":"@"}]})").controlnets[0].second.id,
            "other_canny");
  EXPECT_EQ(read(R"({"model":"sd","controls":[{"image":"@"}],"controlnets":["canny=sd_canny"]})")
                .controlnets[0]
                .second.id,
            "sd_canny");
}

TEST_F(JobRequestTest, TwoUnitsOfAKindShareAControlNet) {
  EXPECT_EQ(read(R"({"controls":[{"image":"@"},{"image":"@"}]})").controlnets.size(), 1u);
}

TEST_F(JobRequestTest, AWholeCheckpointBringsItsBase) {
  const JobRequest job = read(R"({"controls":[{"image":"@"}],"controlnets":["canny=sd_canny"]})");
  EXPECT_EQ(job.with_files().model, "builtin");
}

TEST_F(JobRequestTest, NeverOpensAFileThatARequestNames) {
  const fs::path real = folder.path() / "sd.ckpt";
  for (const std::string& name :
       {real.string(), std::string("/etc/passwd"), std::string("../x.png"),
        "asset:" + std::string(63, 'a'), "asset:" + std::string(64, 'A'), "asset:../" + sha,
        "ASSET:" + sha, std::string("http://example.org/x.png"), std::string()}) {
    const std::string json = json_text(name);
    EXPECT_EQ(field_of(fmt::format(R"({{"controls":[{{"image":{}}}]}})", json)),
              "controls[0].image")
        << name;
    EXPECT_EQ(field_of(fmt::format(R"({{"controls":[{{"image":"@","mask":{}}}]}})", json)),
              name.empty() ? "none" : "controls[0].mask")
        << name;
    EXPECT_EQ(field_of(fmt::format(R"({{"init":{}}})", json)), name.empty() ? "none" : "init")
        << name;
  }
  EXPECT_EQ(field_of(fmt::format(R"({{"model":{}}})", json_text(real.string()))), "model");
  EXPECT_EQ(field_of(fmt::format(R"({{"controls":[{{"image":"@"}}],"controlnets":[{}]}})",
                                 json_text("canny=" + real.string()))),
            "controlnets[0]");
}

TEST_F(JobRequestTest, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(field_of("[]"), "request");
  EXPECT_EQ(field_of("nonsense"), "request");
  EXPECT_EQ(field_of(R"({"stepz":3})"), "stepz");
  EXPECT_EQ(field_of(R"({"steps":0})"), "steps");
  EXPECT_EQ(field_of(R"({"steps":"many"})"), "steps");
  EXPECT_EQ(field_of(R"({"steps":151})"), "steps");
  EXPECT_EQ(field_of(R"({"width":513})"), "width");
  EXPECT_EQ(field_of(R"({"height":4096})"), "height");
  EXPECT_EQ(field_of(R"({"batch":17})"), "batch");
  EXPECT_EQ(field_of(R"({"sampler":"quick"})"), "sampler");
  EXPECT_EQ(field_of(R"({"mask":"@"})"), "mask");
  EXPECT_EQ(field_of(R"({"width":1536,"hires":{"scale":2}})"), "hires.scale");
  EXPECT_EQ(field_of(R"({"controls":[{"image":"@","kind":"smell"}]})"), "controls[0].kind");
  EXPECT_EQ(field_of(R"({"controls":[{"image":"@","start":0.5,"end":0.2}]})"), "controls[0].end");
  EXPECT_EQ(field_of(fmt::format(R"({{"prompt":"{}"}})", std::string(20000, 'x'))), "prompt");
  EXPECT_EQ(field_of(R"({"model":"sd","controls":[{"kind":"depth","image":"@"}],)"
                     R"("controlnets":["depth=sd21_depth"]})"),
            "controls[0].kind");
  std::string layers;
  for (int i = 0; i < 9; ++i) layers += R"({"image":"@"},)";
  layers.pop_back();
  EXPECT_EQ(field_of(R"({"controls":[)" + layers + "]}"), "controls");
}

TEST_F(JobRequestTest, AnAssetThatHasGoneIsNamed) {
  EXPECT_EQ(field_of(R"({"init":"asset:)" + std::string(64, 'a') + R"("})"), "init");
}

}  // namespace
}  // namespace zc
