// SPDX-License-Identifier: Apache-2.0
// Parts of vision transformers that several annotators share (timm's names). Tokens [B,T,D].
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "tensor/layers.h"
#include "tensor/module.h"

namespace zc {

// Epsilon of these transformers' norms.
inline constexpr double kVitNormEps = 1e-6;

// Keys "fc1", "fc2": four times the width, exact GELU between.
class VitMlp : public Module {
 public:
  VitMlp(Module& parent, std::string_view key, int64_t width);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  Linear up_, down_;
};

struct VitBlockOptions {
  int64_t width = 0;
  int64_t heads = 0;
  bool layer_scale = false;  // keys "ls1.gamma", "ls2.gamma" (DINOv2)
};

// Attention and MLP, each after its norm and added to its input.
class VitBlock : public Module {
 public:
  VitBlock(Module& parent, std::string_view key, VitBlockOptions options);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  VitBlockOptions options_;
  LayerNorm norm_attention_;
  Linear qkv_, attention_out_;
  std::optional<Parameter> attention_scale_;
  LayerNorm norm_mlp_;
  VitMlp mlp_;
  std::optional<Parameter> mlp_scale_;
};

// [B,D,h,w] -> [B,h*w,D], row by row.
at::Tensor map_to_tokens(const at::Tensor& map);
// [B,h*w,D] -> [B,D,h,w].
at::Tensor tokens_to_map(const at::Tensor& tokens, int64_t height, int64_t width);

}  // namespace zc
