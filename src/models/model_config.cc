// SPDX-License-Identifier: Apache-2.0
#include "models/model_config.h"

#include <ATen/ops/empty_like.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <unordered_map>

#include "base/error.h"

namespace zc {
namespace {

using nlohmann::json;

// The only lists of the fields that are stored.
template <class Config, class Visitor>
void visit_unet(Config& c, Visitor&& visit) {
  visit("in_channels", c.in_channels);
  visit("out_channels", c.out_channels);
  visit("model_channels", c.model_channels);
  visit("channel_mult", c.channel_mult);
  visit("num_res_blocks", c.num_res_blocks);
  visit("transformer_depth", c.transformer_depth);
  visit("middle_depth", c.middle_depth);
  visit("num_heads", c.num_heads);
  visit("head_channels", c.head_channels);
  visit("context_dim", c.context_dim);
  visit("linear_projection", c.linear_projection);
  visit("label_channels", c.label_channels);
  visit("norm_groups", c.norm_groups);
  visit("hint_widths", c.hint_widths);
}

template <class Config, class Visitor>
void visit_vae(Config& c, Visitor&& visit) {
  visit("latent_channels", c.latent_channels);
  visit("channels", c.channels);
  visit("channel_mult", c.channel_mult);
  visit("num_res_blocks", c.num_res_blocks);
  visit("norm_groups", c.norm_groups);
  visit("scale_factor", c.scale_factor);
}

template <class Config, class Visitor>
void visit_text(Config& c, Visitor&& visit) {
  visit("vocabulary", c.vocabulary);
  visit("width", c.width);
  visit("layers", c.layers);
  visit("heads", c.heads);
  visit("positions", c.positions);
  visit("projection", c.projection);
}

struct Writer {
  json& target;
  template <class T>
  void operator()(const char* key, const T& value) const {
    target[key] = value;
  }
};

struct Reader {
  const json& source;
  const std::string& where;
  template <class T>
  void operator()(const char* key, T& value) const {
    try {
      value = source.at(key).get<T>();
    } catch (const json::exception&) {
      throw Error(ErrorKind::bad_file, where,
                  fmt::format("the model's description lacks a good \"{}\"", key));
    }
  }
};

// Sizes that a file may ask for; more is a damaged or hostile file.
void check_sizes(const ModelConfig& c, const std::string& where) {
  const auto require = [&](bool good, const char* field) {
    if (!good)
      throw Error(ErrorKind::bad_file, where,
                  fmt::format("the model's \"{}\" is out of range", field));
  };
  const auto in = [](int64_t x, int64_t low, int64_t high) { return x >= low && x <= high; };
  const auto all_in = [&](const std::vector<int64_t>& list, int64_t low, int64_t high) {
    bool good = in(static_cast<int64_t>(list.size()), 1, 8);
    for (const int64_t x : list) good = good && in(x, low, high);
    return good;
  };
  require(in(c.unet.model_channels, 8, 4096), "model_channels");
  require(in(c.unet.in_channels, 1, 64) && in(c.unet.out_channels, 1, 64), "in_channels");
  require(all_in(c.unet.channel_mult, 1, 16), "channel_mult");
  require(all_in(c.unet.transformer_depth, 0, 64) &&
              c.unet.transformer_depth.size() == c.unet.channel_mult.size(),
          "transformer_depth");
  require(in(c.unet.num_res_blocks, 1, 16), "num_res_blocks");
  require(in(c.unet.middle_depth, 1, 64), "middle_depth");
  require(in(c.unet.head_channels, 0, 4096) &&
              in(c.unet.num_heads, c.unet.head_channels > 0 ? 0 : 1, 256),
          "num_heads");
  require(in(c.unet.context_dim, 8, 16384), "context_dim");
  require(in(c.unet.norm_groups, 1, 4096) && c.unet.model_channels % c.unet.norm_groups == 0,
          "norm_groups");
  require(c.unet.hint_widths.size() == UNetConfig{}.hint_widths.size() &&
              all_in(c.unet.hint_widths, 1, 4096),
          "hint_widths");
  require(
      in(c.vae.channels, 8, 4096) && c.vae.channels % std::max<int64_t>(1, c.vae.norm_groups) == 0,
      "channels");
  require(in(c.vae.norm_groups, 1, 4096), "norm_groups");
  require(all_in(c.vae.channel_mult, 1, 16), "channel_mult");
  require(in(c.vae.num_res_blocks, 1, 16), "num_res_blocks");
  require(c.vae.scale_factor > 0.0 && c.vae.scale_factor < 1e3, "scale_factor");
  require(in(c.text.vocabulary, 1, 1 << 20) && in(c.text.width, 8, 16384), "vocabulary");
  require(in(c.text.layers, 1, 128) && in(c.text.heads, 1, 256) && c.text.width % c.text.heads == 0,
          "heads");
  require(in(c.text.positions, 2, 4096), "positions");
  require(in(c.image_size, 8, 16384), "image_size");
  require(!c.cfg || (*c.cfg >= 0.0 && *c.cfg <= 50.0), "cfg");
}

}  // namespace

ModelConfig sd15_model() {
  ModelConfig c;
  c.name = "sd15";
  return c;
}

ModelConfig sd21_model() {
  ModelConfig c;
  c.name = "sd21";
  c.unet = sd21_unet();
  c.text = openclip_h_text();
  c.text_kind = TextKind::openclip;
  c.text_layer = TextLayer::skip2;
  c.text_pad_id = 0;
  return c;
}

ModelConfig toyworld_model() {
  ModelConfig c;
  c.name = "toyworld";
  c.unet.model_channels = 48;
  c.unet.channel_mult = {1, 2, 2};
  c.unet.num_res_blocks = 1;
  c.unet.transformer_depth = {0, 1, 1};
  c.unet.num_heads = 4;
  c.unet.context_dim = 128;
  c.unet.norm_groups = 8;
  c.unet.hint_widths = {16, 16, 16, 16, 32, 32, 64};
  c.vae.channels = 16;
  c.vae.channel_mult = {1, 2, 4, 6};
  c.vae.num_res_blocks = 1;
  c.vae.norm_groups = 1;
  c.text = {.vocabulary = 256, .width = 128, .layers = 2, .heads = 4, .positions = 77};
  c.prediction = ModelPrediction::v;
  c.image_size = 256;
  c.limited_vocabulary = true;
  c.cfg = 4.0;
  return c;
}

nlohmann::json to_json(const ModelConfig& c) {
  json unet, vae, text;
  visit_unet(c.unet, Writer{unet});
  visit_vae(c.vae, Writer{vae});
  visit_text(c.text, Writer{text});
  json object = {{"name", c.name},
                 {"unet", unet},
                 {"vae", vae},
                 {"text", text},
                 {"text_kind", c.text_kind == TextKind::clip ? "clip" : "openclip"},
                 {"text_layer", static_cast<int>(c.text_layer)},
                 {"text_pad_id", c.text_pad_id},
                 {"prediction", c.prediction == ModelPrediction::v ? "v" : "epsilon"},
                 {"image_size", c.image_size},
                 {"limited_vocabulary", c.limited_vocabulary}};
  if (c.cfg) object["cfg"] = *c.cfg;
  return object;
}

ModelConfig model_config_from_json(const nlohmann::json& source, const std::string& where) {
  ModelConfig c;
  const Reader top{source, where};
  json unet, vae, text;
  std::string text_kind, prediction;
  int text_layer = 0;
  top("name", c.name);
  top("unet", unet);
  top("vae", vae);
  top("text", text);
  top("text_kind", text_kind);
  top("text_layer", text_layer);
  top("text_pad_id", c.text_pad_id);
  top("prediction", prediction);
  top("image_size", c.image_size);
  top("limited_vocabulary", c.limited_vocabulary);
  if (source.contains("cfg")) top("cfg", c.cfg.emplace());
  visit_unet(c.unet, Reader{unet, where});
  visit_vae(c.vae, Reader{vae, where});
  visit_text(c.text, Reader{text, where});
  if ((text_kind != "clip" && text_kind != "openclip") || text_layer < 0 || text_layer > 2 ||
      (prediction != "v" && prediction != "epsilon")) {
    throw Error(ErrorKind::bad_file, where,
                "the model's description has an unknown text encoder or prediction");
  }
  c.text_kind = text_kind == "clip" ? TextKind::clip : TextKind::openclip;
  c.text_layer = static_cast<TextLayer>(text_layer);
  c.prediction = prediction == "v" ? ModelPrediction::v : ModelPrediction::epsilon;
  check_sizes(c, where);
  return c;
}

at::Tensor map_token_ids(const at::Tensor& ids, const at::Tensor& token_ids) {
  const at::Tensor known = token_ids.to(at::kInt).contiguous();
  std::unordered_map<int64_t, int64_t> row_of;
  for (int64_t i = 1; i < known.numel(); ++i) row_of.emplace(known.const_data_ptr<int32_t>()[i], i);
  const at::Tensor source = ids.contiguous();
  at::Tensor rows = at::empty_like(source);
  for (int64_t i = 0; i < source.numel(); ++i) {
    const auto found = row_of.find(source.const_data_ptr<int64_t>()[i]);
    rows.mutable_data_ptr<int64_t>()[i] = found == row_of.end() ? 0 : found->second;
  }
  return rows;
}

}  // namespace zc
