// SPDX-License-Identifier: Apache-2.0
// Single blocks of the UNet, the ControlNet and the VAE, with the classes of src/models.
#include <ATen/ATen.h>

#include "models/controlnet.h"
#include "models/unet_blocks.h"
#include "models/vae.h"
#include "networks.h"
#include "ops.h"
#include "tensor/layers.h"

namespace zc::parity {
namespace {

// The weights of a block and where they begin.
struct Block {
  explicit Block(const Case& c) : prefix(c.weights("module").prefix), state(c.state("module")) {}

  int64_t size(const std::string& key, int64_t dim) const {
    return state.at(prefix + key).size(dim);
  }
  void load(Module& module, std::string_view at) const { load_all(module, state, at); }
  void load(Module& module) const { load_all(module, state, prefix); }

  std::string prefix;
  StateDict state;
};

UNetConfig config_for(const Block& block, const std::string& time_key) {
  UNetConfig c;
  c.model_channels = block.size(time_key, 1) / 4;
  return c;
}

Outputs timestep(const Case& c) {
  const auto& p = c.params();
  return {
      {"emb", timestep_embedding(c.input("t_all"), p.at("dim"), p.value("max_period", 10000.0))}};
}

Outputs resblock(const Case& c) {
  const Block block(c);
  Module root;
  ResBlock module(root, "", config_for(block, "emb_layers.1.weight"),
                  block.size("in_layers.2.weight", 1), block.size("in_layers.2.weight", 0));
  block.load(root);
  return {{"y", module(c.input("x"), c.input("emb"))}};
}

Outputs downsample(const Case& c) {
  const Block block(c);
  Module root;
  const EncoderStage stage(root, "", UNetConfig{}, EncoderStage::Kind::down,
                           block.size("op.weight", 1), block.size("op.weight", 0), 0);
  // The stage counts its only member: "input_blocks.3." + "0.op".
  block.load(root, std::string_view(block.prefix).substr(0, block.prefix.size() - 2));
  Context none{at::Tensor()};
  return {{"y", stage(c.input("x"), at::Tensor(), none)}};
}

Outputs upsample(const Case& c) {
  const Block block(c);
  Module root;
  const Conv2d conv(root, "conv", block.size("conv.weight", 1), block.size("conv.weight", 0), 3);
  block.load(root);
  return {{"y", conv(ops::upsample_twice(c.input("x")))}};
}

Outputs spatial_transformer(const Case& c) {
  const Block block(c);
  UNetConfig config;
  config.num_heads = c.params().at("heads");
  config.context_dim = block.size("transformer_blocks.0.attn2.to_k.weight", 1);
  config.linear_projection = block.state.at(block.prefix + "proj_in.weight").dim() == 2;
  Module root;
  const SpatialTransformer module(root, "", config, block.size("norm.weight", 0),
                                  c.params().at("depth"));
  block.load(root);
  Context context(c.input("context"));
  return {{"y", module(c.input("x"), context)}};
}

Outputs transformer_block(const Case& c) {
  const Block block(c);
  Module root;
  const TransformerBlock module(root, "", block.size("norm1.weight", 0),
                                block.size("attn2.to_k.weight", 1), c.params().at("heads"));
  block.load(root);
  Context context(c.input("context"));
  return {{"y", module(c.input("x"), context)}};
}

Outputs cross_attention(const Case& c) {
  const Block block(c);
  Module root;
  const CrossAttention module(root, "", block.size("to_q.weight", 1), block.size("to_k.weight", 1),
                              c.params().at("heads"));
  block.load(root);
  if (!c.has_input("context")) return {{"y", module.self(c.input("x"))}};
  Context context(c.input("context"));
  return {{"y", module.cross(c.input("x"), context)}};
}

Outputs feed_forward(const Case& c) {
  const Block block(c);
  Module root;
  const FeedForward module(root, "", block.size("net.2.weight", 0));
  block.load(root);
  return {{"y", module(c.input("x"))}};
}

Outputs unet_out(const Case& c) {
  const Block block(c);
  Module root;
  const GroupNorm norm(root, "0", block.size("0.weight", 0), 1e-5);
  const Conv2d conv(root, "2", block.size("2.weight", 1), block.size("2.weight", 0), 3);
  block.load(root);
  return {{"y", conv(norm.silu(c.input("x")))}};
}

Outputs hint_encoder(const Case& c) {
  const Block block(c);
  Module root;
  UNetConfig config;
  config.hint_channels = block.size("0.weight", 1);
  config.model_channels = block.size("14.weight", 0);
  const HintEncoder module(root, "", config);
  block.load(root);
  return {{"y", module(c.input("hint"))}};
}

Outputs vae_resnet(const Case& c) {
  const Block block(c);
  Module root;
  const VaeResnet module(root, "", block.size("conv1.weight", 1), block.size("conv1.weight", 0),
                         32);
  block.load(root);
  return {{"y", module(c.input("x"))}};
}

Outputs vae_attention(const Case& c) {
  const Block block(c);
  Module root;
  const VaeAttention module(root, "", block.size("norm.weight", 0), 32);
  block.load(root);
  return {{"y", module(c.input("x"))}};
}

Outputs vae_downsample(const Case& c) {
  const Block block(c);
  Module root;
  const VaeDownsample module(root, "", block.size("conv.weight", 0));
  block.load(root);
  return {{"y", module(c.input("x"))}};
}

}  // namespace

const OpTable& block_ops() {
  static const OpTable table = {
      {"timestep_embedding", timestep},
      {"resblock", resblock},
      {"downsample", downsample},
      {"upsample", upsample},
      {"spatial_transformer", spatial_transformer},
      {"transformer_block", transformer_block},
      {"cross_attention", cross_attention},
      {"feed_forward", feed_forward},
      {"unet_out", unet_out},
      {"hint_encoder", hint_encoder},
      {"vae_resnet", vae_resnet},
      {"vae_attention", vae_attention},
      {"vae_downsample", vae_downsample},
  };
  return table;
}

}  // namespace zc::parity
