// SPDX-License-Identifier: Apache-2.0
#include "pipelines/generate.h"

#include <algorithm>
#include <cstdlib>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "annotators/pose_json.h"
#include "annotators/scene_maps.h"
#include "base/error_of.h"
#include "image/codec.h"
#include "pipelines/tiny_run.h"

namespace zc {
namespace {

class Generate : public TinyRun {};

TEST_F(Generate, GivesTheSamePictureForTheSameRequest) {
  const GenerateResult a = run(request("control.safetensors")),
                       b = run(request("control.safetensors"));
  ASSERT_EQ(a.images.size(), 1u);
  EXPECT_EQ(a.images[0].width, 64);
  EXPECT_EQ(a.images, b.images);
  GenerateRequest other = request("control.safetensors");
  other.seed = 1;
  EXPECT_NE(run(other).images, a.images);
}

TEST_F(Generate, AnUntrainedControlNetChangesNothing) {
  EXPECT_EQ(run(request("untrained.safetensors")).images, run(request()).images);
  EXPECT_NE(run(request("control.safetensors")).images, run(request()).images);
}

TEST_F(Generate, WithoutWeightAControlChangesNothing) {
  GenerateRequest r = request("control.safetensors");
  r.controls[0].weight = 0;
  const GenerateResult result = run(r);
  EXPECT_EQ(result.images, run(request()).images);
  EXPECT_TRUE(result.receipts[0][0].residual_rms.empty());
}

TEST_F(Generate, StopsWithinOneStep) {
  CancelToken cancel;
  int64_t last = 0;
  GenerateHooks hooks;
  hooks.task.cancel = &cancel;
  hooks.task.progress = [&](const Progress& p) {
    if (p.phase == "sample" && p.done == 2) cancel.cancel();
    last = std::max(last, p.done);
  };
  GenerateRequest r = request("control.safetensors");
  r.steps = 10;
  try {
    run(r, hooks);
    FAIL() << "was not cancelled";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::cancelled);
  }
  EXPECT_EQ(last, 2);
}

TEST_F(Generate, HandsOutPicturesBeforeACancel) {
  CancelToken cancel;
  size_t finished = 0;
  GenerateHooks hooks;
  hooks.task.cancel = &cancel;
  hooks.on_image = [&](const Image&, const PictureRecord&) {
    ++finished;
    cancel.cancel();
  };
  GenerateRequest r = request();
  r.batch = 3;
  EXPECT_THROW(run(r, hooks), Error);
  EXPECT_EQ(finished, 1u);
}

TEST_F(Generate, RepeatsAPictureFromItsPng) {
  GenerateRequest r = request("control.safetensors");
  r.batch = 2;
  r.eta = 0.5;
  r.controls[0].parameters = {"low=30"};
  std::vector<std::string> pngs;
  GenerateHooks hooks;
  hooks.on_image = [&](const Image& image, const PictureRecord& record) {
    pngs.push_back(encode_png(image, {.level = 1, .texts = png_texts(record)}));
  };
  const GenerateResult first = run(r, hooks);
  ASSERT_EQ(pngs.size(), 2u);
  for (size_t k = 0; k < 2; ++k) {
    const Replay replay = read_replay(pngs[k], "x.png");
    const GenerateResult again = run(replay.request, replay_inputs(replay));
    ASSERT_EQ(again.images.size(), 1u);
    EXPECT_EQ(again.images[0], first.images[k]) << k;
    EXPECT_EQ(again.receipts[0][0].residual_rms, first.receipts[k][0].residual_rms) << k;
  }
  EXPECT_NE(first.images[0], first.images[1]);
}

TEST_F(Generate, DrawsPeopleFromPointsAndRepeatsThePictureWithoutThem) {
  const std::filesystem::path file = folder_ / "pose.json";
  PoseDocument people = {{128, 64}, {}};
  PosePerson& person = people.people.emplace_back();
  person.body[0] = PosePoint{32, 16};
  person.body[1] = PosePoint{32, 48};
  save_pose(file, people);
  GenerateRequest r = request("control.safetensors");
  r.controls[0].kind = "openpose";
  r.controls[0].image = file;
  r.controlnets = {"openpose=" + (folder_ / "control.safetensors").string()};
  const GenerateInputs in = load_inputs(r);
  EXPECT_EQ(size_of_first_control(in, 64).width, 128);
  std::string png;
  GenerateHooks hooks;
  hooks.on_image = [&](const Image& image, const PictureRecord& record) {
    png = encode_png(image, {.level = 1, .texts = png_texts(record)});
  };
  const GenerateResult first = run(r, in, hooks);
  EXPECT_TRUE(first.request.controls[0].map);
  EXPECT_EQ(first.maps.at(0), draw_scene_people(scaled_pose(people, {64, 64})));
  EXPECT_NE(first.images, run(request()).images);
  std::filesystem::remove(file);
  const Replay replay = read_replay(png, "x.png");
  EXPECT_EQ(run(replay.request, replay_inputs(replay)).images, first.images);
}

TEST_F(Generate, TwoHalvesMakeOneWhole) {
  GenerateRequest whole = request("control.safetensors");
  GenerateRequest halves = whole;
  halves.controls[0].weight = 0.5;
  halves.controls.push_back(halves.controls[0]);
  const GenerateResult two = run(halves);
  EXPECT_EQ(two.maps.size(), 2u);
  EXPECT_EQ(two.receipts[0].size(), 2u);
  EXPECT_LE(largest_difference(two.images[0], run(whole).images[0]), 2);
}

TEST_F(Generate, TwoPassesGiveWhatOneBatchGives) {
  GenerateRequest r = request("control.safetensors");
  const Image one = run(r).images[0];
  r.exact = true;
  EXPECT_LE(largest_difference(one, run(r).images[0]), 2);
}

TEST_F(Generate, GuessModeNeedsNoPrompt) {
  GenerateRequest r = request("control.safetensors");
  r.prompt = "";
  const Image plain = run(r).images[0];
  r.guess = true;
  EXPECT_NE(run(r).images[0], plain);
  // With no second pass, guess mode is the mode in which the prompt wins.
  r.cfg = 1;
  const Image guess = run(r).images[0];
  r.guess = false;
  r.controls[0].mode = ControlMode::prompt;
  EXPECT_EQ(run(r).images[0], guess);
}

TEST_F(Generate, KeepsThePictureOutsideTheMask) {
  GenerateRequest r = request();
  r.init = "init.png";
  r.mask = "mask.png";
  r.mask_blur = 0;
  GenerateInputs in;
  in.init = test_photo(64, 64);
  in.mask = Image(64, 64, 3);
  for (int y = 0; y < 64; ++y) std::fill_n(in.mask->at(32, y), 32 * 3, uint8_t{255});
  for (const double denoise : {0.5, 1.0}) {
    r.denoise = denoise;
    const Image image = run(r, in).images[0];
    for (int y = 0; y < 64; ++y) {
      ASSERT_TRUE(std::equal(image.at(0, y), image.at(32, y), in.init->at(0, y))) << y;
    }
    EXPECT_NE(image, *in.init);
  }
}

TEST_F(Generate, EverySamplerOfAProfileRuns) {
  for (const char* profile : {"seed", "seed11", "a1111", "diffusers"}) {
    const GenerateRequest defaults = profile_defaults(profile);
    GenerateRequest r = request("control.safetensors");
    r.profile = profile;
    r.sampler = defaults.sampler;
    r.eta = defaults.eta;
    r.batch = 2;
    EXPECT_EQ(run(r).images.size(), 2u) << profile;
  }
}

TEST_F(Generate, WarnsOfWordsThatTheModelDoesNotKnow) {
  GenerateRequest r = request();
  r.prompt = "a red dragon, house";
  const std::vector<std::string> warnings = run(r).warnings;
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("dragon"), std::string::npos);
  EXPECT_EQ(warnings[0].find("house"), std::string::npos);
}

TEST_F(Generate, RefusesSizesThatTheLevelsCannotHalve) {
  GenerateRequest r = request();
  r.width = 72;
  const Error error = error_of([&] { run(r); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_EQ(error.where(), "width");
  EXPECT_NE(error.text().find("64 or 80"), std::string::npos) << error.text();
}

TEST_F(Generate, RefusesMoreThanTheMemoryLimit) {
  const GenerateRequest r = request();
  EXPECT_EQ(error_of([&] {
              generate(*load_models(paths_of_request(r)), *tokenizer_, r, {}, {},
                       {.memory_bytes = 1 << 20});
            }).kind(),
            ErrorKind::out_of_memory);
}

TEST_F(Generate, GivesMemoryBackAndStillMakesTheSamePicture) {
  GenerateRequest r = request("control.safetensors");
  ModelPaths paths = paths_of_request(r);
  const Image plain = generate(*load_models(paths), *tokenizer_, r, inputs(r), {}).images[0];
  paths.one_run = true;
  const auto models = load_models(paths);
  EXPECT_EQ(generate(*models, *tokenizer_, r, inputs(r), {}, {.memory_bytes = 0, .one_run = true})
                .images[0],
            plain);
}

TEST_F(Generate, NamesTheKindWithoutAControlNet) {
  GenerateRequest r = request();
  r.controls.push_back({});
  r.controls[0].kind = "depth";
  const Error error = error_of([&] { run(r); });
  EXPECT_EQ(error.where(), "control");
  EXPECT_NE(error.text().find("depth"), std::string::npos);
}

TEST_F(Generate, RefusesAControlNetOfAnotherFamily) {
  ModelConfig other = tiny_config();
  other.unet.context_dim = 64;
  ControlNet control(other.unet);
  randomize(control, 1);
  write_model(folder_ / "other.safetensors", state_of(control, kControlPrefix), other);
  const Error error = error_of([&] { run(request("other.safetensors")); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_file);
  EXPECT_NE(error.text().find("context width 64"), std::string::npos) << error.text();
  EXPECT_NE(error.text().find("context width 32"), std::string::npos) << error.text();
}

TEST_F(Generate, ABaseModelIsNoControlNet) {
  EXPECT_EQ(error_of([&] { run(request("base.safetensors")); }).kind(), ErrorKind::bad_file);
}

}  // namespace
}  // namespace zc
