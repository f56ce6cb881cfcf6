// SPDX-License-Identifier: Apache-2.0
// The blocks that the UNet and the ControlNet share: residual block, spatial transformer, down and
// up.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "models/token_merging.h"
#include "tensor/layers.h"

namespace zc {

struct UNetConfig {
  int64_t in_channels = 4;
  int64_t out_channels = 4;
  int64_t model_channels = 320;
  std::vector<int64_t> channel_mult = {1, 2, 4, 4};
  int64_t num_res_blocks = 2;
  std::vector<int64_t> transformer_depth = {1, 1, 1, 0};  // for each level; 0: no transformer
  int64_t middle_depth = 1;
  int64_t num_heads = 8;      // at every level, or
  int64_t head_channels = 0;  // if not 0: the size of a head at every level
  int64_t context_dim = 768;
  bool linear_projection = false;  // proj_in and proj_out act on tokens (SD2.x, SDXL)
  int64_t label_channels = 0;      // width of the added condition (SDXL: 2816), 0: none
  int64_t norm_groups = 32;
  int64_t hint_channels = 3;  // ControlNet only, and the widths of its hint encoder's first layers
  std::vector<int64_t> hint_widths = {16, 16, 32, 32, 96, 96, 256};

  int64_t time_channels() const { return model_channels * 4; }
  // Of the outermost level that has attention.
  int64_t attention_channels() const {
    size_t level = 0;
    while (level + 1 < channel_mult.size() && transformer_depth[level] == 0) ++level;
    return model_channels * channel_mult[level];
  }
  int64_t heads_at(int64_t channels) const {
    return head_channels > 0 ? channels / head_channels : num_heads;
  }
  bool operator==(const UNetConfig&) const = default;
};

UNetConfig sd15_unet();
UNetConfig sd21_unet();
UNetConfig sdxl_unet();

class CrossAttention;

// Keys and values of one cross-attention, [B,T,N*d] each.
struct KeyValue {
  at::Tensor key;
  at::Tensor value;
};

// The text condition of one run. Keys and values of every cross-attention are computed at the first
// step and kept, if asked for: they do not change between steps. An image prompt adds a second
// attention to each (IP-Adapter).
class Context {
 public:
  // tokens [B,T,D]. keep: true for inference; training recomputes.
  explicit Context(at::Tensor tokens, bool keep = false)
      : tokens_(std::move(tokens)), keep_(keep) {}

  const at::Tensor& tokens() const { return tokens_; }
  KeyValue keys_values(const CrossAttention& layer, const std::function<KeyValue()>& compute);

  struct ImagePrompt {
    std::unordered_map<const CrossAttention*, KeyValue> layers;
    double scale = 1.0;
  };
  std::optional<ImagePrompt> image_prompt;

  // Training: blocks keep only their inputs and compute again on the way back (tensor/recompute.h):
  // a residual block with its transformer at a time, or, of deep transformers, each block.
  // The keys and values of an image prompt get no gradient then.
  bool recompute = false;
  // Inference: part of the tokens of self-attention that is merged at the outermost level that has
  // any.
  double merged_tokens = 0;

 private:
  at::Tensor tokens_;
  bool keep_;
  std::unordered_map<const CrossAttention*, KeyValue> kept_;
};

// block(inputs, context), recomputed in the backward pass if the context asks for it. The inputs
// and the tokens get their gradients; what the block captures must live until then, the context
// need not.
using ContextBlock =
    std::function<at::Tensor(const std::vector<at::Tensor>& inputs, Context& context)>;
at::Tensor run_block(Context& context, std::vector<at::Tensor> inputs, const ContextBlock& block);

// [cos(t f_j), sin(t f_j)], f_j = max_period^(-j / (dim/2)); t [B] of any type -> [B,dim] float32
// (ldm/modules/diffusionmodules/util.py timestep_embedding).
at::Tensor timestep_embedding(const at::Tensor& t, int64_t dim, double max_period = 10000.0);

// x [B,...], or [1,...] once for each of the batch.
at::Tensor for_batch(const at::Tensor& x, int64_t batch);

// openaimodel.py ResBlock.
class ResBlock : public Module {
 public:
  ResBlock(Module& parent, std::string_view key, const UNetConfig& c, int64_t in, int64_t out);
  // x [B,C,H,W], emb [B,E] or [1,E] -> [B,C',H,W]
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& emb) const;

 private:
  GroupNorm norm_in_;
  Conv2d conv_in_;
  Linear emb_;
  GroupNorm norm_out_;
  Conv2d conv_out_;
  std::optional<Conv2d> skip_;
};

// attention.py CrossAttention; without a context it attends to itself.
class CrossAttention : public Module {
 public:
  CrossAttention(Module& parent, std::string_view key, int64_t width, int64_t context_dim,
                 int64_t heads);
  // x [B,T,D]; `residual` of the same shape, or undefined, is added. Where the context has more
  // rows than an x of one, cross() gives each of them its own result.
  at::Tensor self(const at::Tensor& x, const at::Tensor& residual = {}) const;
  at::Tensor cross(const at::Tensor& x, Context& context, const at::Tensor& residual = {}) const;
  int64_t width() const { return width_; }

 private:
  int64_t width_;
  int64_t heads_;
  Linear to_q_;
  Linear to_k_;
  Linear to_v_;
  Linear to_out_;
};

// attention.py FeedForward with GEGLU.
class FeedForward : public Module {
 public:
  FeedForward(Module& parent, std::string_view key, int64_t width);
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& residual = {}) const;

 private:
  Linear proj_;
  Linear out_;
};

// attention.py BasicTransformerBlock.
class TransformerBlock : public Module {
 public:
  TransformerBlock(Module& parent, std::string_view key, int64_t width, int64_t context_dim,
                   int64_t heads);
  // x [B,T,D], or [1,T,D] before the batch of the context -> [B,T,D]. Context::merged_tokens counts
  // where the grid of the tokens is given.
  at::Tensor operator()(const at::Tensor& x, Context& context, const TokenGrid& grid = {}) const;
  const CrossAttention& cross_attention() const { return attn2_; }

 private:
  at::Tensor self_attention(const at::Tensor& x, double merged, const TokenGrid& grid) const;

  LayerNorm norm1_, norm2_, norm3_;
  CrossAttention attn1_, attn2_;
  FeedForward ff_;
};

// attention.py SpatialTransformer.
class SpatialTransformer : public Module {
 public:
  SpatialTransformer(Module& parent, std::string_view key, const UNetConfig& c, int64_t channels,
                     int64_t depth);
  // x [B,C,H,W], or [1,C,H,W] before the batch of the context -> [B,C,H,W]
  at::Tensor operator()(const at::Tensor& x, Context& context) const;
  const std::deque<TransformerBlock>& blocks() const { return blocks_; }
  // Too much for one recomputation: its blocks, not itself, are recomputed.
  bool deep() const { return blocks_.size() > 1; }

 private:
  bool outermost_;
  GroupNorm norm_;
  std::optional<Conv2d> conv_in_, conv_out_;
  std::optional<Linear> linear_in_, linear_out_;
  std::deque<TransformerBlock> blocks_;
};

// residual, then transformer if there is one, recomputed in one or, with a deep transformer, in
// parts.
at::Tensor run_stage(const ResBlock& residual, const SpatialTransformer* transformer,
                     const at::Tensor& x, const at::Tensor& emb, Context& context);

// One entry of input_blocks: the first convolution, or a ResBlock with its transformer, or a
// downsampling.
class EncoderStage : public Module {
 public:
  enum class Kind { stem, residual, down };
  EncoderStage(Module& parent, std::string_view key, const UNetConfig& c, Kind kind, int64_t in,
               int64_t out, int64_t depth);
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& emb, Context& context) const;
  const SpatialTransformer* transformer() const { return transformer_ ? &*transformer_ : nullptr; }

 private:
  std::optional<Conv2d> conv_;
  std::optional<ResBlock> residual_;
  std::optional<SpatialTransformer> transformer_;
};

// time_embed, label_emb, input_blocks and middle_block: what the UNet and its trainable copy have
// in common. Its parameters belong to `parent` itself, so both spell their keys alike.
class Encoder {
 public:
  Encoder(Module& parent, const UNetConfig& c);

  // t [B]; label [B,label_channels] or undefined -> [B,4*model_channels]
  at::Tensor embed(const at::Tensor& t, const at::Tensor& label) const;
  const std::deque<EncoderStage>& stages() const { return stages_; }
  at::Tensor middle(const at::Tensor& x, const at::Tensor& emb, Context& context) const;
  const SpatialTransformer& middle_transformer() const { return middle_transformer_; }
  // Channels after each stage, first to last.
  const std::vector<int64_t>& channels() const { return channels_; }

 private:
  struct MiddleKey : Module {
    explicit MiddleKey(Module& parent) : Module(parent, "middle_block") {}
  };
  const UNetConfig config_;
  Linear time_in_, time_out_;
  std::optional<Linear> label_in_, label_out_;
  std::deque<EncoderStage> stages_;
  std::vector<int64_t> channels_;
  MiddleKey middle_key_;
  ResBlock middle_in_;
  SpatialTransformer middle_transformer_;
  ResBlock middle_out_;
};

// Memory layout in which the blocks compute.
at::Tensor channels_last(const at::Tensor& x);

}  // namespace zc
