// SPDX-License-Identifier: Apache-2.0
// ControlNets to begin with, carried over and written out, and the bases they come from.
#include "training/control_files.h"

#include <unistd.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/error_of.h"
#include "formats/checkpoint.h"
#include "pipelines/tiny_model.h"
#include "tensor/load.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

class ControlFile : public ::testing::Test {
 protected:
  ControlFile() { fs::create_directories(folder_); }
  ~ControlFile() override { fs::remove_all(folder_); }

  static StateDict base_state(const ModelConfig& config, uint64_t seed) {
    UNet unet(config.unet);
    Vae vae(config.vae);
    randomize(unet, seed);
    randomize(vae, seed + 1);
    StateDict state = state_of(unet, kUNetPrefix);
    state.merge(state_of(vae, kVaePrefix));
    if (config.text_kind == TextKind::openclip) {
      OpenClipTextEncoder text(config.text);
      randomize(text, seed + 2);
      state.merge(state_of(text, kOpenClipPrefix));
      return state;
    }
    ClipTextEncoder text(config.text);
    randomize(text, seed + 2);
    state.merge(state_of(text, kClipPrefix));
    state[std::string(kTokenIdsKey)] = at::arange(config.text.vocabulary, at::kInt);
    return state;
  }

  fs::path write(const std::string& name, const StateDict& state, const ModelConfig& config) const {
    write_safetensors(folder_ / name, state,
                      {{std::string(kModelMetadataKey), to_json(config).dump()}});
    return folder_ / name;
  }
  fs::path write_base(const std::string& name, uint64_t seed,
                      const ModelConfig& config = tiny_config()) const {
    return write(name, base_state(config, seed), config);
  }

  static StateDict tensors_of(const fs::path& path) { return read_safetensors(path).tensors; }

  const fs::path folder_ = fs::temp_directory_path() /
                           ("zc_control_" + std::to_string(reinterpret_cast<uintptr_t>(this)) +
                            "_" + std::to_string(::getpid()));
};

TEST_F(ControlFile, ToBeginWithIsACopyOfTheEncoderThatAddsNothing) {
  const fs::path base = write_base("base.safetensors", 1), out = folder_ / "out.safetensors";
  const InitControlSummary summary = init_control_file({.base = base, .out = out});
  const StateDict before = tensors_of(base), after = tensors_of(out);
  int64_t copied = 0;
  for (const auto& [key, value] : with_prefix_removed(after, kControlPrefix)) {
    const auto same = before.find(std::string(kUNetPrefix) + key);
    if (same != before.end()) {
      EXPECT_TRUE(at::equal(value, same->second)) << key;
      ++copied;
    } else if (key.starts_with("zero_convs.") || key.starts_with("middle_block_out.")) {
      EXPECT_TRUE(at::equal(value, at::zeros_like(value))) << key;
    }
  }
  EXPECT_EQ(summary.copied, copied);
  EXPECT_GT(summary.fresh, 0);
  for (const auto& [key, value] : before) EXPECT_TRUE(at::equal(after.at(key), value)) << key;
}

TEST_F(ControlFile, ToBeginWithCanBeTheControlNetAlone) {
  const fs::path base = write_base("base.safetensors", 1), out = folder_ / "out.safetensors";
  init_control_file({.base = base, .out = out, .control_only = true, .kind = "canny"});
  const Checkpoint file = open_checkpoint(out);
  for (const auto& [key, value] : file.tensors) EXPECT_TRUE(key.starts_with(kControlPrefix)) << key;
  EXPECT_EQ(file.metadata.at("zeroconv.control"), "canny");
  ControlNet control(tiny_config().unet);
  EXPECT_NO_THROW(load_strict(control, file.tensors, "", kControlPrefix));
}

TEST_F(ControlFile, ToBeginWithNeedsAWholeEncoder) {
  StateDict state = base_state(tiny_config(), 1);
  state.erase("model.diffusion_model.time_embed.0.weight");
  const fs::path base = write("base.safetensors", state, tiny_config());
  const Error error =
      error_of([&] { init_control_file({.base = base, .out = folder_ / "out.safetensors"}); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_file);
  EXPECT_EQ(error.where(), base.string());
  EXPECT_FALSE(fs::exists(folder_ / "out.safetensors"));
}

TEST_F(ControlFile, IsNotWrittenUnderTheNameOfAPickle) {
  const fs::path base = write_base("base.safetensors", 1);
  const Error error =
      error_of([&] { init_control_file({.base = base, .out = folder_ / "out.pth"}); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_EQ(error.where(), (folder_ / "out.pth").string());
}

// A whole checkpoint with a ControlNet of random weights, and two bases; its UNet is the old one.
struct TransferCase {
  StateDict whole, old_base, new_base;
  fs::path control_path, old_path, new_path;
};

class ControlTransfer : public ControlFile {
 protected:
  TransferCase make_case() const {
    TransferCase c;
    c.old_base = base_state(tiny_config(), 1);
    c.new_base = base_state(tiny_config(), 11);
    c.whole = c.old_base;
    ControlNet control(tiny_config().unet);
    randomize(control, 21);
    c.whole.merge(state_of(control, kControlPrefix));
    c.control_path = write("control.safetensors", c.whole, tiny_config());
    c.old_path = write("old.safetensors", c.old_base, tiny_config());
    c.new_path = write("new.safetensors", c.new_base, tiny_config());
    return c;
  }
};

TEST_F(ControlTransfer, MovesTheEncoderByTheDifferenceOfTheBases) {
  const TransferCase c = make_case();
  const fs::path out = folder_ / "out.safetensors";
  const TransferControlSummary summary =
      transfer_control_file({c.control_path, c.old_path, c.new_path, out, true});
  const StateDict after = tensors_of(out);
  int64_t moved = 0;
  for (const auto& [key, value] : after) {
    ASSERT_TRUE(key.starts_with(kControlPrefix)) << key;
    const std::string name = std::string(kUNetPrefix) + key.substr(kControlPrefix.size());
    const auto before = c.old_base.find(name);
    at::Tensor wanted = c.whole.at(key);
    if (before != c.old_base.end()) {
      wanted = wanted + c.new_base.at(name) - before->second;
      ++moved;
    }
    EXPECT_TRUE(at::equal(value, wanted)) << key;
  }
  EXPECT_EQ(summary.moved, moved);
  EXPECT_GT(summary.kept, 0);
  EXPECT_FALSE(summary.whole);
}

TEST_F(ControlTransfer, OfAWholeCheckpointTheRestBecomesTheNewBases) {
  const TransferCase c = make_case();
  const fs::path out = folder_ / "out.safetensors";
  const TransferControlSummary summary =
      transfer_control_file({c.control_path, c.old_path, c.new_path, out});
  EXPECT_TRUE(summary.whole);
  const StateDict after = tensors_of(out);
  EXPECT_EQ(after.size(), c.whole.size());
  for (const auto& [key, value] : c.new_base) EXPECT_TRUE(at::equal(after.at(key), value)) << key;
}

TEST_F(ControlTransfer, ADecoderThatLearnedMovesLikeTheEncoder) {
  TransferCase c = make_case();
  const std::string key = "model.diffusion_model.out.2.weight";
  c.whole[key] = c.whole.at(key) + 1.0;
  write("control.safetensors", c.whole, tiny_config());
  const fs::path out = folder_ / "out.safetensors";
  transfer_control_file({c.control_path, c.old_path, c.new_path, out});
  EXPECT_TRUE(at::allclose(tensors_of(out).at(key), c.new_base.at(key) + 1.0, 0, 1e-5));
}

TEST_F(ControlTransfer, RefusesABaseOfAnotherFamily) {
  const TransferCase c = make_case();
  ModelConfig other = tiny_config();
  other.unet.context_dim = 48;
  const fs::path base = write_base("other.safetensors", 3, other);
  const Error error = error_of([&] {
    transfer_control_file({c.control_path, c.old_path, base, folder_ / "out.safetensors"});
  });
  EXPECT_EQ(error.kind(), ErrorKind::bad_file);
  EXPECT_EQ(error.where(), c.control_path.string());
  EXPECT_NE(error.text().find(base.string()), std::string::npos);
}

TEST_F(ControlTransfer, RefusesABaseInTheControlNetsPlace) {
  const TransferCase c = make_case();
  const Error error = error_of([&] {
    transfer_control_file({c.old_path, c.old_path, c.new_path, folder_ / "out.safetensors"});
  });
  EXPECT_EQ(error.kind(), ErrorKind::bad_file);
  EXPECT_EQ(error.where(), c.old_path.string());
}

TEST(ControlMetadata, SaysHowTheControlNetWasMade) {
  const ControlCard card = {.kind = "canny",
                            .preprocessor = R"({"low":100})",
                            .base = "models/v1-5.safetensors",
                            .base_fingerprint = "0123",
                            .data = "circles:50",
                            .data_fingerprint = "x",
                            .steps = 4000,
                            .global_batch = 64};
  const Metadata sd15 = control_metadata(card, sd15_model());
  EXPECT_EQ(sd15.at("zeroconv.control"), "canny");
  EXPECT_EQ(sd15.at("zeroconv.hint_range"), "0,1");
  EXPECT_EQ(sd15.at("zeroconv.base"), "v1-5.safetensors");
  EXPECT_EQ(sd15.at("zeroconv.steps"), "4000");
  EXPECT_EQ(sd15.at("zeroconv.data_sha256").size(), 64u);
}

TEST(ControlMetadata, DescribesOnlyArchitecturesThatOthersDoNotKnow) {
  EXPECT_FALSE(control_metadata({}, sd15_model()).contains(kModelMetadataKey));
  EXPECT_EQ(control_metadata({}, sd21_model()).at("modelspec.architecture"),
            "stable-diffusion-v2/controlnet");
  EXPECT_TRUE(control_metadata({}, tiny_config()).contains(kModelMetadataKey));
}

TEST_F(ControlFile, AResultComesBackEqual) {
  const fs::path out = folder_ / "control.safetensors";
  ControlNet control(tiny_config().unet);
  randomize(control, 4);
  write_control_file(out, control, control_metadata({.kind = "canny"}, tiny_config()));
  const Checkpoint file = open_checkpoint(out);
  for (const auto& [key, value] : state_of(control, kControlPrefix))
    EXPECT_TRUE(at::equal(file.tensors.at(key), value)) << key;
  EXPECT_TRUE(file.probe.has(PartKind::control));
}

TEST_F(ControlFile, AResultWithItsDecoderIsABaseToo) {
  const DiffusionModel model = read_diffusion_model(write_base("base.safetensors", 1));
  const fs::path out = folder_ / "whole.safetensors";
  ControlNet control(tiny_config().unet);
  randomize(control, 4);
  write_control_file(out, control, control_metadata({.kind = "canny"}, tiny_config()), &model);
  const DiffusionModel back = read_diffusion_model(out);
  ASSERT_NE(back.unet, nullptr);
  ASSERT_NE(back.vae, nullptr);
  EXPECT_TRUE(at::equal(back.token_ids, model.token_ids));
  EXPECT_EQ(open_checkpoint(out).tensors.size(),
            tensors_of(folder_ / "base.safetensors").size() + state_of(control).size());
}

TEST_F(ControlFile, ABaseIsKeptInThePrecisionThatIsAskedFor) {
  const fs::path path = write_base("base.safetensors", 1);
  const auto type_of = [&](const std::string& precision) {
    const DiffusionModel model = read_diffusion_model(path, {.base_precision = precision});
    return state_of(*model.unet).begin()->second.scalar_type();
  };
  EXPECT_EQ(type_of("file"), at::kFloat);
  EXPECT_EQ(type_of("fp16"), at::kHalf);
  EXPECT_EQ(error_of([&] { type_of("fp8"); }).where(), "--base-precision");
}

TEST_F(ControlFile, ABaseWithOpenClipEncodesTextByTheSameCall) {
  ModelConfig config = tiny_config();
  config.text_kind = TextKind::openclip;
  config.text_layer = TextLayer::skip2;
  config.text.layers = 2;
  config.limited_vocabulary = false;
  const DiffusionModel model = read_diffusion_model(write_base("base.safetensors", 1, config));
  EXPECT_EQ(model.text, nullptr);
  ASSERT_EQ(model.text_module(), model.openclip.get());
  const at::Tensor ids = at::zeros({1, 77}, at::kLong);
  EXPECT_TRUE(at::equal(model.text_forward(ids), model.openclip->forward(ids, TextLayer::skip2)));
}

TEST_F(ControlFile, ABaseOfAnUnknownFamilyIsRefused) {
  StateDict state = base_state(tiny_config(), 1);
  const fs::path path = folder_ / "foreign.safetensors";
  write_safetensors(path, state);  // without a description
  const Error error = error_of([&] { read_diffusion_model(path); });
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  EXPECT_EQ(error.where(), path.string());
}

}  // namespace
}  // namespace zc
