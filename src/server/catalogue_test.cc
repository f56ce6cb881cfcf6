// SPDX-License-Identifier: Apache-2.0
#include "server/catalogue.h"

#include <gtest/gtest.h>

#include <fstream>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "store/store_fixture.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

// What a file says in its text is what the reader finds: "kind family control_kind".
ModelLook look_of_text(const fs::path& file) {
  std::ifstream in(fs::is_directory(file) ? file / "model_index.json" : file);
  ModelLook look;
  in >> look.kind >> look.family >> look.control_kind;
  look.sha10 = "0123456789";
  if (look.kind == "broken") {
    look.kind = "base";
    look.problem = "is cut short";
  }
  return look;
}

struct CatalogueTest : testing::Test {
  TestFolder folder;
  int reads = 0;
  Catalogue catalogue{{.folders = {folder.path() / "own", folder.path() / "usual"},
                       .read = [this](const fs::path& file) {
                         ++reads;
                         return look_of_text(file);
                       }}};

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((folder.path() / name).parent_path());
    std::ofstream(folder.path() / name) << text;
  }
  std::string complaint(const std::string& id, const std::string& kind) {
    try {
      catalogue.need(id, kind, "model");
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.where(), "model");
      return error.text();
    }
  }
};

TEST_F(CatalogueTest, NamesFilesWithoutTheirFolders) {
  write("own/sd/v1 5.safetensors", "base sd15");
  write("own/sd/notes.txt", "base sd15");
  write("own/.hidden/x.ckpt", "base sd15");
  EXPECT_TRUE(catalogue.refresh());
  ASSERT_EQ(catalogue.list().size(), 1u);
  const ModelEntry entry = catalogue.list().front();
  EXPECT_EQ(entry.id, "v1_5");
  EXPECT_EQ(entry.title, "v1 5.safetensors [0123456789]");
  EXPECT_EQ(entry.bytes, 9);
  EXPECT_EQ(model_json(entry).dump().find(folder.path().string()), std::string::npos);
}

TEST_F(CatalogueTest, TwoFilesOfOneNameGetTwoIds) {
  write("own/a/model.safetensors", "base sd15");
  write("usual/model.safetensors", "base sd21");
  catalogue.refresh();
  EXPECT_EQ(catalogue.find("model")->family, "sd15");
  EXPECT_EQ(catalogue.find("model-012345")->family, "sd21");
}

TEST_F(CatalogueTest, ReadsAFileOnlyWhenItHasChanged) {
  write("own/a.safetensors", "base sd15");
  catalogue.refresh();
  EXPECT_FALSE(catalogue.refresh());
  EXPECT_EQ(reads, 1);
  write("own/a.safetensors", "base sdxl and longer");
  EXPECT_TRUE(catalogue.refresh());
  EXPECT_EQ(reads, 2);
  fs::remove(folder.path() / "own/a.safetensors");
  EXPECT_TRUE(catalogue.refresh());
  EXPECT_TRUE(catalogue.list().empty());
}

TEST_F(CatalogueTest, AFolderOfDiffusersIsOneModel) {
  write("own/pipeline/model_index.json", "base sd21");
  write("own/pipeline/unet/diffusion_pytorch_model.safetensors", "base sd21");
  catalogue.refresh();
  ASSERT_EQ(catalogue.list().size(), 1u);
  EXPECT_EQ(catalogue.list()[0].id, "pipeline");
}

TEST_F(CatalogueTest, FollowsLinksButCountsAFileOnce) {
  write("elsewhere/big.safetensors", "base sd15");
  write("own/x.safetensors", "base sd15");
  fs::create_directory_symlink(folder.path() / "elsewhere", folder.path() / "own/link");
  fs::create_directory_symlink(folder.path() / "elsewhere", folder.path() / "own/link2");
  fs::create_directory_symlink(folder.path() / "own", folder.path() / "own/loop");
  catalogue.refresh();
  EXPECT_EQ(catalogue.list().size(), 2u);
}

TEST_F(CatalogueTest, TheFirstBuiltInModelHidesTheOthers) {
  write("own/builtin/base.safetensors", "base built_in");
  write("own/builtin/control_canny.safetensors", "controlnet built_in canny");
  write("usual/builtin/base.safetensors", "base built_in");
  write("usual/builtin/control_depth.safetensors", "controlnet built_in depth");
  catalogue.refresh();
  const ModelEntry base = catalogue.need("builtin", "base", "model");
  EXPECT_EQ(base.file, folder.path() / "own/builtin/base.safetensors");
  EXPECT_EQ(model_json(base)["title"], "Toy world (built in)");
  EXPECT_EQ(model_json(*catalogue.find("builtin-canny"))["title"], "canny (built in)");
  EXPECT_EQ(catalogue.control_for("canny", base)->id, "builtin-canny");
  EXPECT_FALSE(catalogue.control_for("depth", base));
}

TEST_F(CatalogueTest, ChoosesAControlNetOfTheBasesFamily) {
  write("own/builtin/base.safetensors", "base built_in");
  write("own/builtin/control_canny.safetensors", "controlnet built_in canny");
  write("own/mine.safetensors", "controlnet built_in canny");
  write("own/sd.ckpt", "base sd15");
  write("own/sd21_canny.pth", "controlnet sd21 canny");
  write("own/z_canny.pth", "controlnet sd15 canny");
  catalogue.refresh();
  EXPECT_EQ(catalogue.control_for("canny", *catalogue.find("sd"))->id, "z_canny");
  EXPECT_EQ(catalogue.control_for("canny", *catalogue.find("builtin"))->id, "builtin-canny");
  EXPECT_FALSE(catalogue.control_for("depth", *catalogue.find("sd")));
}

TEST_F(CatalogueTest, SaysWhatIsWrongWithAName) {
  write("own/dreamy.safetensors", "base sd15");
  write("own/torn.safetensors", "broken");
  catalogue.refresh();
  EXPECT_EQ(complaint("dreamy", "base"), "");
  EXPECT_NE(complaint("dreamyy", "base").find("did you mean `dreamy`?"), std::string::npos);
  EXPECT_NE(complaint("dreamy", "controlnet").find("GET /api/v1/models"), std::string::npos);
  EXPECT_NE(complaint("torn", "base").find("is cut short"), std::string::npos);
  EXPECT_NE(complaint("../../etc/passwd", "base"), "");
}

}  // namespace
}  // namespace zc
