// SPDX-License-Identifier: Apache-2.0
// The text encoders: CLIP ViT-L (SD1.x, SDXL's first) and OpenCLIP ViT-H and bigG (SD2.x, SDXL's
// second).
#pragma once

#include <ATen/core/Tensor.h>

#include <deque>

#include "tensor/layers.h"

namespace zc {

struct TextConfig {
  int64_t vocabulary = 49408;
  int64_t width = 768;
  int64_t layers = 12;
  int64_t heads = 12;
  int64_t positions = 77;
  int64_t intermediate = 0;  // 0: 4 * width
  int64_t projection = 0;    // OpenCLIP: columns of text_projection

  int64_t inner() const { return intermediate > 0 ? intermediate : 4 * width; }
  bool operator==(const TextConfig&) const = default;
};

TextConfig clip_l_text();
TextConfig openclip_h_text();
TextConfig openclip_g_text();

// Which hidden state conditions the UNet.
enum class TextLayer {
  last,   // all layers, then the final norm
  skip2,  // all but the last layer, then the final norm (SD2.x "penultimate"; CLIP skip 2)
  penultimate_raw,  // all but the last layer, no norm (SDXL)
};

// transformers' CLIPTextModel; keys below "cond_stage_model.transformer.text_model.".
class ClipTextEncoder : public Module {
 public:
  explicit ClipTextEncoder(const TextConfig& config);
  const TextConfig& config() const { return config_; }
  // ids int64 [B,T], T <= positions -> [B,T,D]
  at::Tensor forward(const at::Tensor& ids, TextLayer layer = TextLayer::last) const;
  // "CLIP skip" of the web UI: the hidden state of layer `skip` from the end (1: the last one),
  // then the final norm. 1 <= skip <= layers.
  at::Tensor forward_skip(const at::Tensor& ids, int64_t skip) const;

 private:
  struct Layer : Module {
    Layer(Module& parent, std::string_view key, const TextConfig& c);
    LayerNorm norm1, norm2;
    Linear q, k, v, out, fc1, fc2;
  };
  at::Tensor run(const at::Tensor& ids, int64_t layers) const;

  TextConfig config_;
  Embedding tokens_;
  Parameter positions_;
  std::deque<Layer> layers_;
  LayerNorm final_norm_;
};

// open_clip's text tower; keys below "cond_stage_model.model.".
class OpenClipTextEncoder : public Module {
 public:
  explicit OpenClipTextEncoder(const TextConfig& config);
  const TextConfig& config() const { return config_; }

  at::Tensor forward(const at::Tensor& ids, TextLayer layer = TextLayer::skip2) const;

  struct Pooled {
    at::Tensor hidden;  // output of the last but one block, [B,T,D]
    at::Tensor
        pooled;  // final norm of the last block at the end mark, times text_projection, [B,P]
  };
  // end_id: the id whose first position is pooled.
  Pooled forward_pooled(const at::Tensor& ids, int64_t end_id = 49407) const;

 private:
  struct Layer : Module {
    Layer(Module& parent, std::string_view key, const TextConfig& c);
    LayerNorm norm1, norm2;
    Parameter in_weight, in_bias;  // rows: q, k, v
    Linear out, fc, proj;
  };
  at::Tensor run(const at::Tensor& ids, int64_t layers) const;

  TextConfig config_;
  Embedding tokens_;
  Parameter positions_;
  std::deque<Layer> layers_;
  LayerNorm final_norm_;
  std::optional<Parameter> projection_;
};

}  // namespace zc
