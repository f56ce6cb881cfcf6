// SPDX-License-Identifier: Apache-2.0
#include "server/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/error_of.h"
#include "base/json.h"
#include "image/codec.h"
#include "pipelines/model_set.h"
#include "pipelines/tiny_model.h"
#include "server/annotate_service.h"
#include "server/catalogue.h"
#include "server/engine_models.h"
#include "server/engine_run.h"
#include "store/store_fixture.h"

namespace zc {
namespace {

// One tiny model for all tests.
const std::filesystem::path& tiny_models() {
  static const TestFolder folder;
  static const bool written = [] {
    std::filesystem::create_directories(folder.path() / "builtin");
    write_tiny_base(folder.path() / "builtin");
    write_tiny_control(folder.path() / "builtin", "control_canny.safetensors", false);
    write_tiny_control(folder.path() / "builtin", "control_openpose.safetensors", false);
    return true;
  }();
  EXPECT_TRUE(written);
  return folder.path();
}

struct EngineTest : testing::Test {
  Store store{{.url = "sqlite::memory:"}};
  Catalogue catalogue{{.folders = {tiny_models()}, .read = look_into_model}};
  std::unique_ptr<Engine> engine;
  CancelToken cancel;
  std::string photo = put_png(store, test_photo(64, 64));

  void SetUp() override {
    catalogue.refresh();
    engine = make_engine(store, catalogue);
  }
  std::string put_text(std::string_view text) {
    return store.blobs().put(std::as_bytes(std::span(text.data(), text.size())),
                             "application/json");
  }
  std::string body(const std::string& more = "") {
    return fmt::format(
        R"({{"prompt":"a red house","steps":4,"controls":[{{"kind":"canny","image":"asset:{}"}}]{}}})",
        photo, more);
  }
  EngineHooks hooks() {
    EngineHooks all;
    all.cancel = &cancel;
    return all;
  }
  EngineResult run(const std::string& request, const EngineHooks& all,
                   const std::string& kind = "generate") {
    Job job;
    job.kind = kind;
    job.body = request;
    return engine->run(job, all);
  }
  EngineResult run(const std::string& request) { return run(request, hooks()); }
  Image picture(const std::string& sha) {
    const auto blob = store.blobs().get(sha);
    return decode_image({reinterpret_cast<const char*>(blob->bytes.data()), blob->bytes.size()},
                        "blob");
  }
  std::string text_of(const std::string& sha, std::string_view key) {
    const auto blob = store.blobs().get(sha);
    const auto texts = read_png_texts(
        {reinterpret_cast<const uint8_t*>(blob->bytes.data()), blob->bytes.size()}, "blob");
    return find_png_text(texts, key).value_or("");
  }
};

TEST_F(EngineTest, KnowsTheModelsOfAFolder) {
  EXPECT_EQ(catalogue.need("builtin", "base", "model").family, "built_in");
  EXPECT_EQ(catalogue.need("builtin-canny", "controlnet", "model").control_kind, "canny");
}

TEST_F(EngineTest, MakesPicturesWithTheirRecords) {
  const EngineResult result = run(body(R"(,"batch":2,"seed":7)"));
  ASSERT_EQ(result.images.size(), 2u);
  EXPECT_FALSE(result.cancelled);
  const NewImage& image = result.images[1];
  EXPECT_EQ(image.index, 1);
  EXPECT_EQ(image.prompt, "a red house");
  EXPECT_EQ(image.model, "builtin");
  EXPECT_EQ(image.kinds, std::vector<std::string>{"canny"});
  EXPECT_EQ(picture(image.sha).width, 64);
  const nlohmann::json record = parse_json(image.record);
  EXPECT_EQ(record["request"]["steps"], 4);
  EXPECT_EQ(record["request"]["precision"], "auto");
  EXPECT_EQ(record["precision"], "fp32");
  EXPECT_EQ(record["maps"][0]["kind"], "canny");
  EXPECT_TRUE(store.blobs().has(record["maps"][0]["sha"]));
  EXPECT_EQ(record["receipts"][0]["kind"], "canny");
  EXPECT_NE(record["infotext"].get<std::string>().find("Steps: 4"), std::string::npos);
  const nlohmann::json json = parse_json(result.json);
  EXPECT_EQ(json["seed"], 7);
  EXPECT_EQ(json["precision"], "fp32");
  EXPECT_EQ(json["receipts"].size(), 2u);
  EXPECT_GT(json["seconds"]["total"].get<double>(), 0);
}

TEST_F(EngineTest, TellsNobodyWhereFilesLie) {
  const EngineResult result = run(body());
  const std::string folder = tiny_models().string();
  for (const std::string& text :
       {result.json, result.images[0].record, text_of(result.images[0].sha, kParametersKey),
        text_of(result.images[0].sha, kZeroconvKey)}) {
    EXPECT_NE(text, "");
    EXPECT_EQ(text.find(folder), std::string::npos);
  }
}

TEST_F(EngineTest, ShowsProgressAndPreviews) {
  EngineHooks all = hooks();
  std::vector<std::string> phases;
  int previews = 0, pictures = 0;
  all.progress = [&](const Progress& progress) { phases.push_back(progress.phase); };
  all.preview = [&](int64_t, const Image& image) { previews += image.empty() ? 0 : 1; };
  all.image = [&](const NewImage&) { ++pictures; };
  run(body(), all);
  EXPECT_EQ(phases.front(), "load");
  EXPECT_NE(std::find(phases.begin(), phases.end(), "sample"), phases.end());
  EXPECT_GE(previews, 1);
  EXPECT_EQ(pictures, 1);
}

TEST_F(EngineTest, KeepsThePicturesThatWereFinishedWhenItIsCancelled) {
  EngineHooks all = hooks();
  all.image = [&](const NewImage&) { cancel.cancel(); };
  const EngineResult result = run(body(R"(,"batch":4)"), all);
  EXPECT_TRUE(result.cancelled);
  EXPECT_EQ(result.images.size(), 1u);
  EXPECT_EQ(parse_json(result.json)["request"]["batch"], 4);
}

TEST_F(EngineTest, TheLowMemoryPlanSaysSo) {
  EngineHooks all = hooks();
  all.low_memory = true;
  const nlohmann::json json = parse_json(run(body(), all).json);
  EXPECT_EQ(json["low_memory"], true);
  EXPECT_NE(json["warnings"].dump().find("memory was short"), std::string::npos);
}

TEST_F(EngineTest, ALimitOfMemoryIsKept) {
  engine = make_engine(store, catalogue, {.memory_bytes = 1 << 20, .threads = 1});
  try {
    run(body());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::out_of_memory);
  }
}

TEST_F(EngineTest, NamesItsDevice) {
  EXPECT_EQ(engine->device(), "cpu");
  EXPECT_EQ(make_engine(store, catalogue, {.threads = 8})->device(), "cpu, 8 threads");
  EXPECT_EQ(make_engine(store, catalogue, {.device = "cuda:1", .gpu = "NVIDIA H100"})->device(),
            "cuda:1 NVIDIA H100");
  EXPECT_EQ(make_engine(store, catalogue, {.device = "cuda:1"})->device(), "cuda:1");
}

// Before models are loaded, so that no GPU is needed.
TEST_F(EngineTest, RefusesOnAGpuWhatIsForTheCpu) {
  engine = make_engine(store, catalogue, {.device = "cuda:1"});
  for (const auto& [more, where] :
       {std::pair{R"(,"exact":true)", "exact"}, std::pair{R"(,"precision":"int8")", "precision"}}) {
    const Error of_run = error_of([&] { run(body(more)); });
    EXPECT_EQ(of_run.kind(), ErrorKind::unsupported) << more;
    EXPECT_EQ(of_run.where(), where);
    EXPECT_EQ(error_of([&] { engine->plan(body(more)); }).where(), where);
  }
}

TEST_F(EngineTest, RefusesHalvesOnTheCpu) {
  const Error error = error_of([&] { engine->plan(body(R"(,"precision":"fp16")")); });
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  EXPECT_EQ(error.where(), "precision");
}

TEST(BytesLoaded, CountsHalvesAsHalves) {
  ModelPaths paths;
  paths.base = tiny_models() / "builtin" / "base.safetensors";
  const auto floats = load_models(paths);
  paths.network = "fp16";
  const auto halves = load_models(paths);
  const int64_t in_all = floats->parameter_count();
  int64_t in_matrices = 0;
  floats->unet().visit(Module::ConstVisitor([&](const std::string&, const Parameter& p) {
    in_matrices += p.shape().size() > 1 ? p.numel() : 0;
  }));
  EXPECT_EQ(bytes_loaded(*floats), 4 * in_all);
  EXPECT_EQ(bytes_loaded(*halves), 4 * in_all - 2 * in_matrices);
  EXPECT_EQ(bytes_loaded(*halves, /*exact=*/true), 4 * in_all);
}

// Plain kernels widen halves for good, which other jobs should not find.
TEST_F(EngineTest, ExactJobsHaveModelsOfTheirOwn) {
  EngineModels models({});
  const auto of = [&](const std::string& more) {
    return models.get(read_job_request(parse_json(body(more)), store, catalogue));
  };
  const auto usual = of(""), exact = of(R"(,"exact":true)");
  EXPECT_NE(usual, exact);
  EXPECT_EQ(of(R"(,"steps":9)"), usual);
  EXPECT_EQ(of(R"(,"exact":true,"steps":9)"), exact);
}

TEST(ModelBudget, IsThatOfTheDevicesMemory) {
  constexpr int64_t kGiB = int64_t{1} << 30;
  EXPECT_EQ(model_budget({.device = "cuda:1", .gpu_bytes = 80 * kGiB}), 40 * kGiB);
  EXPECT_EQ(model_budget({.memory_bytes = 6 * kGiB}), 3 * kGiB);
  EXPECT_EQ(model_budget({}), usable_memory_bytes() / 2);
}

TEST_F(EngineTest, TakesPeopleAsPoints) {
  const std::string pose = put_text(
      R"({"people":[{"pose_keypoints_2d":[32,10,1,32,20,1,25,20,1,20,30,1,20,40,1,39,20,1,44,30,1,44,40,1,28,38,1,28,48,1,28,60,1,36,38,1,36,48,1,36,60,1,30,8,1,34,8,1,28,9,1,36,9,1]}],"canvas_width":64,"canvas_height":64})");
  const EngineResult result = run(fmt::format(
      R"({{"prompt":"a","steps":2,"controls":[{{"kind":"openpose","image":"asset:{}"}}]}})", pose));
  const nlohmann::json record = parse_json(result.images[0].record);
  EXPECT_EQ(record["request"]["controls"][0]["map"], true);
  const Image map = picture(record["maps"][0]["sha"]);
  EXPECT_GT(*std::max_element(map.pixels.begin(), map.pixels.end()), 100);
}

struct RerunTest : EngineTest {
  std::string keep(const EngineResult& result) {
    return store.gallery().add("", result.images.back()).id;
  }
  EngineResult rerun(const std::string& id) {
    return run(json_text({{"image", id}}), hooks(), "rerun");
  }
};

TEST_F(RerunTest, MakesAPictureAgainExactly) {
  const std::string id = keep(run(body(R"(,"batch":2,"seed":11,"eta":0.5)")));
  const EngineResult again = rerun(id);
  const nlohmann::json shown = parse_json(again.json)["rerun"];
  EXPECT_EQ(shown["identical"], true) << shown.dump();
  EXPECT_EQ(shown["of"], id);
  EXPECT_TRUE(shown["psnr"].is_null());
  EXPECT_TRUE(again.images.empty());  // the gallery has it
}

TEST_F(RerunTest, WorksFromAnInitPicture) {
  const std::string id = keep(
      run(fmt::format(R"({{"prompt":"a","steps":4,"init":"asset:{}","denoise":0.6}})", photo)));
  EXPECT_EQ(parse_json(rerun(id).json)["rerun"]["identical"], true);
}

TEST_F(RerunTest, SaysHowFarAPictureThatDiffersIs) {
  EngineResult result = run(body());
  Image image = picture(result.images[0].sha);
  const std::string record = text_of(result.images[0].sha, kZeroconvKey);
  for (uint8_t& value : image.pixels) value = static_cast<uint8_t>(value < 250 ? value + 5 : 250);
  result.images[0].sha = put_png(store, image, {{std::string(kZeroconvKey), record}});
  const nlohmann::json shown = parse_json(rerun(keep(result)).json)["rerun"];
  EXPECT_EQ(shown["identical"], false);
  EXPECT_NEAR(shown["psnr"].get<double>(), 34.2, 1.5);  // 20 log10(255 / 5)
}

TEST_F(RerunTest, AnUnknownPictureIsTheRequestsFault) {
  EXPECT_THROW(rerun("0123456789abcdef0123"), Error);
}

TEST_F(EngineTest, PlansBeforeItRuns) {
  const nlohmann::json plan = parse_json(engine->plan(body()));
  EXPECT_EQ(plan["fits"], true);
  EXPECT_GT(plan["memory"]["peak"].get<int64_t>(), 0);
  EXPECT_TRUE(plan["seconds_estimate"].is_null());
  run(body());
  EXPECT_GT(parse_json(engine->plan(body()))["seconds_estimate"].get<double>(), 0);
}

TEST_F(EngineTest, LearnsOfAModelThatCameLater) {
  Catalogue old({.folders = {tiny_models()}, .read = look_into_model});  // has not looked yet
  engine = make_engine(store, old);
  EXPECT_EQ(run(body()).images.size(), 1u);
}

struct AnnotateTest : EngineTest {
  std::unique_ptr<AnnotateService> service = make_annotate_service(store, catalogue);

  Annotated annotate(AnnotateRequest request) {
    std::promise<Annotated> answer;
    service->annotate(std::move(request), [&](const Annotated& map, std::exception_ptr error) {
      if (error) {
        answer.set_exception(std::move(error));
      } else {
        answer.set_value(map);
      }
    });
    return answer.get_future().get();
  }
};

TEST_F(AnnotateTest, MakesTheMapThatARunWouldSee) {
  const Annotated map = annotate({.asset = photo, .kind = "canny", .width = 64, .height = 64});
  EXPECT_EQ(map.width, 64);
  const nlohmann::json record = parse_json(
      run(fmt::format(
              R"({{"steps":1,"width":64,"height":64,"controls":[{{"kind":"canny","image":"asset:{}","resize":"crop"}}]}})",
              photo))
          .images[0]
          .record);
  EXPECT_EQ(record["maps"][0]["sha"], map.asset);
}

TEST_F(AnnotateTest, ParametersChangeTheMap) {
  Image faint(64, 64, 3, 40);
  for (int y = 20; y < 40; ++y) std::fill_n(faint.at(0, y), 64 * 3, uint8_t{75});
  const std::string asset = put_png(store, faint);
  const Annotated keen = annotate(
      {.asset = asset, .parameters = R"({"low":20,"high":40})", .width = 64, .height = 64});
  const Annotated blind = annotate(
      {.asset = asset, .parameters = R"({"low":254,"high":255})", .width = 64, .height = 64});
  EXPECT_NE(keen.asset, blind.asset);
  EXPECT_THROW(annotate({.asset = photo, .parameters = R"({"lowest":1})"}), Error);
  EXPECT_THROW(annotate({.asset = photo, .parameters = "[]"}), Error);
}

TEST_F(AnnotateTest, RefusesWhatItCannotDo) {
  EXPECT_THROW(annotate({.asset = "../x"}), Error);
  EXPECT_THROW(annotate({.asset = photo, .width = 9999}), Error);
  EXPECT_THROW(annotate({.asset = photo, .annotator = "smell"}), Error);
  EXPECT_THROW(annotate({.asset = photo, .resize = "wobble"}), Error);
  EXPECT_THROW(annotate({.asset = put_text("not a picture")}), Error);
}

TEST_F(AnnotateTest, DrawsPeople) {
  const std::string pose =
      R"({"people":[{"pose_keypoints_2d":[32,10,1,32,20,1,25,20,1,20,30,1,20,40,1,39,20,1,44,30,1,44,40,1,28,38,1,28,48,1,28,60,1,36,38,1,36,48,1,36,60,1,30,8,1,34,8,1,28,9,1,36,9,1]}],"canvas_width":64,"canvas_height":64})";
  const Image v11 = picture(service->render_pose(pose, 128, 128, "v11"));
  EXPECT_EQ(v11.width, 128);
  EXPECT_FALSE(v11 == picture(service->render_pose(pose, 128, 128, "v1")));
  EXPECT_EQ(picture(service->render_pose(pose, 0, 0, "")).height, 64);
  EXPECT_THROW(service->render_pose("{}", 64, 64, ""), Error);
  EXPECT_THROW(service->render_pose(pose, 64, 64, "v99"), Error);
}

TEST_F(AnnotateTest, ListsWhatThereIs) {
  const auto entries = service->annotators();
  const auto canny = std::find_if(entries.begin(), entries.end(),
                                  [](const auto& each) { return each.name == "canny"; });
  ASSERT_NE(canny, entries.end());
  EXPECT_TRUE(canny->available);
  EXPECT_FALSE(canny->weights_needed);
  EXPECT_FALSE(canny->parameters.empty());
}

}  // namespace
}  // namespace zc
