// SPDX-License-Identifier: Apache-2.0
#include "networks.h"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "formats/key_map.h"
#include "tensor/load.h"

namespace zc::parity {
namespace {

// Of all networks that are kept together. The UNet of SDXL alone is larger and then stands alone.
constexpr int64_t kKeptBytes = 6'400'000'000;

std::string_view family_of(std::string_view keys) {
  if (keys.starts_with("tiny21")) return "tiny21";
  if (keys.starts_with("tinyxl")) return "tinyxl";
  if (keys.starts_with("tiny")) return "tiny";
  if (keys.find("sdxl") != std::string_view::npos) return "sdxl";
  if (keys.find("sd21") != std::string_view::npos) return "sd21";
  return "sd15";
}

// The arguments of UNetModel (openaimodel.py).
UNetConfig from_ldm(const nlohmann::json& j) {
  UNetConfig c;
  c.in_channels = j.at("in_channels");
  c.model_channels = j.at("model_channels");
  c.channel_mult = j.at("channel_mult").get<std::vector<int64_t>>();
  c.num_res_blocks = j.at("num_res_blocks");
  c.context_dim = j.at("context_dim");
  c.num_heads = j.value("num_heads", int64_t{0});
  c.head_channels = j.value("num_head_channels", int64_t{0});
  c.linear_projection = j.value("use_linear_in_transformer", false);
  c.middle_depth = j.at("transformer_depth");
  const auto resolutions = j.at("attention_resolutions").get<std::vector<int64_t>>();
  c.transformer_depth.clear();
  for (size_t level = 0; level < c.channel_mult.size(); ++level) {
    const bool attends = std::ranges::find(resolutions, int64_t{1} << level) != resolutions.end();
    c.transformer_depth.push_back(attends ? c.middle_depth : 0);
  }
  return c;
}

// The config.json of a diffusers UNet or ControlNet.
UNetConfig from_diffusers(const nlohmann::json& j) {
  UNetConfig c;
  const auto channels = j.at("block_out_channels").get<std::vector<int64_t>>();
  const auto depths = j.at("transformer_layers_per_block").get<std::vector<int64_t>>();
  const auto kinds = j.at("down_block_types").get<std::vector<std::string>>();
  const auto heads = j.at("attention_head_dim")
                         .get<std::vector<int64_t>>();  // despite its name, the number of heads
  c.in_channels = j.at("in_channels");
  c.model_channels = channels.front();
  c.num_res_blocks = j.at("layers_per_block");
  c.middle_depth = depths.back();
  c.num_heads = 0;
  c.head_channels = channels.back() / heads.back();
  c.context_dim = j.at("cross_attention_dim");
  c.linear_projection = j.at("use_linear_projection");
  c.label_channels = j.at("projection_class_embeddings_input_dim");
  c.channel_mult.clear();
  c.transformer_depth.clear();
  for (size_t level = 0; level < channels.size(); ++level) {
    c.channel_mult.push_back(channels[level] / channels.front());
    c.transformer_depth.push_back(kinds.at(level).starts_with("CrossAttn") ? depths.at(level) : 0);
  }
  return c;
}

VaeConfig vae_from(const nlohmann::json& j) {
  VaeConfig c;
  c.image_channels = j.at("in_channels");
  c.latent_channels = j.at("z_channels");
  c.channels = j.at("ch");
  c.channel_mult = j.at("ch_mult").get<std::vector<int64_t>>();
  c.num_res_blocks = j.at("num_res_blocks");
  return c;
}

TextConfig clip_from(const nlohmann::json& j) {
  TextConfig c;
  c.vocabulary = j.at("vocab_size");
  c.width = j.at("hidden_size");
  c.layers = j.at("num_hidden_layers");
  c.heads = j.at("num_attention_heads");
  c.positions = j.at("max_position_embeddings");
  c.intermediate = j.at("intermediate_size");
  return c;
}

TextConfig openclip_from(const nlohmann::json& j) {
  TextConfig c;
  c.width = j.at("width");
  c.layers = j.at("layers");
  c.heads = j.at("heads");
  c.projection = j.at("embed_dim");
  return c;
}

}  // namespace

void load_all(Module& module, const StateDict& state, std::string_view prefix) {
  load_strict(module, state, "synthetic weights", prefix);
  for (const std::string& key : compare(module, state, prefix).unused) {
    if (key.ends_with("position_ids") || key.ends_with("logit_scale")) continue;
    throw Error(ErrorKind::bad_file, key, "the model does not know this weight");
  }
}

Networks::Networks(std::filesystem::path data_folder, std::filesystem::path fallback_folder)
    : folder_(std::move(data_folder)), fallback_(std::move(fallback_folder)) {}

std::filesystem::path Networks::find(const std::filesystem::path& relative) const {
  for (const auto& folder : {folder_, fallback_}) {
    if (exists(folder / relative)) return folder / relative;
  }
  throw Error(ErrorKind::not_found, relative.string(),
              fmt::format("neither in {} nor in {}", folder_.string(), fallback_.string()));
}

const std::vector<KeyRow>& Networks::table(const std::string& name) {
  const auto known = tables_.find(name);
  if (known != tables_.end()) return known->second;
  std::vector<KeyRow> rows;
  const std::string text = read_file(find("keys/" + name + ".tsv"));
  for (const std::string& line : split(text, '\n')) {
    const auto fields = split(line, '\t');
    if (fields.size() != 3 || fields[0] == "name") continue;
    KeyRow row{fields[0], {}};
    if (!fields[2].empty()) {
      for (const std::string& size : split(fields[2], ',')) row.shape.push_back(std::stoll(size));
    }
    rows.push_back(std::move(row));
  }
  return tables_[name] = std::move(rows);
}

nlohmann::json Networks::config(const std::string& name) const {
  return nlohmann::json::parse(read_file(find("configs/" + name + ".json")));
}

UNetConfig Networks::unet_config(const std::string& keys, bool control) const {
  const std::string family(family_of(keys));
  if (family == "sdxl")
    return from_diffusers(config(control ? "diffusers_sdxl_controlnet" : "diffusers_sdxl_unet"));
  if (family == "tinyxl") return from_diffusers(config(control ? "tinyxl_controlnet" : "tinyxl"));
  UNetConfig c = from_ldm(config(family));
  if (keys == "sd15_inpainting_original") c.in_channels = 9;
  return c;
}

const UNet& Networks::unet(const Case& c, std::string_view role) {
  const auto build = [&](const StateDict& state, const WeightsEntry& w) {
    auto unet = std::make_unique<UNet>(unet_config(w.keys));
    load_all(*unet, state, w.prefix);
    return unet;
  };
  return static_cast<const UNet&>(get(c, role, "unet", build));
}

const ControlNet& Networks::control(const Case& c, std::string_view role) {
  const auto build = [&](const StateDict& state, const WeightsEntry& w) {
    auto control = std::make_unique<ControlNet>(unet_config(w.keys, true));
    if (w.keys.find("diffusers") == std::string::npos) {
      load_all(*control, state, w.prefix);
    } else {
      load_all(*control, unet_to_original(with_prefix_removed(state, w.prefix), c.id), "");
    }
    return control;
  };
  return static_cast<const ControlNet&>(get(c, role, "control", build));
}

const Vae& Networks::vae(const Case& c) {
  const auto build = [&](const StateDict& state, const WeightsEntry& w) {
    auto vae =
        std::make_unique<Vae>(vae_from(config(family_of(w.keys) == "tiny" ? "tiny_vae" : "vae")));
    load_all(*vae, state, w.prefix);
    return vae;
  };
  return static_cast<const Vae&>(get(c, "vae", "vae", build));
}

const ClipTextEncoder& Networks::clip(const Case& c) {
  const auto build = [&](const StateDict& state, const WeightsEntry& w) {
    auto text = std::make_unique<ClipTextEncoder>(
        clip_from(config(w.keys == "tiny_clip" ? "tiny_clip" : "clip_l")));
    load_all(*text, state, w.prefix + "text_model.");
    return text;
  };
  return static_cast<const ClipTextEncoder&>(get(c, "text", "clip", build));
}

const OpenClipTextEncoder& Networks::openclip(const Case& c) {
  const auto build = [&](const StateDict& state, const WeightsEntry& w) {
    const std::string_view family = family_of(w.keys);
    auto text = std::make_unique<OpenClipTextEncoder>(
        openclip_from(config(family == "tiny"   ? "tiny_openclip"
                             : family == "sdxl" ? "openclip_g"
                                                : "openclip_h")));
    load_all(*text, state, w.prefix);
    return text;
  };
  return static_cast<const OpenClipTextEncoder&>(get(c, "text", "openclip", build));
}

const Module& Networks::get(const Case& c, std::string_view role, std::string_view kind,
                            const Build& build) {
  const WeightsEntry w = c.weights(role);
  const std::string key = fmt::format("{}|{}|{}", kind, w.prefix, w.keys);
  auto entry = entries_.find(key);
  if (entry == entries_.end()) {
    int64_t bytes = 0;
    for (const KeyRow& row : c.rows(role)) {
      int64_t count = 4;
      for (const int64_t size : row.shape) count *= size;
      bytes += count;
    }
    make_room(bytes);
    entry = entries_.emplace(key, Entry{build(c.state(role), w), bytes, 0}).first;
  }
  entry->second.last_use = ++clock_;
  return *entry->second.module;
}

void Networks::make_room(int64_t bytes) {
  while (!entries_.empty()) {
    int64_t total = bytes;
    for (const auto& [key, entry] : entries_) total += entry.bytes;
    if (total <= kKeptBytes) return;
    entries_.erase(std::ranges::min_element(entries_, {},
                                            [](const auto& item) { return item.second.last_use; }));
    malloc_trim(0);  // small tensors would stay in the heap
  }
}

}  // namespace zc::parity
