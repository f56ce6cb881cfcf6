// SPDX-License-Identifier: Apache-2.0
#include "pipelines/diffusers_export.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "formats/key_map.h"
#include "formats/quantized.h"
#include "pipelines/base_model.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

// The first version that reads every field below.
constexpr const char* kDiffusersVersion = "0.21.0";

[[noreturn]] void throw_no_diffusers(const std::string& where, const std::string& what) {
  throw Error(ErrorKind::unsupported, where,
              fmt::format("diffusers has no way to say that {}", what));
}

// One entry for all levels, where the original has num_heads, or one for each, where it has the
// size of a head. (What diffusers calls attention_head_dim is the number of heads.)
nlohmann::json attention_heads(const UNetConfig& c) {
  if (c.head_channels == 0) return c.num_heads;
  nlohmann::json heads = nlohmann::json::array();
  for (const int64_t mult : c.channel_mult) heads.push_back(c.heads_at(c.model_channels * mult));
  return heads;
}

// The middle block takes the depth of the last level; a level without transformers may say
// anything.
nlohmann::json transformer_depths(const UNetConfig& c, const std::string& where) {
  std::vector<int64_t> depths = c.transformer_depth;
  std::replace(depths.begin(), depths.end(), int64_t{0}, int64_t{1});
  if (c.transformer_depth.back() == 0) depths.back() = c.middle_depth;
  if (depths.back() != c.middle_depth) {
    throw_no_diffusers(where, "the middle block has another depth than the last level");
  }
  const bool alike =
      std::all_of(depths.begin(), depths.end(), [&](int64_t d) { return d == depths.front(); });
  return alike ? nlohmann::json(depths.front()) : nlohmann::json(depths);
}

std::vector<int64_t> level_channels(int64_t channels, const std::vector<int64_t>& mult) {
  std::vector<int64_t> result;
  for (const int64_t m : mult) result.push_back(channels * m);
  return result;
}

// What ControlNetModel and UNet2DConditionModel have in common.
nlohmann::json encoder_config(const UNetConfig& c, const char* class_name,
                              const std::string& where) {
  nlohmann::json down = nlohmann::json::array();
  for (const int64_t depth : c.transformer_depth)
    down.push_back(depth > 0 ? "CrossAttnDownBlock2D" : "DownBlock2D");
  nlohmann::json config = {{"_class_name", class_name},
                           {"_diffusers_version", kDiffusersVersion},
                           {"act_fn", "silu"},
                           {"attention_head_dim", attention_heads(c)},
                           {"block_out_channels", level_channels(c.model_channels, c.channel_mult)},
                           {"cross_attention_dim", c.context_dim},
                           {"down_block_types", down},
                           {"downsample_padding", 1},
                           {"flip_sin_to_cos", true},
                           {"freq_shift", 0},
                           {"in_channels", c.in_channels},
                           {"layers_per_block", c.num_res_blocks},
                           {"mid_block_scale_factor", 1},
                           {"norm_eps", 1e-5},
                           {"norm_num_groups", c.norm_groups},
                           {"transformer_layers_per_block", transformer_depths(c, where)},
                           {"use_linear_projection", c.linear_projection}};
  if (c.label_channels > 0) {
    // SDXL: the pooled text and six numbers, each as 256 sines and cosines.
    config["addition_embed_type"] = "text_time";
    config["addition_time_embed_dim"] = 256;
    config["projection_class_embeddings_input_dim"] = c.label_channels;
  }
  return config;
}

UNetLayout layout_of(const UNetConfig& c) {
  UNetLayout layout{c.num_res_blocks, {}};
  const auto levels = static_cast<int64_t>(c.transformer_depth.size());
  for (int64_t block = 0; block < levels; ++block) {
    if (c.transformer_depth[levels - 1 - block] > 0) layout.up_attention.insert(block);
  }
  return layout;
}

struct Export {
  std::string name;
  nlohmann::json config;
  StateDict tensors;
};

void write_part(const fs::path& folder, const Export& part, const Metadata& metadata) {
  fs::create_directories(folder);
  write_safetensors(folder / "diffusion_pytorch_model.safetensors", part.tensors, metadata);
  write_file_atomically(folder / "config.json", json_text(part.config, 2) + "\n");
}

std::vector<Export> exports_of(const Checkpoint& file) {
  const auto part = [&](std::string_view prefix) {
    return with_prefix_removed(file.tensors, prefix);
  };
  std::vector<Export> parts;
  int64_t image_size = 512;
  VaeConfig vae;
  const bool own = file.metadata.contains(kModelMetadataKey);
  if (own) {
    const ModelConfig config = base_model_config(file);
    image_size = config.image_size;
    vae = config.vae;
  } else if (file.probe.family == ModelFamily::sdxl) {
    image_size = 1024;
    vae.scale_factor = 0.13025;
  }
  if (StateDict state = part(kControlPrefix); !state.empty()) {
    const UNetConfig unet = control_unet_config(file);
    parts.push_back({"controlnet", diffusers_control_config(unet, file.path),
                     unet_to_diffusers(state, layout_of(unet), file.path)});
  }
  if (StateDict state = part(kUNetPrefix); !state.empty()) {
    const UNetConfig unet = control_unet_config(file);
    parts.push_back({"unet", diffusers_unet_config(unet, image_size, file.path),
                     unet_to_diffusers(state, layout_of(unet), file.path)});
  }
  if (StateDict state = part(kVaePrefix); !state.empty()) {
    parts.push_back(
        {"vae", diffusers_vae_config(vae, image_size), vae_to_diffusers(state, file.path)});
  }
  return parts;
}

}  // namespace

nlohmann::json diffusers_control_config(const UNetConfig& c, const std::string& where) {
  const std::vector<int64_t>& w = c.hint_widths;
  if (w.size() != 7 || w[0] != w[1] || w[2] != w[3] || w[4] != w[5])
    throw_no_diffusers(where, "the hint encoder's layers come in other pairs of widths");
  nlohmann::json config = encoder_config(c, "ControlNetModel", where);
  config["conditioning_channels"] = c.hint_channels;
  config["conditioning_embedding_out_channels"] = {w[0], w[2], w[4], w[6]};
  config["controlnet_conditioning_channel_order"] = "rgb";
  return config;
}

nlohmann::json diffusers_unet_config(const UNetConfig& c, int64_t image_size,
                                     const std::string& where) {
  nlohmann::json config = encoder_config(c, "UNet2DConditionModel", where);
  nlohmann::json up = nlohmann::json::array();
  for (auto depth = c.transformer_depth.rbegin(); depth != c.transformer_depth.rend(); ++depth)
    up.push_back(*depth > 0 ? "CrossAttnUpBlock2D" : "UpBlock2D");
  config["up_block_types"] = up;
  config["out_channels"] = c.out_channels;
  config["center_input_sample"] = false;
  config["sample_size"] = image_size / 8;
  return config;
}

nlohmann::json diffusers_vae_config(const VaeConfig& c, int64_t image_size) {
  const size_t levels = c.channel_mult.size();
  return {{"_class_name", "AutoencoderKL"},
          {"_diffusers_version", kDiffusersVersion},
          {"act_fn", "silu"},
          {"block_out_channels", level_channels(c.channels, c.channel_mult)},
          {"down_block_types", std::vector<std::string>(levels, "DownEncoderBlock2D")},
          {"up_block_types", std::vector<std::string>(levels, "UpDecoderBlock2D")},
          {"in_channels", c.image_channels},
          {"out_channels", c.image_channels},
          {"latent_channels", c.latent_channels},
          {"layers_per_block", c.num_res_blocks},
          {"norm_num_groups", c.norm_groups},
          {"sample_size", image_size},
          {"scaling_factor", c.scale_factor}};
}

std::vector<std::string> write_diffusers_folder(const fs::path& folder, const Checkpoint& file) {
  if (fs::exists(folder)) {
    throw Error(ErrorKind::bad_request, folder.string(),
                "exists already: name a folder that does not");
  }
  std::vector<Export> parts = exports_of(file);
  if (parts.empty()) {
    throw Error(ErrorKind::unsupported, file.path,
                fmt::format("is a {}: only ControlNets, UNets and autoencoders are written in the "
                            "layout of diffusers",
                            file.probe.description));
  }
  Metadata metadata = file.metadata;
  metadata.erase(kQuantizationKey);
  metadata["format"] = "pt";  // transformers and diffusers ask for it
  if (parts.size() == 1) parts.front().name.clear();
  fs::path name = folder.filename().empty() ? folder.parent_path() : folder;  // "out/"
  const fs::path staged =
      name.parent_path() / fmt::format(".{}.tmp-{}", name.filename().string(), ::getpid());
  std::vector<std::string> names;
  std::error_code ignored;
  fs::remove_all(staged, ignored);
  try {
    for (const Export& part : parts) {
      write_part(staged / part.name, part, metadata);
      names.push_back(part.name);
    }
    fs::rename(staged, name);
    sync_folder(name.has_parent_path() ? name.parent_path() : fs::path("."));
  } catch (const fs::filesystem_error& e) {
    fs::remove_all(staged, ignored);
    throw Error(ErrorKind::io, folder.string(),
                fmt::format("cannot be written: {}", e.code().message()));
  } catch (...) {
    fs::remove_all(staged, ignored);
    throw;
  }
  return names;
}

}  // namespace zc
